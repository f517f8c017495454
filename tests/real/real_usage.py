#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The caller's mistakes: exit 2, a message that names what is wrong, nothing sent, nothing printed."""

import os
import re

import common
from common import CLI, FAILED, OK, USAGE, Relay, environment, run


class Version(common.Case):
    def test_version_is_one_line_and_the_headers_own(self):
        with open(os.path.join(common.SOURCE_DIR, "include/chatmux/version.h"),
                  encoding="ascii") as file:
            version = re.search(r'CMX_VERSION_TEXT "(.*)"', file.read()).group(1)
        self.assertEqual(repr(run("--version")), repr(common.Result(OK, f"chatmux {version}\n", "")))

    def test_build_info_has_every_limit_within_its_range(self):
        result = run("--build-info")
        self.assertEqual((result.code, result.err), (OK, ""), result)
        with open(os.path.join(common.SOURCE_DIR, "include/chatmux/limits.h"), encoding="ascii") as file:
            defined = set(re.findall(r"^#ifndef (CMX_LIMIT_\w+)$", file.read(), re.M))
        rows = {name: (int(value), int(low), int(high)) for name, value, low, high in
                re.findall(r"^(CMX_LIMIT_\w+) (\d+) \((\d+)\.\.(\d+)\)$", result.out, re.M)}
        self.assertGreater(len(defined), 20)
        self.assertEqual(set(rows), defined)
        for name, (value, low, high) in rows.items():
            self.assertTrue(low <= value <= high, name)
        lines = dict(line.split(" ", 1) for line in result.out.splitlines())
        for name in ("version", "compiler", "build", "options", "nghttp2", "wolfssl", "tls", "cpu", "cpu_aes"):
            self.assertTrue(lines.get(name), name)

    def test_help_is_no_mistake(self):
        for arguments in (["--help"], ["chat", "--help"], ["bench", "--help"], ["bench", "-h"],
                          ["request", "--help"]):
            result = run(*arguments)
            self.assertEqual((result.code, result.err), (OK, ""), result)
            self.assertIn("usage: chatmux", result.out)

    def test_help_lists_every_exit_code(self):
        text = run("chat", "--help").out
        for code in ("0 complete", "1 no answer", "2 usage", "3 partial", "4 error"):
            self.assertIn(code, text)


