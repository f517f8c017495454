#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ways to a relay: through an HTTP proxy that tunnels, and past an address that does not answer."""

import base64
import os
import socket
import tempfile
import threading
import time
import unittest

import common
from common import FAILED, KEY, OK, USAGE, Listener, Relay, run

PASSWORD = "opensesame9"
HEAD_MAX = 8192


def pump(source, target):
    """Copies until the source ends, then says so to the target."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy(Listener):
    """A CONNECT proxy: one thread per connection. `answer` replaces its own answer."""

    def __init__(self, answer=None, password=None):
        super().__init__(self._start)
        self.answer = answer
        self.password = password
        self.heads = []
        self.bytes_seen = b""

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    def _start(self, connection):
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        head = b""
        try:
            while b"\r\n\r\n" not in head and len(head) < HEAD_MAX:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            self.heads.append(head)
            answer = self.answer or self._judge(head)
            connection.sendall(answer)
            if b" 200 " not in answer:
                connection.shutdown(socket.SHUT_WR)
                return
            host, port = head.split(b" ")[1].decode().rsplit(":", 1)
            server = socket.create_connection((host.strip("[]"), int(port)))
        except OSError:
            return
        with server:
            back = threading.Thread(target=pump, args=(server, connection), daemon=True)
            back.start()
            self._forward(connection, server)
            back.join(timeout=common.TIMEOUT_S)

    def _judge(self, head):
        want = base64.b64encode(f"user:{self.password}".encode())
        if self.password and b"Proxy-Authorization: Basic " + want + b"\r\n" not in head:
            return (b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b"Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
        return b"HTTP/1.1 200 Connection established\r\n\r\n"

    def _forward(self, connection, server):
        try:
            while True:
                data = connection.recv(65536)
                if not data:
                    break
                self.bytes_seen += data
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Proxied(common.Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="chatmux-real.")
        self.addCleanup(self.folder.cleanup)

    def key_file(self, text):
        path = os.path.join(self.folder.name, "proxy-key")
        with open(path, "w", encoding="ascii") as file:
            file.write(text + "\n")
        return path

    def expect_answer(self, relay, *arguments, env=None):
        result = run("chat", *relay.options(), *arguments, "hello", env=env)
        self.expect(result, OK, out="word word \n")
        return result

    def relay(self, **how):
        return Relay("--tokens", "2", "--token-text", "word ", "--key", KEY, **how)

    def test_tunnel(self):
        with self.relay() as relay, Proxy() as proxy:
            self.expect_answer(relay, "--proxy", proxy.url)
            self.assertEqual(proxy.heads, [
                f"CONNECT localhost:{relay.port} HTTP/1.1\r\n"
                f"Host: localhost:{relay.port}\r\n\r\n".encode()])
            self.assertGreater(len(proxy.bytes_seen), 100)
            self.assertNotIn(KEY.encode(), proxy.bytes_seen)
            self.assertEqual(relay.stop()["requests"], 1)

    def test_tunnel_without_tls(self):
        with self.relay(plain=True) as relay, Proxy() as proxy:
            self.expect_answer(relay, "--proxy", proxy.url)
            self.assertEqual(relay.stop()["requests"], 1)

    def test_name_is_resolved_by_the_proxy_alone(self):
        with self.relay() as relay, Proxy() as proxy:
            # Told the address, the proxy needs no name, nor does chatmux; the certificate does.
            result = run("chat", *relay.options(), "--address", "127.0.0.1", "--proxy", proxy.url,
                         "--trace", "hello")
            self.expect(result, OK, f"connecting to 127.0.0.1:{proxy.port}\n",
                        "* conn 0 the proxy answered 200 after ms=", out="word word \n")
            self.assertTrue(proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{relay.port} ".encode()))

    def test_many_over_few_tunnels(self):
        with Relay("--tokens", "4", "--key", KEY) as relay, Proxy() as proxy:
            result = run("bench", *relay.options(), "--proxy", proxy.url, "-n", "300", "-c", "30",
                         "-p", "2", "--json")
            self.assertEqual(result.code, OK, result)
            self.assertIn('"completions":300,"failed":0,', result.out)
            self.assertLessEqual(len(proxy.heads), 2)

    def test_password(self):
        with self.relay() as relay, Proxy(password=PASSWORD) as proxy:
            result = self.expect_answer(relay, "--proxy", proxy.url, "--proxy-key-file",
                                        self.key_file(f"user:{PASSWORD}"), "--trace")
            for secret in (PASSWORD, base64.b64encode(f"user:{PASSWORD}".encode()).decode()):
                self.assertNotIn(secret, result.err)
            for key in (None, "user:wrong"):
                arguments = [] if key is None else ["--proxy-key-file", self.key_file(key)]
                result = run("chat", *relay.options(), "--proxy", proxy.url, *arguments, "hello")
                self.expect(result, FAILED, "NETWORK", "the proxy wants a user and a password",
                            "CMX_ERR_PROXY_AUTH")
            self.assertEqual(relay.stop()["requests"], 1)

    def test_refusals(self):
        for answer in (b"HTTP/1.1 403 Forbidden\r\n\r\nno", b"HTTP/1.0 502 Bad Gateway\r\n\r\n",
                       b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                       b"SSH-2.0-x\r\n", b"HTTP/1.1 204 " + b"x" * 5000 + b"\r\n\r\n"):
            with self.subTest(answer=answer[:20]), self.relay() as relay, Proxy(answer) as proxy:
                result = run("chat", *relay.options(), "--proxy", proxy.url, "--trace", "hello")
                self.expect(result, FAILED, "the proxy refused the tunnel", "CMX_ERR_PROXY)")
                self.assertEqual(relay.stop()["connections"], 0)

    def test_proxy_that_says_nothing(self):
        with self.relay() as relay, Listener(lambda connection: None) as listener:
            self.expect(run("chat", *relay.options(), "--proxy", f"http://127.0.0.1:{listener.port}",
                            "--connect-timeout", "0.3", "hello"), FAILED, "CMX_ERR_TIMEOUT_CONNECT")

    def test_proxy_that_closes(self):
        with self.relay() as relay, \
                Listener(lambda connection: connection.shutdown(socket.SHUT_RDWR)) as listener:
            self.expect(run("chat", *relay.options(), "--proxy", f"http://127.0.0.1:{listener.port}",
                            "hello"), FAILED, "CMX_ERR_PROXY)")

    def test_proxy_that_is_not_there(self):
        holder, port = common.refused_port()
        with holder, self.relay() as relay:
            self.expect(run("chat", *relay.options(), "--proxy", f"127.0.0.1:{port}", "hello"),
                        FAILED, "CMX_ERR_REFUSED")

    def test_environment(self):
        with self.relay() as relay, Proxy() as proxy:
            for name in ("HTTPS_PROXY", "https_proxy"):
                self.expect_answer(relay, env=common.environment(**{name: proxy.url}))
            self.assertEqual(len(proxy.heads), 2)
            host_and_port = common.environment(HTTPS_PROXY=f"localhost:{proxy.port}")
            self.expect_answer(relay, env=host_and_port)
            self.expect_answer(relay, "--proxy", "", env=host_and_port)
            self.assertEqual(len(proxy.heads), 3)
        with self.relay(plain=True) as relay:
            self.expect_answer(relay, env=common.environment(HTTPS_PROXY="http://127.0.0.1:1"))

    def test_urls_that_are_none(self):
        for url in ("https://proxy:3128", "socks5://proxy", "http://user:hunter2@proxy",
                    "http://proxy/path", "x" * 600):
            result = run("chat", "--url", "http://127.0.0.1:1", "--proxy", url, "hello")
            self.assertEqual(result.code, USAGE, result)
            self.assertIn("--proxy", result.err)
            self.assertNotIn("hunter2", result.err)
        result = run("chat", "--url", "http://127.0.0.1:1", "--proxy-key-file",
                     self.key_file("user:x"), "hello")
        self.expect(result, USAGE, "proxy_key")


def hold_full(address, port):
    """Listens there with a queue that is full, so that the next connect is never answered. Returns
    the sockets to be kept, or None if this system has no such address."""
    if not common.has_address(address):
        return None
    listener = socket.socket(socket.AF_INET6)
    listener.bind((address, port))
    listener.listen(0)
    held = [listener]
    for _ in range(8):
        filler = socket.socket(socket.AF_INET6)
        filler.settimeout(0.2)
        held.append(filler)
        try:
            filler.connect((address, port))
        except OSError:
            return held
    return held


class TwoAddresses(common.Case):
    def run_two(self, relay):
        program = os.path.join(common.BUILD_DIR, "tests", "api", "two_addresses")
        begin = time.monotonic()
        result = common.run_program([program, relay.url, relay.cacert])
        self.assertEqual(result.code, OK, result)
        return result.out.decode().strip(), time.monotonic() - begin

    def test_address_that_never_answers_costs_the_delay(self):
        with Relay("--tokens", "1", "--listen", "127.0.0.1") as relay:
            held = hold_full("::1", relay.port)
            if held is None:
                self.skipTest("there is no ::1 here")
            try:
                tried, took = self.run_two(relay)
            finally:
                for each in held:
                    each.close()
        # The silent one is joined by the other, which goes first from then on.
        self.assertEqual(tried, "644")
        self.assertGreaterEqual(took, 0.25)

    def test_address_that_is_refused_costs_nothing(self):
        with Relay("--tokens", "1", "--listen", "127.0.0.1") as relay:
            self.assertEqual(self.run_two(relay)[0], "644")

    @unittest.skipUnless(common.has_address("::1"), "there is no ::1 here")
    def test_address_that_answers_is_alone(self):
        with Relay("--tokens", "1", "--listen", "::1") as relay:
            self.assertEqual(self.run_two(relay)[0], "66")


if __name__ == "__main__":
    common.main()
