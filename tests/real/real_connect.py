#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that cannot be reached, trusted or understood: nothing is sent, the reason is named."""

import socket

import common
from common import FAILED, SERVER, Listener, Relay, run


class Unreachable(common.Case):
    @classmethod
    def setUpClass(cls):
        # Only for its certificate authority: trust must load before anything is dialled.
        cls.relay = Relay()
        cls.relay.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.relay.__exit__()

    def chat(self, url, *arguments):
        return run("chat", "--url", url, "--cacert", self.relay.cacert, *arguments, "hello")

    def test_unknown_host(self):
        result = self.chat("https://nonexistent.invalid/v1")
        self.expect(result, FAILED, "NETWORK", "https://nonexistent.invalid/v1")
        # Which of the two depends on whether this machine has a name server to ask.
        self.assertRegex(result.err, "CMX_ERR_(DNS_NOT_FOUND|DNS_FAILED)")
        self.assertRegex(result.err, "the host name (does not exist|could not be resolved)")

    def test_refused_port(self):
        holder, port = common.refused_port()
        with holder:
            self.expect(self.chat(f"https://127.0.0.1:{port}/v1"), FAILED, "NETWORK",
                        "the connection was refused", "CMX_ERR_REFUSED")
            self.expect(self.chat(f"http://127.0.0.1:{port}/v1"), FAILED, "CMX_ERR_REFUSED")

    def test_server_that_says_nothing(self):
        with Listener(lambda connection: None) as listener:
            self.expect(self.chat(f"https://127.0.0.1:{listener.port}/v1", "--connect-timeout", "0.3"),
                        FAILED, "the TLS handshake took longer", "CMX_ERR_TIMEOUT_TLS")
            self.expect(self.chat(f"http://127.0.0.1:{listener.port}/v1", "--connect-timeout", "0.3"),
                        FAILED, "CMX_ERR_TIMEOUT_SETTINGS")

    def test_server_that_closes(self):
        with Listener(lambda connection: connection.shutdown(socket.SHUT_RDWR)) as listener:
            for scheme in ("https", "http"):
                result = self.chat(f"{scheme}://127.0.0.1:{listener.port}/v1")
                self.expect(result, FAILED, "NETWORK")
                self.assertRegex(result.err, "CMX_ERR_(CLOSED|RESET|TLS_TRUNCATED)")

    def test_server_of_http_1(self):
        def answer(connection):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        with Listener(answer) as listener:
            self.expect(self.chat(f"http://127.0.0.1:{listener.port}/v1"), FAILED,
                        "the server broke the HTTP/2 protocol", "CMX_ERR_HTTP2")
            self.expect(self.chat(f"https://127.0.0.1:{listener.port}/v1"), FAILED, "CMX_ERR_TLS")

    def test_server_that_speaks_no_tls(self):
        with Relay(plain=True) as plain:
            result = self.chat(f"https://localhost:{plain.port}/v1")
            self.expect(result, FAILED, "NETWORK")
            self.assertEqual(plain.stop()["requests"], 0)

    def test_bench_ends_when_nobody_answers(self):
        holder, port = common.refused_port()
        with holder:
            # Two rounds, each as long as a request waits for a connection.
            result = run("bench", "--url", f"https://127.0.0.1:{port}/v1", "--cacert",
                         self.relay.cacert, "-n", "50", "-c", "25", "--retry", "0", "--json")
            self.assertEqual(result.code, FAILED, result)
            self.assertIn('"completions":50,"failed":50,', result.out)
            self.assertIn("CMX_ERR_REFUSED", result.err)


class Untrusted(common.Case):
    """The key must not leave before the server has proven who it is."""

    def expect_refusal(self, flags, *texts, cacert=None):
        with Relay(*flags) as relay:
            result = run("chat", "--url", relay.url, "--cacert", cacert or relay.cacert, "hello")
            self.expect(result, FAILED, "NETWORK", relay.url, *texts)
            self.assertEqual(relay.stop()["requests"], 0)

    def test_certificate_of_another_authority(self):
        with Relay() as other:
            self.expect_refusal([], "no trusted CA signed", "CMX_ERR_CERT_UNTRUSTED",
                                cacert=other.cacert)

    def test_certificate_for_another_host(self):
        self.expect_refusal(["--wrong-host"], "for another host name", "CMX_ERR_CERT_HOST")

    def test_certificate_of_yesterday(self):
        self.expect_refusal(["--expired"], "has expired", "CMX_ERR_CERT_EXPIRED")

    def test_server_without_http_2(self):
        for flag in ("--no-h2", "--alpn-alert"):
            with self.subTest(flag):
                self.expect_refusal([flag], "did not agree to HTTP/2", "CMX_ERR_ALPN")

    def test_server_without_tls_1_3(self):
        self.expect_refusal(["--tls12"], "TLS handshake failed", "CMX_ERR_TLS")

    def test_server_that_needs_a_client_certificate(self):
        self.expect_refusal(["--need-cert"], "client certificate", "CMX_ERR_TLS")

    def test_server_that_asks_for_a_client_certificate(self):
        with Relay("--ask-cert", "--tokens", "3") as relay:
            result = run("chat", "--url", relay.url, "--cacert", relay.cacert, "hello")
            self.assertEqual(result.code, 0, result)
            self.assertEqual(relay.stop()["completed"], 1)

    def test_address_literal_must_be_in_the_certificate(self):
        # 127.0.0.2 reaches the same relay, but its certificate names 127.0.0.1 only.
        with Relay("--listen", "127.0.0.2") as relay:
            result = run("chat", "--url", f"https://127.0.0.2:{relay.port}/v1", "--cacert",
                         relay.cacert, "hello")
            self.expect(result, FAILED, "CMX_ERR_CERT_HOST")
            self.assertEqual(relay.stop()["requests"], 0)


