#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the library's objects call, export and keep: the proof behind "src/ touches no system".

usage: check_symbols.py BUILD_DIR_OR_ARCHIVE [--root ROOT] [--partial]

Every object made from src/ (src/cli/ apart)
  * calls string functions, compiler helpers, its own library (nghttp2 from wire/h2*, wolfSSL from
    wire/tls*) and chatmux functions of a lower rank, and nothing else;
  * exports names of its own module only: src/pool/slot.c gives cmx_slot_*; files of src/client/ may
    export what include/chatmux/ declares;
  * and all of them together keep at most 16 writable bytes. (An instrumented build, as with
    sanitizers or coverage, keeps its own data there and is not judged by that.)
In an archive, members are recognised by file name. --partial accepts sources without an object.
"""

import argparse
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "checks"))
sys.dont_write_bytecode = True
import elf
import source

WRITABLE_BYTES_MAX = 16

STRING = re.compile(
    r"(?:__)?(?:memcpy|memmove|memset)(?:_chk)?$|(?:memcmp|bcmp|memchr|strlen|strnlen|strcmp|strncmp|strchr"
    r"|strrchr|strstr|strspn|strcspn|strpbrk)$")
RUNTIME = re.compile(
    r"__stack_chk_\w+$|_GLOBAL_OFFSET_TABLE_$|_gp_disp$|\.TOC\.$|__x86\.get_pc_thunk\.\w+$"
    r"|__cpu_model$|__cpu_indicator_init$|__aeabi_\w+$|__gnu_(?:thumb1_)?\w+$"
    r"|__u?(?:div|mod|divmod|mul|mulo|neg|ashl|ashr|lshr|cmp)[a-z]*[sdt]i[0-9]$"
    r"|__(?:clz|ctz|ffs|popcount|parity|bswap)[sdt]i2$"
    r"|__(?:add|sub|mul|div|neg|eq|ne|lt|le|gt|ge|unord|fix|fixuns|float|floatun|extend|trunc|cmp)"
    r"[sd][fi]\w*$")
INSTRUMENT = re.compile(
    r"_*(?:asan|ubsan|tsan|msan|lsan|hwasan|sanitizer|sancov|odr_asan|gcov|llvm_gcov|llvm_gcda|llvm_profile"
    r"|llvm_prf|llvm_cov|covrec|profc|profd)[_.]")
LIBRARIES = {
    "nghttp2": (re.compile(r"nghttp2_\w+$"), re.compile(r"wire/h2")),
    "wolfSSL": (re.compile(r"(?:wolf[A-Z]\w*|wc_\w+)$"), re.compile(r"wire/tls")),
}
# Names that a library forces upon one module, beside its own.
FORCED_EXPORTS = {"wire/tls_hooks": {"XMALLOC", "XREALLOC", "XFREE"}}


def is_writable_section(name):
    """Constants that the loader must relocate (.data.rel.ro) are read-only when the program runs."""
    return not name.startswith(".data.rel.ro")


class Symbols:
    def __init__(self, root):
        self.root = root
        self.findings = source.Findings("check_symbols")
        self.ranks = source.read_ranks(root, self.findings)
        files = source.c_files(root, ("src", "port", "include"))
        self.sources = {path[4:-2] for path in files
                        if path.startswith("src/") and path.endswith(".c") and not path.startswith("src/cli/")}
        self.others = {os.path.basename(path)[:-2] for path in files
                       if path.endswith(".c") and not (path.startswith("src/") and path[4:-2] in self.sources)}
        self.public = self.declared_names([path for path in files if path.startswith("include/")])
        self.objects = {}  # module -> [elf.Object]

    def declared_names(self, headers):
        names = set()
        for path in headers:
            names |= set(re.findall(r"\b(cmx_\w+)\s*(?=[(\[;])", source.Source(self.root, path).body))
        return names

    def report(self, module, rule, remedy):
        self.findings.add(f"src/{module}.c", 1, rule, remedy)

    def load(self, module, name, data):
        try:
            self.objects.setdefault(module, []).append(elf.Object(name, data))
        except elf.NotReadable as error:
            self.report(module, "object", f"{name}: {error}")

    def load_folder(self, folder):
        """Objects lie at .../src/FOLDER/NAME.c.o below the build directory. Those of the program are of
        the same sources where it is linked as one; what users get is the library's."""
        for suffix in (".c.o", ".o", ".c.obj"):
            for path in glob.iglob(f"{glob.escape(folder)}/**/src/*/*{suffix}", recursive=True):
                module = "/".join(path[:-len(suffix)].split(os.sep)[-2:])
                if module in self.sources and "chatmux_cli.dir" not in path:
                    with open(path, "rb") as file:
                        self.load(module, os.path.relpath(path, folder), file.read())

    def load_archive(self, path):
        by_name = {}
        for module in self.sources:
            by_name.setdefault(os.path.basename(module), []).append(module)
        with open(path, "rb") as file:
            members = list(elf.archive_members(file.read()))
        for name, data in members:
            modules = by_name.get(re.sub(r"(?:\.c)?\.(?:o|obj)$", "", name), [])
            if len(modules) > 1 or (modules and os.path.basename(modules[0]) in self.others):
                self.report(modules[0], "object", f"{name} may be one of several files; give the build directory")
            elif modules:
                self.load(modules[0], name, data)

    def check(self, is_partial):
        definers = {name: module for module, objects in self.objects.items()
                    for item in objects for name in item.defined}
        for module in sorted(self.sources):
            if module not in self.objects and not is_partial:
                self.report(module, "object", "no object was built from it, so nothing proves what it calls")
            for item in self.objects.get(module, []):
                self.check_calls(module, item, definers)
                self.check_exports(module, item)
        self.check_writable()

    def check_calls(self, module, item, definers):
        for name in sorted(item.undefined):
            if STRING.match(name) or RUNTIME.match(name) or INSTRUMENT.match(name):
                continue
            library = next((key for key, (names, _) in LIBRARIES.items() if names.match(name)), None)
            if library is not None:
                if not LIBRARIES[library][1].match(module):
                    self.report(module, "call", f"{name}: {library} belongs to its files in src/wire/")
            elif name in definers:
                self.check_call_rank(module, name, definers[name])
            elif name not in self.public and name not in FORCED_EXPORTS.get(module, ()):
                self.report(module, "call", f"{name} is outside src/ and the allow-list; ask the port, "
                                            "or take it as a parameter")

    def check_call_rank(self, module, name, definer):
        mine, other = self.ranks.get(module), self.ranks.get(definer)
        if mine is not None and other is not None and definer != module and other >= mine:
            self.report(module, "call-upward", f"{name} lives in {definer} ({other}), not below {mine}")

    def check_exports(self, module, item):
        prefix = "cmx_" + os.path.basename(module)
        for name in sorted(item.defined):
            if name == prefix or name.startswith(prefix + "_") or INSTRUMENT.match(name) \
                    or RUNTIME.match(name) or name in FORCED_EXPORTS.get(module, ()):
                continue
            if module.startswith("client/") and name in self.public:
                continue
            self.report(module, "export", f"{name}: make it static or name it {prefix}_...")
        if not item.defined and not item.undefined:
            self.report(module, "object", f"{item.name} has no symbols; stripped objects prove nothing")

    def check_writable(self):
        largest = {}
        for module, objects in self.objects.items():
            for item in objects:
                if any(INSTRUMENT.match(name) for name in item.undefined | item.defined):
                    continue
                count = sum(size for name, size in item.writable.items() if is_writable_section(name))
                largest[module] = max(largest.get(module, 0), count)
        total = sum(largest.values())
        if total > WRITABLE_BYTES_MAX:
            for module, count in sorted(largest.items()):
                if count > 0:
                    self.report(module, "writable-data",
                                f"{count} of {total} writable bytes; at most {WRITABLE_BYTES_MAX} in all: "
                                "keep state in the caller's block")


def main():
    parser = argparse.ArgumentParser(description="Checks what the objects of chatmux call, export and keep.")
    parser.add_argument("build", help="build directory (preferred) or archive")
    parser.add_argument("--root", default=source.default_root(), help="the project's root")
    parser.add_argument("--partial", action="store_true", help="accept sources without an object")
    arguments = parser.parse_args()
    symbols = Symbols(os.path.abspath(arguments.root))
    if os.path.isdir(arguments.build):
        symbols.load_folder(os.path.abspath(arguments.build))
    else:
        try:
            symbols.load_archive(arguments.build)
        except (OSError, elf.NotReadable) as error:
            parser.error(f"{arguments.build}: {error}")
    symbols.check(arguments.partial)
    return symbols.findings.finish(sum(len(objects) for objects in symbols.objects.values()), "objects")


if __name__ == "__main__":
    sys.exit(main())
