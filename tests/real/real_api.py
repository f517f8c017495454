#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of tests/api/, written as a user would, against the relay; both sides count."""

import os

import common
from common import BUILD_DIR, OK, Relay


# Where memory is judged, not time, a shorter one shows the same.
PAUSED_S = "6" if os.environ.get("CMX_SANITIZE") else "20"


class Programs(common.Case):
    def run_api(self, name, relay, *arguments):
        program = os.path.join(BUILD_DIR, "tests", "api", name)
        result = common.run_program([program, relay.url, relay.cacert, *arguments])
        self.assertEqual(result.code, OK, f"{name}: {result}")
        self.assertNotEqual(result.out, b"", name)
        print(f"{name}: {result.out.decode().strip()}")
        return relay.stop()

    def test_builtin_loop(self):
        with Relay("--tokens", "64") as relay:
            stats = self.run_api("loop_builtin", relay)
        self.assertEqual((stats["requests"], stats["completed"], stats["resets_received"]),
                         (20, 20, 0))

    def test_foreign_loop(self):
        with Relay("--tokens", "64", "--gap-ms", "2") as relay:
            stats = self.run_api("loop_foreign", relay)
        self.assertEqual((stats["requests"], stats["completed"]), (30, 30))

    def test_cancel_storm(self):
        # More than a stream's window, so that those cancelled after some tokens still have tokens to
        # come, however late the program takes them.
        with Relay("--tokens", "200", "--gap-ms", "2") as relay:
            stats = self.run_api("cancel_storm", relay)
        self.assertEqual(stats["streams_open"], 0)
        # The hundred that are never cancelled end; each of the others is reset, or never sent.
        self.assertGreaterEqual(stats["completed"], 100)
        self.assertGreaterEqual(stats["resets_received"], 200)
        self.assertEqual(stats["handshakes"], stats["connections"])

    def test_thousand_chats_in_a_fixed_block(self):
        # Answers take long enough for all to be in flight, however slow the CPU.
        with Relay("--tokens", "60", "--gap-ms", "100") as relay:
            stats = self.run_api("thousand", relay)
        self.assertEqual((stats["requests"], stats["completed"], stats["connections"]),
                         (1000, 1000, 4))

    def test_models(self):
        with Relay() as relay:
            stats = self.run_api("models", relay)
        self.assertEqual((stats["requests"], stats["connections"]), (2, 1))

    def test_failover(self):
        holder, port = common.refused_port()
        with holder, Relay() as relay:
            stats = self.run_api("failover", relay, f"https://127.0.0.1:{port}/v1")
        self.assertEqual((stats["requests"], stats["completed"]), (1, 1))

    def test_long_plain_answer(self):
        with Relay("--tokens", "16000") as relay:
            self.run_api("plain_answer", relay)

    def test_tools(self):
        with Relay("--tokens", "20") as relay:
            stats = self.run_api("tools", relay)
        self.assertEqual((stats["requests"], stats["completed"], stats["connections"]), (3, 3, 1))

    def test_pause(self):
        with Relay("--tokens", "4000") as relay:
            stats = self.run_api("pause", relay, PAUSED_S)
        self.assertEqual((stats["requests"], stats["completed"], stats["resets_received"]),
                         (109, 109, 0))

    def test_refusals(self):
        with Relay() as relay:
            self.run_api("refusals", relay)


if __name__ == "__main__":
    common.main()