class Mistakes(common.Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay("--tokens", "2")
        cls.relay.__enter__()

    @classmethod
    def tearDownClass(cls):
        requests = cls.relay.stop()["requests"]
        cls.relay.__exit__()
        if requests != 0:
            raise AssertionError(f"{requests} requests were sent by mistake")

    def chat(self, *arguments, **keywords):
        return run("chat", *self.relay.options(), *arguments, **keywords)

    def bench(self, *arguments):
        return run("bench", *self.relay.options(), *arguments)

    def test_base_urls(self):
        for url in ("ftp://localhost/v1", "localhost/v1", "https://", "https:///v1", "", "https://a b/",
                    "https://localhost:0/v1", "https://localhost:65536/v1", "https://localhost:x/v1",
                    "https://localhost/v1?x=1", "https://localhost/v1#x", "https://[::1/v1",
                    "https://localhost/v1\r\nx: y", "https://" + "a" * 300 + "/v1"):
            with self.subTest(url):
                self.expect(run("chat", "--url", url, "--cacert", self.relay.cacert, "hello"), USAGE,
                            "the base URL must be http(s)://host[:port][/path]")

    def test_a_password_in_the_base_url_is_refused_and_not_repeated(self):
        result = run("chat", "--url", "https://user:hunter2@localhost/v1", "--cacert",
                     self.relay.cacert, "hello")
        self.expect(result, USAGE, "the base URL must be")
        self.assertNotIn("hunter2", result.err)

    def test_keys_in_the_environment(self):
        for key, text in (("sk-a\nb", "such as a line break"), ("sk-a\rb", "such as a line break"),
                          ("sk-a\x01b", "a byte that HTTP does not allow"), ("", "no key: set"),
                          (None, "no key: set"), ("k" * 600, "key")):
            with self.subTest(key):
                self.expect(self.chat("hello", env=environment(OPENAI_API_KEY=key)), USAGE, text)

    def test_key_files(self):
        path = os.path.join(self.relay.folder, "key")
        for content, text in ((b"sk-a\nb\n", "line break"), (b"sk-a\rb\n", "line break"),
                              (b"", "has no key"), (b"\n", "has no key"),
                              (b"k" * 5000, "key"), (b"sk-\x7f\n", "HTTP does not allow")):
            with self.subTest(content[:20]):
                with open(path, "wb") as file:
                    file.write(content)
                self.expect(self.chat("--key-file", path, "hello"), USAGE, text)
        self.expect(self.chat("--key-file", path + "-missing", "hello"), USAGE,
                    "No such file or directory")

    def test_trust_that_is_none(self):
        folder = os.path.join(self.relay.folder, "nothing")
        os.makedirs(folder, exist_ok=True)
        not_pem = os.path.join(self.relay.folder, "ca", "key.pem")
        for option, path in (("--cacert", folder + "/ca.pem"), ("--cacert", not_pem),
                             ("--capath", folder), ("--capath", folder + "-missing")):
            with self.subTest(option, path=path):
                self.expect(run("chat", "--url", self.relay.url, option, path, "hello",
                                env=environment(SSL_CERT_FILE=None)), USAGE,
                            "no usable CA certificate", f"looked in {path}")

    def test_prompts(self):
        self.expect(self.chat(""), USAGE, "the prompt is empty")
        self.expect(self.chat(stdin=b""), USAGE, "the prompt is empty")
        self.expect(self.chat(stdin=b"a\xffb"), USAGE, "not valid UTF-8")
        self.expect(self.chat("two", "words"), USAGE, "'words' is one argument too many")
        self.expect(self.chat("--system", "a\udcffb", "hello"), USAGE, "not valid UTF-8")

    def test_commands_and_options(self):
        self.expect(run(), USAGE, "usage: chatmux chat")
        self.expect(run("caht"), USAGE, "chatmux: 'caht' is not a command")
        self.expect(self.chat("--frobnicate", "hello"), USAGE, "chatmux: ", "frobnicate")
        self.expect(self.chat("hello", "--url"), USAGE, "chatmux: ", "requires an argument")
        self.expect(self.bench("--system", "x"), USAGE, "system")
        self.expect(self.bench("--trace"), USAGE, "trace")
        self.expect(self.request("--model", "x", "/models"), USAGE, "model")
        # The key has no place on the command line, where every user of the machine reads it.
        result = self.chat("--key", "sk-argument", "hello")
        self.expect(result, USAGE, "OPENAI_API_KEY")
        self.assertNotIn("sk-argument", result.err)

    def request(self, *arguments, **keywords):
        return run("request", *self.relay.options(), *arguments, **keywords)

    def test_headers_that_are_not_the_callers(self):
        for header in ("Host: evil", "content-length: 5", "Transfer-Encoding: chunked",
                       "Authorization: Bearer stolen", "accept: text/html", "TE: trailers",
                       "connection: close", "bad name: x", "x-caf\u00e9: x"):
            with self.subTest(header):
                self.expect(self.chat("--header", header, "hello"), USAGE, "headers.name")
        for header in ("x-a: b\r\nx-c: d", "x-a: b\n", "x-a: \x01", "x-a:", "x-a: caf\u00e9",
                       "x-a: b "):
            with self.subTest(header):
                self.expect(self.chat("-H", header, "hello"), USAGE, "headers.value")
        for header in ("no colon", ":path: /x", ""):
            self.expect(self.chat("-H", header, "hello"), USAGE, "'Name: value' is needed")
        self.expect(self.chat(*["-H", "x-a: b"] * 9, "hello"), USAGE, "--header: at most 8")
        self.expect(self.chat("-H", "x-a: " + "b" * 510, "hello"), USAGE, "headers")
        # What a secret could be is not repeated.
        result = self.chat("-H", "x-a: hunter2\n", "hello")
        self.assertNotIn("hunter2", result.err)
        self.expect(self.chat("--auth-header", "Content-Length", "hello"), USAGE, "auth_header")
        self.expect(self.chat("--auth-header", "api-key", "-H", "Api-Key: x", "hello"), USAGE,
                    "headers.name")

    def test_queries(self):
        for query in ("?a=1", "a b", "a#b", "a\r\nhost: x", "q" * 129):
            with self.subTest(query):
                self.expect(self.chat("--query", query, "hello"), USAGE, "query")

    def test_requests(self):
        for path in ("models", "", "/mo dels", "/models\r\nhost: x", "/models#x", "/" + "a" * 512):
            with self.subTest(path):
                self.expect(self.request(path), USAGE, "path: ")
        self.expect(self.request(), USAGE, "the path is missing")
        self.expect(self.request("/models", "/files"), USAGE, "'/files' is one argument too many")
        self.expect(self.request("-X", "PATCH", "/models"), USAGE, "-X 'PATCH': GET, POST or DELETE")
        self.expect(self.request("-X", "GET\r\n", "/models"), USAGE, "-X ")
        self.expect(self.request("--data", "/missing", "/files"), USAGE, "--data /missing: No such")
        self.expect(self.request("--data", "/", "/files"), USAGE, "--data /: ")
        self.expect(self.request("--data", "-", "--content-type", "text/plain\r\nx: y", "/files",
                                 stdin=b"x"), USAGE, "content_type")

    def test_json_options(self):
        for option in ("--extra", "--tool-choice", "--response-format"):
            with self.subTest(option):
                self.expect(self.chat(option, '{"a":}', "hello"), USAGE, option + ": ", "[byte 5]")
        self.expect(self.chat("--extra", "[1]", "hello"), USAGE, "--extra: ")
        self.expect(self.chat("--extra", '{"model":"x"}', "hello"), USAGE, "--extra: ")
        self.expect(self.chat("--stop", "a\udcff", "hello"), USAGE, "--stop: ")
        self.expect(self.chat("--tools", "/missing", "hello"), USAGE, "--tools /missing: No such")
        path = os.path.join(self.relay.folder, "tools.json")
        for content, text in ((b"", "the file is empty"), (b"[\0]", "a NUL byte"),
                              (b"{}", "--tools: "), (b"[{]", "[byte 2]"),
                              (b"[" + b" " * (4 << 20) + b"]", "longer than 4194304 bytes")):
            with self.subTest(content[:8]):
                with open(path, "wb") as file:
                    file.write(content)
                self.expect(self.chat("--tools", path, "hello"), USAGE, text)
        self.expect(self.chat("--choices", "2", "hello"), USAGE, "--json")

    def test_numbers_out_of_range(self):
        for arguments, text in (
                (("bench", "-n", "0"), "-n '0'"), (("bench", "-n", "1e3"), "-n '1e3'"),
                (("bench", "-n", "99999999999999999999"), "-n"), (("bench", "-n", "-1"), "-n '-1'"),
                (("bench", "-c", "4097"), "from 1 to 4096"), (("bench", "-p", "17"), "from 1 to 16"),
                (("bench", "-p", "0"), "from 1 to 16"),
                (("chat", "--max-tokens", "0"), "--max-tokens '0'"),
                (("chat", "--max-tokens", ""), "--max-tokens ''"),
                (("chat", "--temperature", "2.1"), "from 0 to 2"),
                (("chat", "--temperature", "nan"), "--temperature 'nan'"),
                (("chat", "--temperature", "-1"), "--temperature '-1'"),
                (("chat", "--top-p", "1.1"), "from 0 to 1"),
                (("chat", "--choices", "9"), "from 1 to 8"),
                (("chat", "--max-completion-tokens", "0"), "--max-completion-tokens '0'"),
                (("request", "--max-time", "0"), "--max-time '0'"),
                (("chat", "--max-time", "1000000"), "--max-time '1000000'"),
                (("chat", "--connect-timeout", "121"), "--connect-timeout '121'"),
                (("chat", "--model", ""), "model"), (("chat", "--model", "m" * 129), "model"),
                (("chat", "--address", "127.0.0.300"), "address"),
                (("chat", "--address", "localhost"), "address")):
            with self.subTest(arguments):
                command, *rest = arguments
                prompt = {"chat": ["hello"], "request": ["/models"]}.get(command, [])
                self.expect(run(command, *self.relay.options(), *rest, *prompt), USAGE, text)


class FullDisk(common.Case):
    def test_an_answer_that_cannot_be_written_is_no_success(self):
        with Relay("--tokens", "5") as relay:
            for arguments in (("chat", "hello"), ("chat", "--json", "hello"),
                              ("bench", "-n", "5", "--json")):
                with self.subTest(arguments), open("/dev/full", "wb") as full:
                    command, *rest = arguments
                    done = common.subprocess.run(
                        [CLI, command, *relay.options(), *rest], stdout=full,
                        stdin=common.subprocess.DEVNULL, stderr=common.subprocess.PIPE,
                        env=environment(), timeout=common.TIMEOUT_S, check=False)
                    self.assertEqual(done.returncode, FAILED)
                    self.assertIn(b"No space left on device", done.stderr)


if __name__ == "__main__":
    common.main()
