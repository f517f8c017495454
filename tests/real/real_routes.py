#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Routed chats over two relays: shares by weight, one that fails and comes back, one that is dead.

Each relay demands a key of its own, so a key that went to the wrong one would be a failure of a
request. What the program counted is compared with what the relays did.
"""

import os

import common
from common import BUILD_DIR, OK, Relay, refused_port, run_program

PROGRAM = os.path.join(BUILD_DIR, "tests", "api", "routes")
FIRST, SECOND = ("--key", "sk-of-the-first-relay"), ("--key", "sk-of-the-second-relay")
REQUESTS = 10000
FAILURES = 6


class Routes(common.Case):
    def play(self, mode, count, in_flight, first_url, first_ca, second):
        result = run_program([PROGRAM, mode, str(count), str(in_flight), first_url, first_ca,
                              second.url, second.cacert])
        self.assertEqual(result.code, OK, result)
        print(f"\n{mode}:\n{result.out.decode()}", end="", flush=True)
        last = result.out.decode().splitlines()[-1]
        return {name: int(value) for name, value in (pair.split("=") for pair in last.split())}

    def test_weights_are_the_shares(self):
        with Relay("--tokens", "1", *FIRST) as first, Relay("--tokens", "1", *SECOND) as second:
            seen = self.play("shares", REQUESTS, 64, first.url, first.cacert, second)
            chats = [first.stop()["chats"], second.stop()["chats"]]
        self.assertEqual(seen["requests"], REQUESTS)
        self.assertEqual(seen["lost"] + seen["retries"] + seen["failed"] + seen["cooled"], 0)
        self.assertEqual(chats, [seen["first"], seen["second"]])
        self.assertAlmostEqual(chats[0], REQUESTS * 2 / 3, delta=REQUESTS * 0.02)
        self.assertAlmostEqual(chats[1], REQUESTS / 3, delta=REQUESTS * 0.02)

    def test_one_fails_and_comes_back(self):
        flags = ("--tokens", "2", "--latency-ms", "20")
        with Relay(*flags, "--fault", "fault-500", "--fault-times", str(FAILURES), *FIRST) as first, \
             Relay(*flags, *SECOND) as second:
            seen = self.play("back", 100, 4, first.url, first.cacert, second)
            chats = [first.stop()["chats"], second.stop()["chats"]]
        self.assertEqual(seen["lost"], 0)
        self.assertEqual(seen["failed"], FAILURES)
        self.assertEqual(seen["retries"], FAILURES)
        self.assertEqual(seen["attempts"], seen["requests"] + FAILURES)
        self.assertGreaterEqual(seen["cooled"], 1)
        self.assertEqual(chats, [seen["first"], seen["second"]])

    def test_a_dead_one_costs_no_attempt(self):
        holder, port = refused_port()
        with holder, Relay("--tokens", "1", *SECOND) as second:
            seen = self.play("shares", 200, 20, f"https://localhost:{port}/v1", second.cacert, second)
            chats = second.stop()["chats"]
        self.assertEqual(seen["lost"], 0)
        self.assertEqual(seen["attempts"], 200)
        self.assertEqual([seen["first"], seen["second"], chats], [0, 200, 200])
        self.assertGreaterEqual(seen["cooled"], 1)


if __name__ == "__main__":
    common.main()
