#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A relay that answers badly: exit code, message, and no byte of an answer lost or invented."""

import json
import os
import signal
import subprocess

import common
from common import CLI, FAILED, OK, PARTIAL, SERVER, Relay, environment, run

TOKENS = 20
HALF = "word " * (TOKENS // 2) + "\n"  # --fault-after is half of the tokens


class Faults(common.Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay("--tokens", str(TOKENS), "--token-text", "word ")
        cls.relay.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.relay.__exit__()

    def chat(self, fault, *arguments):
        return run("chat", *self.relay.options(), "--retry", "0", "-m", fault, *arguments, "hello")

    def test_statuses_are_told_with_the_servers_message(self):
        for fault, status, message in (
                ("fault-401", 401, "Incorrect API key provided."),
                ("fault-404", 404, "The model `fault-404` does not exist"),
                ("fault-429", 429, "Rate limit reached"),
                ("fault-500", 500, "The server had an error"),
                ("fault-503", 503, "currently overloaded"),
                ("fault-html", 502, "502 Bad Gateway")):
            for how in ((), ("--no-stream",)):
                with self.subTest(fault, how=how):
                    self.expect(self.chat(fault, *how), SERVER, f"[HTTP {status}]",
                                "ERROR_HTTP", "CMX_ERR_HTTP_STATUS", "the server says: ", message)

    def test_truncated_stream_keeps_its_part(self):
        self.expect(self.chat("fault-truncate"), PARTIAL, "TRUNCATED",
                    "the answer ended before it was complete", out=HALF)

    def test_reset_stream_keeps_its_part(self):
        self.expect(self.chat("fault-reset"), PARTIAL, "TRUNCATED", "the server reset the stream",
                    "[HTTP/2 error 2]", out=HALF)

    def test_error_inside_the_answer_keeps_its_part(self):
        self.expect(self.chat("fault-inband"), SERVER, "ERROR_INBAND", "CMX_ERR_INBAND",
                    "the server says: The server had an error", out=HALF)

    def test_missing_sentinel_is_no_fault(self):
        self.expect(self.chat("fault-nodone"), OK, out="word " * TOKENS + "\n")

    def test_hang_ends_with_the_total_time(self):
        self.expect(self.chat("fault-hang", "--max-time", "0.3"), FAILED, "TIMEOUT",
                    "CMX_ERR_TIMEOUT_TOTAL")

    def test_stall_ends_with_the_total_time_and_keeps_its_part(self):
        self.expect(self.chat("fault-stall", "--max-time", "3"), PARTIAL, "TIMEOUT",
                    "CMX_ERR_TIMEOUT_TOTAL", out=HALF)

    def test_json_tells_the_end_once(self):
        for fault, verdict in (("fault-truncate", "TRUNCATED"), ("fault-reset", "TRUNCATED"),
                               ("fault-inband", "ERROR_INBAND"), ("fault-500", "ERROR_HTTP")):
            with self.subTest(fault):
                events = [json.loads(line) for line in self.chat(fault, "--json").out.splitlines()]
                done = [event for event in events if event["event"] == "done"]
                self.assertEqual(done, events[-1:])
                self.assertEqual(done[0]["verdict"], verdict)
                text = "".join(event["text"] for event in events[:-1])
                self.assertEqual(done[0]["bytes"], len(text))

    def test_truncated_plain_answer_is_not_an_answer(self):
        result = self.chat("fault-truncate", "--no-stream")
        self.assertNotEqual(result.code, OK, result)
        self.assertNotEqual(result.err, "")

    def test_a_fault_leaves_the_neighbours_alone(self):
        # Streams of one connection: what ends badly takes nobody along.
        result = run("bench", *self.relay.options(), "--json", "-n", "50", "-c", "10", "-p", "1",
                     "-m", "fault-reset")
        found = json.loads(result.out)
        self.assertEqual((found["completions"], found["failed"], found["connections"]), (50, 50, 1))
        self.assertEqual(found["deltas"], 50 * TOKENS // 2)


class Deaths(common.Case):
    """The relay ends, in good order or not, while answers are on their way."""

    def run_until_death(self, number, *arguments):
        with Relay("--tokens", "100000", "--gap-ms", "5", "--token-text", "word ") as relay:
            command, *rest = arguments
            program = subprocess.Popen([CLI, command, *relay.options(), *rest], env=environment(),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            first = b""
            if command == "chat":
                first = os.read(program.stdout.fileno(), 5)
            else:
                self.wait_for_traffic(relay)
            relay.process.send_signal(number)
            out, err = program.communicate(timeout=common.TIMEOUT_S)
            common.judge_output(arguments, out, err)
        return common.Result(program.returncode, (first + out).decode(), err.decode())

    def wait_for_traffic(self, relay):
        # One answer later, most of the bench's streams are on their way; if none is, the end is
        # the same.
        self.assertEqual(run("chat", *relay.options(), "--max-tokens", "1", "x").code, OK)

    def test_chat_keeps_its_part(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                result = self.run_until_death(number, "chat", "hello")
                self.assertEqual(result.code, PARTIAL, result)
                self.assertRegex(result.out, r"\A(word )+\n\Z")
                self.assertIn("TRUNCATED", result.err)

    def test_bench_ends_and_counts_everything(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                result = self.run_until_death(number, "bench", "-n", "60", "-c", "20",
                                              "--retry", "0", "--json")
                self.assertEqual(result.code, FAILED, result)
                found = json.loads(result.out)
                self.assertEqual((found["completions"], found["failed"]), (60, 60))


class Keys(common.Case):
    def test_wrong_key_is_told_and_not_shown(self):
        with Relay("--key", "sk-another") as relay:
            self.expect(run("chat", *relay.options(), "hello"), SERVER, "[HTTP 401]",
                        "the server says:")

    def test_no_key_is_not_sent(self):
        with Relay("--key", common.KEY) as relay:
            self.expect(run("chat", *relay.options(), "--no-key", "hello"), SERVER, "[HTTP 401]")

    def test_wrong_path_is_told(self):
        with Relay() as relay:
            self.expect(run("chat", "--url", f"https://localhost:{relay.port}/other", "--cacert",
                            relay.cacert, "hello"), SERVER, "[HTTP 404]", "/other/chat/completions")


if __name__ == "__main__":
    common.main()
