#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Endurance of the memory: 100,000 chats over 1,000 connections, and the high water stays flat.

usage: flat.py [--short]     --short: 3,000 chats over 50 connections, the share of ctest
In: the environment that ctest sets. Out: the figures of tests/api/flat.c after each tenth.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real"))
import common

LONG = ("100000", "1000")
SHORT = ("3000", "50")
TIMEOUT_S = 1800


def main():
    chats, reconnects = SHORT if "--short" in sys.argv[1:] else LONG
    program = os.path.join(common.BUILD_DIR, "tests", "api", "flat")
    with common.Relay("--duration-s", str(TIMEOUT_S)) as relay:
        result = subprocess.run([program, relay.url, relay.cacert, chats, reconnects],
                                timeout=TIMEOUT_S, check=False)
        seen = relay.stop()
    if result.returncode != 0:
        return 1
    print(f"the relay saw {seen['completed']} chats on {seen['connections']} connections")
    return 0 if seen["completed"] == int(chats) and seen["connections"] >= int(reconnects) else 1


if __name__ == "__main__":
    sys.exit(main())
