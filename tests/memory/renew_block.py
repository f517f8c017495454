#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Renews the figures of include/chatmux/block.h that test_block measures, for its pointer size.

usage: renew_block.py TEST_BLOCK   (the program, of a build for 64 bits, then of one for 32; under
                                    an emulator: the command in quotes)
Afterwards build again: test_block must pass. Prints what changed.
"""

import os
import re
import shlex
import subprocess
import sys

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "chatmux",
                      "block.h")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    result = subprocess.run(shlex.split(sys.argv[1]), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    out = result.stdout.decode()
    bits = re.search(r"^(32|64)-bit pointers:", out, re.M)
    figures = re.findall(r"^ +(CMX_BLOCK_[A-Z]+_BYTES): ([0-9]+)$", out, re.M)
    if bits is None or not figures:
        sys.exit(f"no figures in what {sys.argv[1]} printed:\n{out}")
    with open(HEADER, encoding="utf-8") as file:
        text = file.read()
    for name, value in figures:
        pattern = re.compile(rf"(#define {name} CMX_BLOCK_BY_POINTER\()([0-9]+), ([0-9]+)\)")
        found = pattern.search(text)
        if found is None:
            sys.exit(f"{HEADER} has no {name}")
        pair = (value, found[3]) if bits[1] == "64" else (found[2], value)
        if pair != (found[2], found[3]):
            print(f"{name}: {found[2]}, {found[3]} -> {pair[0]}, {pair[1]}")
        text = text[:found.start()] + f"{found[1]}{pair[0]}, {pair[1]})" + text[found.end():]
    with open(HEADER, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
