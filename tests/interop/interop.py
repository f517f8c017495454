#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Three works through five servers that others wrote: TLS 1.3, HTTP/2, certificates checked.

usage: interop.py [SERVER...]   (default: all five; see fetch.sh for where they come from)
A chat of which each token must be seen before the next is sent; plain answers of 64 KiB, equal to
the last byte; and 100 streams, which the backend answers only when all of them are in flight. Both
ends count. Prints a table. Exit status 77 if a server is missing, which is a failure if
CMX_INTEROP=require. Asserts nothing about how long anything takes.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "real"))

import backend # noqa: E402
import common # noqa: E402
import servers # noqa: E402
from backend import LARGE, LARGE_SHA256, PIECES, TEXT # noqa: E402
from common import FAILED, OK # noqa: E402

COLUMNS = ("server", "version", "chat", "plain", "streams", "connections", "handshakes",
           "streams/conn")
SKIPPED = 77
HUNDRED = 100
SPARE = 1 # stream that chatmux leaves free: the server may see an end later than we do
REMEDY = "run sh tests/interop/fetch.sh"


class Works:
    """The tests; a class for each server is made below. They run in the order of their names."""

    server_class = None
    relay = None # the backend
    folder = ""

    @classmethod
    def setUpClass(cls):
        cls.counted_before = sum(cls.relay.counts.values())
        cls.row = dict.fromkeys(COLUMNS, "-")
        cls.row.update(server=cls.server_class.name, version=cls.server_class.version())
        cls.server = cls.server_class(cls.folder, os.path.join(cls.folder, "ca"), cls.behind())
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def answered(cls):
        return sum(cls.relay.counts.values()) - cls.counted_before

    @classmethod
    def behind(cls):
        """The port that the server sends requests to."""
        return cls.relay.port

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(self.server.logs(), file=sys.stderr)

    def options(self, prefix="", ca="ca"):
        return ["--url", self.server.url.replace("/v1", prefix + "/v1"), "--cacert",
                os.path.join(self.folder, ca, "ca.pem")]

    def bench(self, requests, in_flight, connections, together):
        """Runs a bench, of whose requests so many must be in flight at once for any to be answered;
        returns its figures and what the server's log says of its connections."""
        self.server.mark(self.answered() if self.server.proxies else 0)
        result = common.run("bench", *self.options(), "--json",
                            "-m", f"together-{together}-{self.id()}", "-n", str(requests),
                            "-c", str(in_flight), "-p", str(connections))
        self.assertEqual(result.code, OK, result)
        found = json.loads(result.out)
        wanted = {"completions": requests, "failed": 0, "deltas": requests * len(PIECES),
                  "bytes": requests * len(TEXT.encode()), "timeouts": 0}
        self.assertEqual({name: found[name] for name in wanted}, wanted)
        self.assertEqual(found["handshakes"], found["connections"])
        return found, self.server.requests_by_connection(requests)

    # ---- a chat ----

    def test_1_chat_is_streamed_to_its_end(self):
        self.relay.seen = threading.Semaphore(0)
        process = subprocess.Popen(
            [common.CLI, "chat", *self.options(), "--json", "-m", "lockstep", "Say something."],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            env=common.environment())
        try:
            read = b""
            for line in process.stdout: # ends with the answer, or when the backend gives up
                read += line
                if self.server.proxies and b'"delta"' in line:
                    self.relay.seen.release()
            _, err = process.communicate(timeout=common.TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()
        common.judge_output("chat", read, err)
        lines = [json.loads(line) for line in read.splitlines()]
        self.assertEqual((process.returncode, err), (OK, b""), lines)
        text = "".join(line["text"] for line in lines if line["event"] == "delta")
        self.assertEqual(text, TEXT)
        done = lines[-1]
        self.assertEqual((done["event"], done["verdict"], done["error"], done["http_status"]),
                         ("done", "DONE", "CMX_OK", 200))
        self.assertEqual((done["finish_reason"], done["deltas"], done["attempts"]),
                         ("stop", len(PIECES), 1))
        self.assertEqual([done["usage"][name] for name in ("prompt_tokens", "completion_tokens",
                                                           "cached_tokens")],
                         [backend.USAGE["prompt_tokens"], len(PIECES), 3])
        self.row["chat"] = "ok"

    # ---- plain answers ----

    def test_2_plain_chat_of_64_kib(self):
        prefix = "" if self.server.proxies else "/plain"
        result = common.run("chat", *self.options(prefix), "--no-stream", "--json", "-m", "large",
                            "Say much.")
        self.assertEqual(result.code, OK, result)
        lines = [json.loads(line) for line in result.out.splitlines()]
        text = "".join(line["text"] for line in lines if line["event"] == "delta")
        self.assertEqual(text.encode(), LARGE)
        self.assertEqual((lines[-1]["verdict"], lines[-1]["error"]), ("DONE", "CMX_OK"))
        self.row["plain"] = "ok"

    def test_2_plain_request_of_64_kib(self):
        result = common.run_program([common.CLI, "request", *self.options(), "/large"])
        self.assertEqual(result.code, OK, result)
        self.assertEqual((len(result.out), hashlib.sha256(result.out).hexdigest()),
                         (backend.LARGE_BYTES, LARGE_SHA256))

    # ---- many streams ----

    def test_3_hundred_streams_on_one_connection(self):
        together = min(HUNDRED, self.server.streams_max - SPARE)
        found, by_connection = self.bench(HUNDRED, HUNDRED, 1, together)
        self.assertEqual((found["connections"], by_connection), (1, [HUNDRED]))

    def test_4_hundred_streams_on_two_connections(self):
        found, by_connection = self.bench(3 * HUNDRED, HUNDRED, 2, HUNDRED)
        self.assertEqual((found["connections"], len(by_connection)), (2, 2))
        self.assertEqual(sum(by_connection), 3 * HUNDRED)
        self.row.update({"streams": f"{3 * HUNDRED}/{HUNDRED}",
                         "connections": found["connections"], "handshakes": found["handshakes"],
                         "streams/conn": "+".join(map(str, by_connection))})

    def test_5_as_many_streams_as_the_server_allows(self):
        # More than that are wanted, on one connection: it is filled, and the rest wait.
        together = self.server.streams_max - SPARE
        self.assertLess(together, 3 * HUNDRED)
        found, by_connection = self.bench(3 * HUNDRED, 3 * HUNDRED, 1, together)
        self.assertEqual((found["connections"], by_connection), (1, [3 * HUNDRED]))

    # ---- certificates ----

    def test_6_another_authority_is_refused(self):
        posts = self.relay.counts["posts"]
        result = common.run("chat", *self.options(ca="other"), "Say something.")
        self.assertEqual((result.code, result.out), (FAILED, ""), result)
        self.assertIn("no trusted CA signed the server's certificate", result.err)
        self.assertEqual(self.relay.counts["posts"], posts)


class NginxGoaway(Works):
    """Ends each connection after some requests, with GOAWAY, while others are in flight on it."""

    def test_7_connections_that_the_server_ends(self):
        class Short(servers.Nginx):
            name = "nginx" # of the program; the folder is its own
            requests_max = 50

        folder = os.path.join(self.folder, "short")
        with Short(folder, os.path.join(self.folder, "ca"), self.relay.port) as server:
            requests = 4 * HUNDRED
            result = common.run("bench", "--url", server.url, "--cacert",
                                os.path.join(self.folder, "ca", "ca.pem"), "--json", "-n",
                                str(requests), "-c", "20", "-p", "2")
            self.assertEqual(result.code, OK, result)
            found = json.loads(result.out)
            self.assertEqual((found["completions"], found["failed"], found["deltas"]),
                             (requests, 0, requests * len(PIECES)))
            by_connection = server.requests_by_connection(requests)
        # A connection that replaces another one may have come too late to carry anything.
        self.assertIn(found["connections"] - len(by_connection), range(0, 3))
        self.assertLessEqual(by_connection[0], Short.requests_max)
        # Each answered once: nothing that may have been processed was sent again.
        self.assertEqual(sum(by_connection), requests)


def make_authorities(folder):
    """Two authorities that do not know each other; the servers use the certificate of `ca`."""
    for name in ("ca", "other"):
        with common.Relay() as relay:
            shutil.copytree(os.path.join(relay.folder, "ca"), os.path.join(folder, name))


def print_table(rows):
    table = [COLUMNS] + [tuple(str(row[name]) for name in COLUMNS) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(COLUMNS))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def run_cases(wanted):
    """Runs the works of each (name, class of works, class of server); prints the table."""
    folder = tempfile.mkdtemp(prefix="chatmux-interop.")
    try:
        make_authorities(folder)
        with backend.Backend() as relay:
            cases = [type(name, (base, common.Case), {"server_class": server, "relay": relay,
                                                      "folder": folder})
                     for name, base, server in wanted]
            suite = unittest.TestSuite(
                unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
            passed = unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()
            print_table([case.row for case in cases if hasattr(case, "row")])
            return passed
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tell_missing(names, remedy):
    print(f"missing: {' '.join(names)}. Remedy: {remedy}")
    return 1 if os.environ.get("CMX_INTEROP") == "require" else SKIPPED


def main():
    names = sys.argv[1:] or list(servers.ALL)
    unknown = [name for name in names if name not in servers.ALL]
    if unknown:
        print(f"unknown: {unknown}; there are {' '.join(servers.ALL)}", file=sys.stderr)
        return 2
    here = [name for name in names if servers.ALL[name].version() is not None]
    passed = not here or run_cases([(name, NginxGoaway if name == "nginx" else Works,
                                     servers.ALL[name]) for name in here])
    code = tell_missing(set(names) - set(here), REMEDY) if len(here) < len(names) else 0
    return code if passed else 1


if __name__ == "__main__":
    sys.exit(main())
