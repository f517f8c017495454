#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The memory table of README.md, from measurement: what a context, a connection, a handshake and a
stream cost in three configurations, by the counters of a real run against chatmux-relay.

usage: table.py            prints the table
       table.py --write    puts it into README.md, between the two marks
       table.py --check    fails if README.md's differs by more than 3 %
In: the environment that ctest sets. The figures are those of one release build on 64 bits.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real"))
import common

PROGRAM = os.path.join(common.BUILD_DIR, "tests", "api", "memory_table")
README = os.path.join(common.SOURCE_DIR, "README.md")
MARKS = ("<!-- memory: begin, by tests/memory/table.py -->", "<!-- memory: end -->")
PERCENT_MAX = 3
PEAK_PERCENT_MAX = 10 # it depends on how much happens to be on its way at once

CONFIGURATIONS = ("tiny", "default", "thousand")
HEAD = ("bytes, 64 bits", "`tiny`: 1 connection, 8 requests", "`default`: 4, 256",
        "4 connections, 1,000 requests")
ROWS = (
    ("**the whole block**", "block"),
    ("reserved per connection", "connection_reserved"),
    ("reserved per request", "request_reserved"),
    ("*of these, by nghttp2 and wolfSSL:* reserved in all", "capacity"),
    ("most in use with all requests in flight", "peak"),
    ("TLS context with one root", "context"),
    ("connection, idle", "connection"),
    ("connection, at most in its handshake", "handshake"),
    ("stream in flight", "stream"),
)


def measure():
    figures = {}
    for name in CONFIGURATIONS:
        with common.Relay("--tokens", "40", "--gap-ms", "50") as relay:
            result = common.run_program([PROGRAM, relay.url, relay.cacert, name])
        if result.code != common.OK:
            sys.exit(repr(result))
        for line in result.out.decode().splitlines():
            configuration, figure, value = line.split()
            figures[configuration, figure] = int(value)
    return figures


def lines_of(figures):
    yield "| " + " | ".join(HEAD) + " |"
    yield "|---|--:|--:|--:|"
    for title, figure in ROWS:
        values = (f"{figures[name, figure]:,}" for name in CONFIGURATIONS)
        yield f"| {title} | " + " | ".join(values) + " |"


def parts_of_readme():
    with open(README, encoding="utf-8") as file:
        text = file.read()
    begin, end = (text.find(mark) for mark in MARKS)
    if begin < 0 or end < begin:
        sys.exit(f"README.md has no table between {MARKS[0]} and {MARKS[1]}")
    begin += len(MARKS[0])
    return text[:begin], text[begin:end], text[end:]


def check(figures):
    _, table, _ = parts_of_readme()
    wrong = 0
    for title, figure in ROWS:
        row = re.search(rf"^\| {re.escape(title)} \|(.*)\|$", table, re.M)
        values = [] if row is None else [int(cell.replace(",", "")) for cell in row[1].split("|")]
        for index, name in enumerate(CONFIGURATIONS):
            told = values[index] if index < len(values) else None
            percent = PEAK_PERCENT_MAX if figure == "peak" else PERCENT_MAX
            is_right = told is not None and (
                abs(told - figures[name, figure]) * 100 <= percent * figures[name, figure])
            if not is_right:
                print(f"README.md: {name}, {title}: {told}, measured {figures[name, figure]}")
                wrong += 1
    print(f"{wrong} of {len(ROWS) * len(CONFIGURATIONS)} figures of README.md are wrong")
    return 1 if wrong else 0


def main():
    if len(sys.argv) > 2 or sys.argv[1:] not in ([], ["--write"], ["--check"]):
        sys.exit(__doc__)
    figures = measure()
    table = "\n".join(lines_of(figures))
    if sys.argv[1:] == ["--check"]:
        return check(figures)
    if sys.argv[1:] == ["--write"]:
        before, _, after = parts_of_readme()
        with open(README, "w", encoding="utf-8") as file:
            file.write(f"{before}\n{table}\n{after}")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
