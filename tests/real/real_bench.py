#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chatmux bench against the relay: both sides must count the same. Counts only, no times."""

import json
import os

import common
from common import FAILED, OK, Relay, run

# The documented fields: scripts read them.
FIELDS = ("completions failed deltas bytes wall_s cpu_s cpu_us_per_delta rps p50_ms p99_ms "
          "ttft_p50_ms rss_kib memory_bytes handshakes connections retries timeouts").split()


class Bench(common.Case):
    def bench(self, relay, *arguments, code=OK):
        result = run("bench", *relay.options(), "--json", *arguments)
        self.assertEqual(result.code, code, result)
        self.assertEqual(len(result.out.splitlines()), 1, result)
        return json.loads(result.out)

    def expect_counts(self, found, **wanted):
        self.assertEqual({name: found[name] for name in wanted}, wanted)

    def test_two_hundred_over_two_connections(self):
        with Relay("--tokens", "64") as relay:
            found = self.bench(relay, "-n", "200", "-c", "50", "-p", "2")
            stats = relay.stop()
        self.assertEqual(list(found), FIELDS)
        self.expect_counts(found, completions=200, failed=0, deltas=200 * 64, connections=2,
                           handshakes=2, retries=0, timeouts=0)
        self.expect_counts(stats, connections=2, handshakes=2, handshakes_failed=0, requests=200,
                           completed=200, resets_received=0, resets_sent=0, streams_open=0,
                           tokens=200 * 64)

    def test_thousand_paced_streams_in_flight(self):
        # Answers take long enough for all to be in flight, however slow the CPU.
        with Relay("--tokens", "60", "--gap-ms", "100", "--stamp") as relay:
            found = self.bench(relay, "-n", "1000", "-c", "1000", "-p", "2", "--stamps")
            stats = relay.stop()
        self.assertEqual(list(found), FIELDS + ["lag_p50_ms", "lag_p99_ms"])
        self.expect_counts(found, completions=1000, failed=0, deltas=1000 * 60, connections=2,
                           handshakes=2, timeouts=0)
        self.expect_counts(stats, connections=2, requests=1000, completed=1000, streams_peak=1000,
                           tokens=1000 * 60, resets_received=0)

    def test_peer_limit_is_honoured(self):
        # Two connections of eight streams each for sixty-four requests: the rest must queue.
        with Relay("--tokens", "10", "--max-streams", "8") as relay:
            found = self.bench(relay, "-n", "300", "-c", "64", "-p", "2")
            stats = relay.stop()
        self.expect_counts(found, completions=300, failed=0, deltas=3000, connections=2)
        self.expect_counts(stats, connections=2, completed=300, resets_sent=0)
        self.assertLessEqual(stats["streams_peak"], 16)

    def test_plain_answers(self):
        with Relay("--tokens", "64", "--token-text", "word ") as relay:
            found = self.bench(relay, "-n", "100", "-c", "10", "-p", "2", "--no-stream")
            stats = relay.stop()
        self.expect_counts(found, completions=100, failed=0, deltas=100, bytes=100 * 64 * 5)
        self.expect_counts(stats, completed=100, resets_received=0)

    def test_several_events_in_a_frame(self):
        with Relay("--tokens", "100", "--events-per-frame", "7", "--token-text", "ab") as relay:
            found = self.bench(relay, "-n", "100", "-c", "20", "-p", "1")
        self.expect_counts(found, completions=100, failed=0, deltas=10000, bytes=20000,
                           connections=1)

    def test_small_records(self):
        # Events are cut anywhere: their tails wait for the next record.
        with Relay("--tokens", "50", "--record-bytes", "100", "--token-text", "ab") as relay:
            found = self.bench(relay, "-n", "50", "-c", "10", "-p", "2")
        self.expect_counts(found, completions=50, failed=0, deltas=2500, bytes=5000)

    def test_large_events(self):
        # Each event has 1.4 KiB, so many are cut by windows and records at the same time.
        with Relay("--tokens", "60", "--token-text", "\x01" * 200) as relay:
            for in_flight in (10, 100):
                found = self.bench(relay, "-n", "200", "-c", str(in_flight))
                self.expect_counts(found, completions=200, failed=0, deltas=12000,
                                   bytes=12000 * 200)

    def test_table_has_the_same_fields(self):
        with Relay("--tokens", "5") as relay:
            result = run("bench", *relay.options(), "-n", "20", "-c", "5")
        self.assertEqual(result.code, OK)
        self.assertEqual([line.split()[0] for line in result.out.splitlines()], FIELDS)
        self.assertEqual(result.err, "")

    def test_failures_are_counted_and_told(self):
        with Relay("--tokens", "10") as relay:
            found = self.bench(relay, "-n", "20", "-c", "5", "-m", "fault-truncate", code=FAILED)
        self.expect_counts(found, completions=20, failed=20, deltas=100)

    def test_program_that_chatmux_is_measured_beside(self):
        program = os.path.join(common.BUILD_DIR, "tests", "bare_loop")
        with Relay() as relay:
            result = common.run_program([program, "-n", "50", "-c", "10", "-p", "2", "--port",
                                         str(relay.port), "--cacert", relay.cacert])
        self.assertEqual(result.code, OK, result)
        self.expect_counts(json.loads(result.out), completions=50, failed=0, handshakes=2)


if __name__ == "__main__":
    common.main()
