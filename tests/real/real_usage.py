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

    def test_help_is_no_mistake(self):
        for arguments in (["--help"], ["chat", "--help"], ["bench", "--help"], ["bench", "-h"]):
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
        # The key has no place on the command line, where every user of the machine reads it.
        result = self.chat("--key", "sk-argument", "hello")
        self.expect(result, USAGE, "OPENAI_API_KEY")
        self.assertNotIn("sk-argument", result.err)

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
                (("chat", "--max-time", "1000000"), "--max-time '1000000'"),
                (("chat", "--connect-timeout", "121"), "--connect-timeout '121'"),
                (("chat", "--model", ""), "model"), (("chat", "--model", "m" * 129), "model"),
                (("chat", "--address", "127.0.0.300"), "address"),
                (("chat", "--address", "localhost"), "address")):
            with self.subTest(arguments):
                command, *rest = arguments
                prompt = ["hello"] if command == "chat" else []
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
