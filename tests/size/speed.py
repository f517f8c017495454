#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPU time per token of two builds in one run: what the preset `size` pays for its bytes.

usage: speed.py [--runs N] RELEASE_DIR SIZE_DIR

Both programs stream the same chats from one chatmux-relay (of RELEASE_DIR, or CMX_RELAY) over TLS 1.3,
in turns, so that a busy machine slows both; the median of each counts, and what moves is the ratio.
Chats of 64 tokens, 200 at a time over two connections: at full speed (many tokens a record), and a token
each 5 ms (few a record, so that reading and decrypting count more). The two handshakes are spread over
all tokens. Prints Markdown.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

READY_S = 10
CHATS = {"full speed": (10000, ()), "a token each 5 ms": (2000, ("--gap-ms", "5"))}


def wait_ready(path, server):
    due = time.monotonic() + READY_S
    while not (os.path.exists(path) and os.path.getsize(path) > 0):
        if time.monotonic() > due or server.poll() is not None:
            sys.exit("speed.py: the relay did not start")
        time.sleep(0.05)
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def bench(program, port, trust, chats):
    """Returns microseconds of CPU time per token; every chat must have succeeded."""
    done = subprocess.run([program, "bench", "--url", f"https://localhost:{port}/v1", "--cacert", trust, "--model", "m",
                           "-n", str(chats), "-c", "200", "-p", "2", "--json"], stdout=subprocess.PIPE,
                          env=dict(os.environ, OPENAI_API_KEY="none"), check=False)
    if done.returncode != 0:
        sys.exit(f"speed.py: {program} failed")
    return json.loads(done.stdout)["cpu_us_per_delta"]


def measure(relay, programs, runs, chats, flags):
    """Returns the median of each program."""
    with tempfile.TemporaryDirectory() as folder:
        ready, trust = os.path.join(folder, "port"), os.path.join(folder, "ca")
        server = subprocess.Popen([relay, "--port", "0", "--ready-file", ready, "--make-ca", trust, "--tokens", "64",
                                   "--duration-s", "600", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = wait_ready(ready, server)
            found = [[] for _ in programs]
            for _ in range(runs):
                for row, program in zip(found, programs):
                    row.append(bench(program, port, os.path.join(trust, "ca.pem"), chats))
        finally:
            server.terminate()
            server.wait()
    return [statistics.median(row) for row in found]


def main():
    arguments = sys.argv[1:]
    runs = 5
    if arguments[:1] == ["--runs"] and len(arguments) > 1 and arguments[1].isdigit() and int(arguments[1]) > 0:
        runs = int(arguments[1])
        arguments = arguments[2:]
    if len(arguments) != 2:
        sys.exit(__doc__)
    relay = os.environ.get("CMX_RELAY") or os.path.join(arguments[0], "chatmux-relay")
    programs = [os.path.join(folder, "chatmux") for folder in arguments]
    print("| CPU per token, µs | `release` | `size` | ratio |\n|---|---|---|---|")
    for name, (chats, flags) in CHATS.items():
        fast, small = measure(relay, programs, runs, chats, flags)
        print(f"| {name} | {fast:.2f} | {small:.2f} | {small / fast:.2f} |")


if __name__ == "__main__":
    main()
