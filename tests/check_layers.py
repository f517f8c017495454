#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes point downwards only.

Every file of src/ and include/chatmux/ has a rank in tests/ranks.txt and may include only strictly
lower ones (and its own header). src/cli and port/ see the public headers, libc and their own folder.
Each third-party library is seen by its own files alone. There is no include cycle anywhere.
"""

import fnmatch
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "checks"))
sys.dont_write_bytecode = True
import source

PUBLIC_SYSTEM = {"stddef.h", "stdint.h", "stdbool.h"}
SRC_SYSTEM = PUBLIC_SYSTEM | {"string.h", "limits.h"}

# Start of the include's name -> the files under src/ that may see the library. wire/tls.h is the
# backend-neutral face of TLS, so the pattern for headers begins with "tls_".
LIBRARIES = {
    "nghttp2": ("wire/h2*.c",),
    "wolfssl": ("wire/tls*.c", "wire/tls_*.h"),
    "cyassl": (),
    "jsmn": ("text/json*.c",),
}

LIMITS_HEADER = "include/chatmux/limits.h"


def module_of(path):
    """src/pool/slot.c -> pool/slot, include/chatmux/port.h -> chatmux/port."""
    return os.path.splitext(path.split("/", 1)[1])[0]


class Layers:
    def __init__(self, root):
        self.findings = source.Findings("check_layers")
        self.ranks = source.read_ranks(root, self.findings)
        self.paths = source.c_files(root, ("src", "port", "include"))
        self.known = set(self.paths)
        self.edges = {}  # path -> [(line, included path)]
        for path in self.paths:
            self.check_file(path, source.Source(root, path))
        self.check_cycles()

    def check_file(self, path, text):
        self.edges[path] = []
        if path.startswith(("src/", "include/")):
            self.check_has_rank(path)
        for line, name, is_angled in text.includes:
            if name is None and path == LIMITS_HEADER:
                continue # CMX_CONFIG_FILE: the user's own
            if name is None:
                self.findings.add(path, line, "include-spelled", "name the file; no macro as include")
            elif self.check_library(path, line, name):
                continue
            else:
                self.check_include(path, line, name, is_angled)

    def check_has_rank(self, path):
        module = module_of(path)
        if path.startswith("include/") and not path.startswith("include/chatmux/"):
            self.findings.add(path, 1, "folder", "public headers live in include/chatmux/")
        elif path.startswith("src/") and path.count("/") != 2:
            self.findings.add(path, 1, "folder", "a source file is src/FOLDER/NAME.c or .h")
        elif module not in self.ranks:
            self.findings.add(path, 1, "rank-missing", f"add a line '{module} RANK' to tests/ranks.txt")

    def check_library(self, path, line, name):
        """True if the include names a third-party library, allowed or not."""
        for prefix, patterns in LIBRARIES.items():
            if os.path.basename(name).startswith(prefix) or name.startswith(prefix + "/"):
                inside = path[4:] if path.startswith("src/") else ""
                if not any(fnmatch.fnmatchcase(inside, pattern) for pattern in patterns):
                    where = " ".join("src/" + pattern for pattern in patterns) or "nobody"
                    self.findings.add(path, line, "library", f"<{name}> may be included by {where} only")
                return True
        return False

    def check_include(self, path, line, name, is_angled):
        target = self.resolve(path, name, is_angled)
        if target is None:
            self.check_system(path, line, name, is_angled)
            return
        self.edges[path].append((line, target))
        if path.startswith("include/"):
            self.check_public(path, line, target)
        elif path.startswith("port/"):
            self.check_own_folder(path, line, target)
        elif path.startswith("src/cli/"):
            if self.check_own_folder(path, line, target) and target.startswith("src/"):
                self.check_rank(path, line, target)
        elif target.startswith("port/"):
            self.findings.add(path, line, "layer", "src/ reaches a port only through chatmux/port.h")
        elif target.startswith("src/"):
            self.check_rank(path, line, target)

    def resolve(self, path, name, is_angled):
        """The project's file an include means, or None for a system header."""
        places = ["include/" + name]
        if not is_angled:
            places = ["src/" + name, "include/" + name]
            if path.startswith("port/"):
                places += ["port/" + name, name, os.path.dirname(path) + "/" + name]
        return next((place for place in places if place in self.known), None)

    def check_system(self, path, line, name, is_angled):
        if not is_angled:
            self.findings.add(path, line, "include-found",
                              f'no such header; write "folder/name.h" from src/ or "chatmux/name.h": {name}')
            return
        allowed = None
        if path.startswith("include/"):
            allowed = PUBLIC_SYSTEM
        elif path.startswith("src/") and not path.startswith("src/cli/"):
            allowed = SRC_SYSTEM
        if allowed is not None and name not in allowed:
            self.findings.add(path, line, "system-header",
                              f"<{name}> is outside the list: {' '.join(sorted(allowed))}")

    def check_public(self, path, line, target):
        if not target.startswith("include/"):
            self.findings.add(path, line, "layer", "a public header includes public headers only")
        else:
            self.check_rank(path, line, target)

    def check_own_folder(self, path, line, target):
        folder = os.path.dirname(path) + "/"
        if target.startswith("include/") or target.startswith(folder):
            return True
        self.findings.add(path, line, "layer", f"{folder} includes only chatmux/, libc and itself")
        return False

    def check_rank(self, path, line, target):
        mine, other = module_of(path), module_of(target)
        if mine == other:
            if path.endswith(".h"):
                self.findings.add(path, line, "cycle", "a header does not include itself")
            return
        if target.endswith(".c"):
            self.findings.add(path, line, "layer", "include headers, never a .c file")
            return
        if mine not in self.ranks or other not in self.ranks:
            return  # reported once, at the file without a rank
        if self.ranks[other] >= self.ranks[mine]:
            self.findings.add(path, line, "layer",
                              f"{other} ({self.ranks[other]}) is not below {mine} ({self.ranks[mine]}); "
                              "move what both need further down")

    def check_cycles(self):
        """Each cycle once, at the include that closes it."""
        done, active = set(), []

        def visit(path):
            active.append(path)
            for line, target in self.edges[path]:
                if target in active[:-1]:
                    ring = " > ".join(active[active.index(target):] + [target])
                    self.findings.add(path, line, "cycle", f"break {ring}")
                elif target not in done and target != path:
                    visit(target)
            active.pop()
            done.add(path)

        for path in self.paths:
            if path not in done:
                visit(path)


def main(root):
    layers = Layers(root)
    return layers.findings.finish(len(layers.paths))


if __name__ == "__main__":
    source.run_check(main)
