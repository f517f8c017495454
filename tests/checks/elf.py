# SPDX-License-Identifier: MIT
"""Reads what the symbol check needs from ELF objects and ar archives of any machine.

Done here rather than with nm, so that objects for another CPU need no tools of that CPU.
"""

import struct

GLOBAL_BINDINGS = {1, 2, 10}  # global, weak, GNU unique
WRITABLE_AND_LOADED = 0x3
SYMBOL_TABLE, COMMON = 2, 0xFFF2


class NotReadable(Exception):
    """The bytes are no ELF object with machine code; the text says what they are."""


class Object:
    """name; undefined and defined: sets of global names; writable: {section: bytes}."""

    def __init__(self, name, data):
        self.name = name
        self.undefined, self.defined, self.writable = set(), set(), {}
        if data[:2] == b"BC" or data[:4] == b"\xde\xc0\x17\x0b":
            raise NotReadable("LLVM bitcode; check a build without link-time optimisation")
        if data[:4] != b"\x7fELF":
            raise NotReadable("not an ELF object")
        self._read(data)

    def _read(self, data):
        wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
        if wide:
            offset, = struct.unpack_from(order + "Q", data, 0x28)
            size, count, names_index = struct.unpack_from(order + "HHH", data, 0x3A)
            layout = order + "IIQQQQIIQQ"
        else:
            offset, = struct.unpack_from(order + "I", data, 0x20)
            size, count, names_index = struct.unpack_from(order + "HHH", data, 0x2E)
            layout = order + "IIIIIIIIII"
        sections = [struct.unpack_from(layout, data, offset + i * size) for i in range(count)]
        if count == 0:  # more sections than 16 bits count: the real number is in the first one
            first = struct.unpack_from(layout, data, offset)
            sections = [struct.unpack_from(layout, data, offset + i * size) for i in range(first[5])]
            names_index = first[6] if names_index == 0xFFFF else names_index
        names_offset = sections[names_index][4]
        for section in sections:
            name = _text(data, names_offset + section[0])
            if name.startswith(".gnu.lto_"):
                raise NotReadable("link-time optimisation; check a build without it")
            if section[2] & WRITABLE_AND_LOADED == WRITABLE_AND_LOADED and section[5] > 0:
                self.writable[name] = self.writable.get(name, 0) + section[5]
            if section[1] == SYMBOL_TABLE:
                self._read_symbols(data, section, sections[section[6]][4], wide, order)

    def _read_symbols(self, data, table, names_offset, wide, order):
        layout = order + ("IBBHQQ" if wide else "IIIBBH")
        step = struct.calcsize(layout)
        for at in range(table[4] + step, table[4] + table[5], step):
            fields = struct.unpack_from(layout, data, at)
            if wide:
                name_at, info, _, index, _, size = fields
            else:
                name_at, _, size, info, _, index = fields
            if info >> 4 not in GLOBAL_BINDINGS:
                continue
            name = _text(data, names_offset + name_at)
            if index == 0:
                self.undefined.add(name)
                continue
            self.defined.add(name)
            if index == COMMON:
                self.writable["COMMON"] = self.writable.get("COMMON", 0) + size


def _text(data, at):
    return data[at:data.index(b"\0", at)].decode("utf-8", "replace")


def archive_members(data):
    """(name, bytes) of every member of an ar archive in the common (GNU) form."""
    if data[:8] != b"!<arch>\n":
        raise NotReadable("not an archive; a thin archive is no use here, name the build directory")
    long_names, at = b"", 8
    while at + 60 <= len(data):
        name = data[at:at + 16].rstrip()
        size = int(data[at + 48:at + 58])
        content = data[at + 60:at + 60 + size]
        at += 60 + size + size % 2
        if name == b"//":
            long_names = content
        elif name not in (b"/", b"/SYM64/"):
            if name[:1] == b"/" and name[1:].isdigit():
                start = int(name[1:])
                name = long_names[start:long_names.index(b"\n", start)]
            yield name.rstrip(b"/").decode("utf-8", "replace"), content