class Redirected(common.Case):
    """A redirect is told and never followed: the key goes to the relay it is for."""

    def expect_redirect(self, *arguments, out=""):
        with Relay("--key", common.KEY) as target, \
                Relay("--fault", "fault-redirect", "--redirect-to", target.url + "/there") as relay:
            result = run(arguments[0], *relay.options(), *arguments[1:])
            self.expect(result, SERVER, "ERROR_HTTP", "[HTTP 307]", "CMX_ERR_REDIRECT",
                        f"it redirects to: {target.url}/there", "request id: req_", out=out)
            self.assertEqual(relay.stop()["requests"], 1)
            self.assertEqual(target.stop()["connections"], 0)

    def test_chats(self):
        self.expect_redirect("chat", "hello")
        self.expect_redirect("chat", "--no-stream", "hello")

    def test_plain_requests(self):
        with Relay("--fault", "fault-redirect") as relay:
            result = run("request", *relay.options(), "/models")
            self.assertEqual(result.code, SERVER, result)
            self.assertIn("HTTP 307\n", result.err)
            self.assertIn("CMX_ERR_REDIRECT", result.err)
            self.assertIn("it redirects to: https://elsewhere.invalid/v1\n", result.err)


class Traced(common.Case):
    """The trace tells each frame and hides what is secret."""

    def test_frames_and_no_key(self):
        with Relay("--tokens", "2", "--token-text", "word ", "--key", common.KEY) as relay:
            for how in ([], ["--auth-header", "Api-Key"]):
                # run() itself looks for the key in everything that is printed.
                result = run("chat", *relay.options(), *how, "--trace", "-H", "x-api-key: hunter2",
                             "-H", "X-Org: acme", "--query", "key=hunter3&v=1", "hello body")
                self.expect(result, common.OK, "* conn 0 resolving localhost\n",
                            f":{relay.port}\n", "* conn 0 TLS 1.3, ALPN h2, verified, cipher=0x",
                            "* conn 0 send SETTINGS ", "* conn 0 recv SETTINGS ",
                            "MAX_CONCURRENT_STREAMS=1000", "* conn 0 send HEADERS stream=1 ",
                            "* conn 0 send :path: /v1/chat/completions?key=<redacted>&v=1\n",
                            "* conn 0 send x-api-key: <redacted>\n",
                            f"* conn 0 send {'api-key' if how else 'authorization'}: <redacted>\n",
                            "* conn 0 send x-org: acme\n", "* conn 0 send DATA stream=1 ",
                            "* conn 0 recv :status: 200\n", "* conn 0 recv DATA stream=1 ",
                            "* conn 0 send GOAWAY ", "NO_ERROR", "* conn 0 closed in good order\n",
                            out="word word \n")
                for secret in ("hunter", "hello body", "word"):
                    self.assertNotIn(secret, result.err)

    def test_failures_are_told(self):
        holder, port = common.refused_port()
        with holder:
            result = run("chat", "--url", f"http://127.0.0.1:{port}/v1", "--trace", "hello")
        self.expect(result, FAILED, f"* conn 0 connecting to 127.0.0.1:{port}\n",
                    "* conn 0 closed: CMX_ERR_REFUSED\n")
        with Relay("--fault", "fault-reset", "--tokens", "4") as relay:
            result = run("chat", *relay.options(), "--trace", "hello")
            self.assertIn("* conn 0 recv RST_STREAM stream=1 flags=0x00 length=4 INTERNAL_ERROR\n",
                          result.err)

    def test_without_it_nothing_is_told(self):
        with Relay("--tokens", "1") as relay:
            self.assertEqual(run("chat", *relay.options(), "hello").err, "")


if __name__ == "__main__":
    common.main()
