#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Requests that are sent again: what the program says, and what the relay counted."""

import json
import time

import common
from common import FAILED, OK, SERVER, Relay, refused_port, run

TOKENS = 5
ANSWER = "word " * TOKENS + "\n"


class Retry(common.Case):
    def play(self, fault, *arguments, flags=()):
        """One chat against a relay of its own. Returns the result, its end, and requests counted."""
        with Relay("--tokens", str(TOKENS), "--token-text", "word ", *flags) as relay:
            result = run("chat", *relay.options(), "-v", "-m", fault, *arguments, "hello")
            relay.stop()
            return result, relay.stats

    def expect_again(self, fault, *texts, flags=()):
        result, stats = self.play(fault, flags=flags)
        self.expect(result, OK, "retry in ", "[attempts 1, replays 0]", "attempts=2", *texts, out=ANSWER)
        self.assertEqual(stats["requests"], 2, fault)

    def test_faults_that_pass_are_not_noticed(self):
        for fault, text in (("fault-500-once", "status 500"), ("fault-503-once", "status 503"),
                            ("fault-reset-head-once", "the server reset the stream"),
                            ("fault-drop-head-once", "connection")):
            with self.subTest(fault):
                self.expect_again(fault, text)

    def test_server_is_given_the_time_that_it_asks_for(self):
        begun_s = time.monotonic()
        self.expect_again("fault-429-once", "retry in 1.", "status 429",
                          flags=("--retry-after", "1"))
        self.assertGreaterEqual(time.monotonic() - begun_s, 1)

    def test_refused_stream_costs_no_attempt(self):
        result, _ = self.play("fault-refuse-once")
        self.expect(result, OK, "attempts 0, replays 1", out=ANSWER)

    def test_faults_that_stay_are_told_after_three_attempts(self):
        result, stats = self.play("fault-503")
        self.expect(result, SERVER, "attempts 1", "attempts 2", "HTTP 503")
        self.assertEqual(stats["requests"], 3)

    def test_retry_0_tells_at_once(self):
        for fault in ("fault-503", "fault-refuse"):
            with self.subTest(fault):
                result, stats = self.play(fault, "--retry", "0")
                self.assertNotEqual(result.code, OK)
                self.assertNotIn("retry in", result.err)
                self.assertEqual(stats["requests"], 1)
        holder, port = refused_port()
        with holder:
            result = run("chat", "--url", f"http://127.0.0.1:{port}/v1", "--retry", "0", "hello")
        self.expect(result, FAILED, "CMX_ERR_REFUSED")

    def test_what_cannot_get_better_is_not_repeated(self):
        for fault in ("fault-401", "fault-404", "fault-context", "fault-filter"):
            with self.subTest(fault):
                result, stats = self.play(fault)
                self.assertEqual(result.code, SERVER)
                self.assertEqual(stats["requests"], 1)

    def test_bench_counts_what_was_sent_again(self):
        with Relay("--tokens", "1") as relay:
            result = run("bench", *relay.options(), "-m", "fault-500-once", "-n", "20", "-c", "5",
                         "--json")
            self.assertEqual(result.code, OK, result)
            self.assertEqual(json.loads(result.out)["retries"], 1)


if __name__ == "__main__":
    common.main()
