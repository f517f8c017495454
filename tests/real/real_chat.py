#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chatmux chat against the relay: what it prints, where it prints it, how it stops."""

import json
import os
import pty
import signal
import subprocess
import termios

import common
from common import CLI, INTERRUPTED, KEY, OK, Relay, environment, run

TOKENS = 12
# What a terminal obeys: colour, title, bell, C1 CSI, DEL, carriage return.
NASTY = "\x1b[31mred\x1b]0;owned\x07\u009b2Jend\x7f\rover "
HARMLESS = "[31mred]0;owned2Jendover "


class Answers(common.Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay("--tokens", str(TOKENS), "--token-text", "word ", "--key", KEY)
        cls.relay.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.relay.__exit__()

    def chat(self, *arguments, **keywords):
        return run("chat", *self.relay.options(), *arguments, **keywords)

    def events(self, *arguments):
        result = self.chat("--json", *arguments)
        self.assertEqual((result.code, result.err), (OK, ""), result)
        return [json.loads(line) for line in result.out.splitlines()]

    def test_stream_is_printed_whole(self):
        self.expect(self.chat("hello"), OK, out="word " * TOKENS + "\n")

    def test_plain_answer_is_the_same_text(self):
        self.expect(self.chat("--no-stream", "hello"), OK, out="word " * TOKENS + "\n")

    def test_nothing_but_the_answer_is_printed(self):
        self.assertEqual(self.chat("hello").err, "")

    def test_prompt_comes_from_standard_input(self):
        self.expect(self.chat(stdin=b"hello\n"), OK, out="word " * TOKENS + "\n")

    def test_long_prompt_is_uploaded(self):
        # Beyond the server's first window: the upload must wait for credit and go on.
        self.expect(self.chat(stdin=b"hello " * 200000), OK, out="word " * TOKENS + "\n")

    def test_system_prompt_and_temperature_are_accepted(self):
        self.expect(self.chat("--system", "Be brief.", "--temperature", "0.7", "hello"), OK,
                    out="word " * TOKENS + "\n")

    def test_json_events_add_up(self):
        events = self.events("hello")
        deltas, done = events[:-1], events[-1]
        self.assertEqual("".join(event["text"] for event in deltas), "word " * TOKENS)
        self.assertEqual({event["event"] for event in deltas}, {"delta"})
        self.assertEqual(done["event"], "done")
        self.assertEqual(done["verdict"], "DONE")
        self.assertEqual(done["error"], "CMX_OK")
        self.assertEqual(done["http_status"], 200)
        self.assertEqual(done["finish_reason"], "stop")
        self.assertEqual(done["deltas"], TOKENS)
        self.assertEqual(done["bytes"], 5 * TOKENS)
        self.assertEqual(done["attempts"], 1)
        self.assertEqual(done["usage"]["completion_tokens"], TOKENS)
        self.assertTrue(done["request_id"])

    def test_json_without_stream_has_one_delta(self):
        delta, done = self.events("--no-stream", "hello")
        self.assertEqual(delta["text"], "word " * TOKENS)
        self.assertEqual(done["verdict"], "DONE")
        self.assertEqual(done["usage"]["completion_tokens"], TOKENS)

    def test_max_tokens_reaches_the_server(self):
        done = self.events("--max-tokens", "5", "hello")[-1]
        self.assertEqual((done["deltas"], done["finish_reason"]), (5, "length"))

    def test_model_reaches_the_server(self):
        self.assertEqual(self.events("-m", "some-model", "hello")[-1]["model"], "some-model")

    def test_base_url_and_ca_come_from_the_environment(self):
        env = environment(OPENAI_BASE_URL=self.relay.url, SSL_CERT_FILE=self.relay.cacert)
        self.expect(run("chat", "hello", env=env), OK, out="word " * TOKENS + "\n")

    def test_key_comes_from_a_file(self):
        path = os.path.join(self.relay.folder, "key")
        for ending in ("", "\n", "\r\n"):
            with open(path, "w", encoding="ascii", newline="") as file:
                file.write(KEY + ending)
            result = self.chat("--key-file", path, "hello", env=environment(OPENAI_API_KEY=None))
            self.expect(result, OK, out="word " * TOKENS + "\n")

    def test_ca_directory_is_read(self):
        options = ["--url", self.relay.url, "--capath", os.path.dirname(self.relay.cacert)]
        self.expect(run("chat", *options, "hello"), OK, out="word " * TOKENS + "\n")

    def test_address_literals_are_reached(self):
        for host in ("127.0.0.1", "[::1]"):
            if not common.has_address(host.strip("[]")):
                continue
            with self.subTest(host):
                result = run("chat", "--url", f"https://{host}:{self.relay.port}/v1/", "--cacert",
                             self.relay.cacert, "hello")
                self.expect(result, OK, out="word " * TOKENS + "\n")

    def test_address_option_replaces_resolving(self):
        result = self.chat("--address", "127.0.0.1", "hello")
        self.expect(result, OK, out="word " * TOKENS + "\n")

    def test_no_sentinel_is_complete(self):
        self.assertEqual(self.events("-m", "fault-nodone", "x")[-1]["verdict"], "DONE_NO_SENTINEL")


class Options(common.Case):
    """What an option stands for is in the body that arrives."""

    def expect_body(self, text, *arguments):
        with self.subTest(arguments), \
                Relay("--tokens", "1", "--token-text", "word ", "--require-body", text) as relay:
            self.assertEqual(run("chat", *relay.options(), *arguments, "hello").code, OK)
            self.expect(run("chat", *relay.options(), "hello"), common.SERVER, "[HTTP 400]")

    def test_each_reaches_the_server(self):
        with common.tempfile.TemporaryDirectory() as folder:
            tools, form = os.path.join(folder, "tools"), os.path.join(folder, "form")
            with open(tools, "w", encoding="utf-8") as file:
                file.write('[{"type":"function","function":{"name":"caf\u00e9"}}]\n')
            with open(form, "w", encoding="utf-8") as file:
                file.write('{"type":"json_schema"}')
            for text, *arguments in (
                    ('"top_p":0.5', "--top-p", "0.5"),
                    ('"max_completion_tokens":7', "--max-completion-tokens", "7"),
                    ('"n":2', "--choices", "2", "--json"),
                    ('"stop":["a","b\\"\u00e9"]', "--stop", "a", "--stop", 'b"\u00e9'),
                    ('"name":"caf\u00e9"', "--tools", tools),
                    ('"tool_choice":"auto"', "--tools", tools, "--tool-choice", "auto"),
                    ('"tool_choice":{"type":', "--tool-choice", '{"type":"function"}'),
                    ('"response_format":{"type":"json_object"}', "--response-format",
                     '{"type":"json_object"}'),
                    ('"response_format":{"type":"json_schema"}', "--response-format", form),
                    ('"seed":7', "--extra", '{"seed":7}'),
                    ('"include_obfuscation":false', "--no-obfuscation"),
                    ('"role":"system","content":"Be brief."', "-s", "Be brief.")):
                self.expect_body(text, *arguments)


class Tools(common.Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay()
        cls.relay.__enter__()
        cls.tools = os.path.join(cls.relay.folder, "tools.json")
        with open(cls.tools, "w", encoding="ascii") as file:
            file.write('[{"type":"function","function":{"name":"add"}}]')

    @classmethod
    def tearDownClass(cls):
        cls.relay.__exit__()

    def test_calls_are_lines(self):
        result = run("chat", *self.relay.options(), "--tools", self.tools, "hello")
        self.assertEqual((result.code, result.err), (OK, ""), result)
        first, second, end = result.out.split("\n")
        self.assertEqual(first, 'tool add call_relay0 {"a":17,"b":25}')
        word, name, call, arguments = second.split(" ", 3)
        self.assertEqual((word, name, call), ("tool", "say", "call_relay1"))
        self.assertIn("text", json.loads(arguments))
        self.assertEqual(end, "")

    def test_calls_are_events(self):
        result = run("chat", *self.relay.options(), "--tools", self.tools, "--json", "hello")
        *deltas, done = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual({delta["channel"] for delta in deltas}, {"tool_call"})
        calls = {0: ["", "", ""], 1: ["", "", ""]}
        for delta in deltas:
            for i, member in enumerate(("id", "name", "text")):
                calls[delta["tool"]][i] += delta[member]
        self.assertEqual(calls[0][:2], ["call_relay0", "add"])
        self.assertEqual(json.loads(calls[0][2]), {"a": 17, "b": 25})
        self.assertEqual(calls[1][:2], ["call_relay1", "say"])
        self.assertEqual((done["verdict"], done["finish_reason"], done["tool_calls"]),
                         ("DONE", "tool_calls", 2))


class Origins(common.Case):
    """What an origin adds to every request arrives."""

    def test_query_and_headers_arrive(self):
        with Relay("--tokens", "1", "--token-text", "word ", "--key", KEY, "--require-header",
                   "openai-organization: org-1", "--require-query", "api-version=2024-10-21") as relay:
            query = ["--query", "api-version=2024-10-21"]
            header = ["--header", "OpenAI-Organization: org-1"]
            for command, last, out in (("chat", "hello", "word \n"), ("request", "/models", None)):
                with self.subTest(command):
                    result = run(command, *relay.options(), *query, *header, last)
                    self.assertEqual(result.code, OK, result)
                    self.assertEqual(result.out, out if out else result.out)
                    result = run(command, *relay.options(), *query, last)
                    self.assertEqual(result.code, common.SERVER, result)
                    result = run(command, *relay.options(), *header, last)
                    self.assertEqual(result.code, common.SERVER, result)

    def test_key_under_another_name(self):
        with Relay("--tokens", "1", "--token-text", "word ", "--key", KEY) as relay:
            self.expect(run("chat", *relay.options(), "--auth-header", "Api-Key", "hello"), OK,
                        out="word \n")
            result = run("chat", *relay.options(), "--auth-header", "x-other", "hello")
            self.expect(result, common.SERVER, "[HTTP 401]")


class Requests(common.Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay("--tokens", "2", "--token-text", "word ", "--key", KEY)
        cls.relay.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.relay.__exit__()

    def request(self, *arguments, **keywords):
        return run("request", *self.relay.options(), *arguments, **keywords)

    def test_body_and_status_are_apart(self):
        result = self.request("/models")
        self.assertEqual((result.code, result.err), (OK, "HTTP 200\n"), result)
        self.assertEqual(json.loads(result.out)["data"][0]["id"], "gpt-4.1")

    def test_methods_reach_the_server(self):
        for method in ("POST", "DELETE"):
            result = self.request("-X", method, "/models")
            self.assertEqual(result.code, common.SERVER, result)
            self.assertIn("HTTP 405\n", result.err)
            self.assertIn("request id: req_", result.err)
            self.assertIn("Only GET", json.loads(result.out)["error"]["message"])
        result = self.request("-X", "DELETE", "/unknown?a=1")
        self.assertIn("Invalid URL (DELETE /v1/unknown?a=1)", result.out)

    def test_bodies_reach_the_server(self):
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
        path = os.path.join(self.relay.folder, "body.json")
        with open(path, "wb") as file:
            file.write(body)
        for source, stdin in ((path, b""), ("-", body)):
            result = self.request("--data", source, "/chat/completions", stdin=stdin)
            self.assertEqual(result.code, OK, result)
            answer = json.loads(result.out)
            self.assertEqual(answer["choices"][0]["message"]["content"], "word word ")

    def test_large_bodies_wait_for_the_window(self):
        message = {"role": "user", "content": "x" * 3000000}
        body = json.dumps({"model": "m", "messages": [message]}).encode()
        self.assertEqual(self.request("-d", "-", "/chat/completions", stdin=body).code, OK)

    def test_verbose_tells_how_it_ended(self):
        result = run("chat", *self.relay.options(), "-v", "hello")
        self.assertEqual((result.code, result.out), (OK, "word word \n"), result)
        for part in ("chatmux: DONE http_status=200 finish_reason=stop request_id=", " model=gpt-4.1",
                     " completion_tokens=2 ", " first_token_ms=", " total_ms="):
            self.assertIn(part, result.err)
        self.assertNotIn("malformed", result.err)


class Plain(common.Case):
    def test_http_means_prior_knowledge(self):
        with Relay("--tokens", "3", "--token-text", "word ", plain=True) as relay:
            self.expect(run("chat", *relay.options(), "hello"), OK, out="word word word \n")
            self.expect(run("chat", *relay.options(), "--no-key", "hello",
                            env=environment(OPENAI_API_KEY=None)), OK, out="word word word \n")
            stats = relay.stop()
            self.assertEqual((stats["requests"], stats["handshakes"]), (2, 0))


class Stopping(common.Case):
    def interrupt(self, relay):
        process = subprocess.Popen([CLI, "chat", *relay.options(), "hello"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        first = os.read(process.stdout.fileno(), 5)
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            self.assertNotIn(KEY.encode(), file.read())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=common.TIMEOUT_S)
        common.judge_output("chat", out, err)
        return process.returncode, (first + out).decode(), err.decode()

    def test_interrupt_resets_the_stream_and_keeps_what_came(self):
        with Relay("--tokens", "100000", "--gap-ms", "20", "--token-text", "word ",
                   "--key", KEY) as relay:
            code, out, err = self.interrupt(relay)
            stats = relay.stop()
        self.assertEqual(code, INTERRUPTED, err)
        self.assertRegex(out, r"\A(word )+\n\Z")
        self.assertIn("CANCELLED", err)
        self.assertEqual(stats["requests"], 1)
        self.assertEqual(stats["resets_received"], 1)
        self.assertEqual(stats["streams_open"], 0)

    def test_closed_stdout_ends_the_program(self):
        with Relay("--tokens", "100000", "--gap-ms", "1") as relay:
            read_end, write_end = os.pipe()
            process = subprocess.Popen([CLI, "chat", *relay.options(), "hello"], stdout=write_end,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       env=environment())
            os.close(write_end)
            os.read(read_end, 1)
            os.close(read_end)
            process.communicate(timeout=common.TIMEOUT_S)
            self.assertNotEqual(process.returncode, OK)


def run_on_terminal(*arguments, stderr_too=False):
    """chatmux with a terminal as stdout (or stderr); returns code and what the terminal got."""
    master, slave = pty.openpty()
    modes = termios.tcgetattr(slave)
    modes[1] &= ~termios.OPOST  # so that a line feed stays one byte
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    streams = {"stdout": subprocess.DEVNULL, "stderr": slave} if stderr_too else {
        "stdout": slave, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([CLI, *arguments], stdin=subprocess.DEVNULL, env=environment(),
                               **streams)
    os.close(slave)
    got = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux says EIO when the last writer has gone
            piece = b""
        if not piece:
            break
        got += piece
    os.close(master)
    return process.wait(timeout=common.TIMEOUT_S), got


class Terminals(common.Case):
    def test_escapes_are_filtered_on_a_terminal_only(self):
        with Relay("--tokens", "3", "--token-text", NASTY) as relay:
            result = common.run_program([CLI, "chat", *relay.options(), "hello"])
            self.assertEqual(result.out.decode(), NASTY * 3 + "\n")
            code, got = run_on_terminal("chat", *relay.options(), "hello")
            self.assertEqual((code, got.decode()), (OK, HARMLESS * 3 + "\n"))
            code, got = run_on_terminal("chat", *relay.options(), "--no-stream", "hello")
            self.assertEqual((code, got.decode()), (OK, HARMLESS * 3 + "\n"))

    def test_json_never_has_raw_escapes(self):
        with Relay("--tokens", "2", "--token-text", NASTY) as relay:
            result = run("chat", *relay.options(), "--json", "hello")
            for line in result.out.splitlines():
                self.assertFalse([c for c in line if ord(c) < 32 or ord(c) == 127], line)
            self.assertEqual(json.loads(result.out.splitlines()[0])["text"], NASTY)

    def test_server_message_is_filtered_everywhere(self):
        with Relay("--fault", "fault-404") as relay:
            result = run("chat", *relay.options(), "-m", "m\x1b[2Jodel", "hello")
            self.assertEqual(result.code, common.SERVER, result)
            self.assertNotIn("\x1b", result.err)
            self.assertIn("the server says:", result.err)

    def test_live_line_is_for_terminals(self):
        with Relay("--tokens", "20", "--gap-ms", "50") as relay:
            options = ["bench", *relay.options(), "-n", "40", "-c", "20"]
            code, got = run_on_terminal(*options, stderr_too=True)
            self.assertEqual(code, OK)
            self.assertIn(b"/40 done, 0 failed", got)
            self.assertEqual(run(*options).err, "")
            self.assertEqual(run_on_terminal(*options, "--json", stderr_too=True), (OK, b""))


if __name__ == "__main__":
    common.main()
