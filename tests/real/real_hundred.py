#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One chat and a hundred at once over TLS: the least that must hold on every CPU, emulated or not."""

import json

import common
from common import OK, Relay, run

STREAMS = 100
TOKENS = 20
WORD = "word "


class Hundred(common.Case):
    def test_one_chat_is_printed_whole(self):
        with Relay("--tokens", str(TOKENS), "--token-text", WORD) as relay:
            result = run("chat", *relay.options(), "hello")
            stats = relay.stop()
        self.expect(result, OK, out=WORD * TOKENS + "\n")
        self.assertEqual((stats["handshakes"], stats["completed"]), (1, 1))

    def test_hundred_streams_in_flight_over_two_connections(self):
        # Each waits long enough between tokens for all to be in flight, however slow the CPU.
        with Relay("--tokens", str(TOKENS), "--token-text", WORD, "--gap-ms", "100") as relay:
            result = run("bench", *relay.options(), "--json", "-n", str(STREAMS), "-c",
                         str(STREAMS), "-p", "2")
            stats = relay.stop()
        self.assertEqual(result.code, OK, result)
        found = json.loads(result.out)
        print(f"rss_kib={found['rss_kib']} memory_bytes={found['memory_bytes']} "
              f"cpu_us_per_delta={found['cpu_us_per_delta']}")
        self.assertEqual((found["completions"], found["failed"], found["deltas"]),
                         (STREAMS, 0, STREAMS * TOKENS))
        self.assertEqual(found["bytes"], STREAMS * TOKENS * len(WORD))
        self.assertEqual((stats["connections"], stats["completed"], stats["resets_received"]),
                         (2, STREAMS, 0))


if __name__ == "__main__":
    common.main()
