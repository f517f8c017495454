# SPDX-License-Identifier: MIT
"""Reads the wire cases of vectors/wire, in the form that unit/wire_vector.h describes.

In: a file. Out: a number, a title, and variants: bytes of an answer, its head, the facts that must
come. What is not understood is an error, never skipped.
"""

import glob
import os
import re

STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
SAY = b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
SENTINEL = b"data: [DONE]\n\n"

ESCAPE = re.compile(r"<([0-9A-F]{2}|CR|LF)>")
NAMED = {"CR": b"\r", "LF": b"\n"}


def unescape(text):
    """The bytes of a text: what stands between <..> is a byte by its number or name."""
    out = b""
    for index, part in enumerate(ESCAPE.split(text)):
        if index % 2 == 0:
            out += part.encode("ascii")
        else:
            out += NAMED[part] if part in NAMED else bytes.fromhex(part)
    return out


class Variant:
    def __init__(self, title, facts):
        self.title = title
        self.facts = dict(facts)
        self.body = b""
        self.settings = {"status": "200", "type": "text/event-stream", "end": "order"}

    @property
    def status(self):
        return int(self.settings["status"])

    @property
    def cut(self):
        return self.settings["end"] == "cut"

    @property
    def limits(self):
        """Whether the variant needs limits that the program does not have as its defaults."""
        return set(self.settings) > {"status", "type", "end"}

    def take_body(self, name, text):
        if name == "|":
            self.body += unescape(text) + b"\n"
        elif name == ">":
            self.body += unescape(text)
        elif name == "@say":
            self.body += SAY % unescape(text)
        elif name == "@stop":
            self.body += STOP
        elif name == "@done":
            self.body += SENTINEL
        elif name[0] == "*":
            self.body += unescape(text) * int(name[1:])
        else:
            return False
        return True

    def take_setting(self, name, text):
        if name not in ("status", "type", "end", "event-bytes", "skipped-max", "malformed-max",
                        "tool-calls-max"):
            raise ValueError(f"no such setting: {name}")
        self.settings[name] = text


def take_fact(facts, text):
    key, value = text.split(":", 1)
    value = unescape(value.removeprefix(" "))
    if key.endswith("+"):
        facts[key[:-1]] = facts.get(key[:-1], b"") + value
    elif "*" in key:
        key, times = key.split("*")
        facts[key] = value * int(times)
    else:
        facts[key] = value


class WireCase:
    def __init__(self, path):
        self.number = 0
        self.title = ""
        self.variants = []
        self.shared = {}
        with open(path, encoding="ascii", newline="\n") as file:
            for line in file:
                self.take_line(line.removesuffix("\n"))

    def take_line(self, line):
        if not line or line.startswith("#"):
            return
        name, _, text = line.partition(" ")
        variant = self.variants[-1] if self.variants else None
        if name == "=":
            take_fact(variant.facts if variant else self.shared, text)
        elif name == "variant":
            self.variants.append(Variant(text, self.shared))
        elif variant is not None:
            if not variant.take_body(name, text):
                variant.take_setting(name, text)
        elif name == "case":
            self.number = int(text)
        elif name == "title":
            self.title = text
        else:
            raise ValueError(f"not understood: {line}")


def load(folder):
    """All cases of a folder, by number."""
    cases = [WireCase(path) for path in sorted(glob.glob(os.path.join(folder, "*.txt")))]
    return {case.number: case for case in cases}
