#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that others wrote, reloaded or restarted under 50 streams.

usage: reload.py [--short] [nginx] [nghttpd]
       (default: both, 60 s each and a reload every 2 s; --short: 8 s and 5 s, as ctest does)
nginx: SIGHUP, so old workers finish their requests; every request is DONE, and the backend behind
it counts as many as there were attempts. nghttpd has no reload and no graceful end: it is ended by
SIGTERM and started again on its port, which is a kill. What it counts is lost with it.
Exit status 77 if a server is missing, which is a failure if CMX_INTEROP=require; see
interop/fetch.sh for where they come from.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import fleet
from fleet import TOTAL_LIMIT_MS, Expectations, Fleet, Relays

sys.path.insert(0, os.path.join(fleet.HERE, "..", "interop"))

import backend # noqa: E402
import servers # noqa: E402

PERIOD_S = 2
IN_FLIGHT = 50
TOKENS, GAP_S = 10, 0.05
# Answers of nghttpd are files: so long that a restart finds some under way.
REPEATED = 25


class Paced(backend.Handler):
    """Half a second for each answer."""

    def stream(self, model):
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                         b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in backend.PIECES[:TOKENS]:
            time.sleep(GAP_S)
            self.chunk(backend.event({"content": piece}))
        self.chunk(backend.event({}, finish="stop"))
        self.chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")


class Nghttpd(servers.Nghttpd):
    def command(self):
        arguments = super().command()
        tokens = b"".join(backend.event({"content": piece}) for piece in backend.PIECES)
        with open(self.path("pages/v1/chat/completions"), "wb") as file:
            file.write(tokens * REPEATED + backend.event({}, finish="stop") + b"data: [DONE]\n\n")
        return [one for one in arguments if one != "--verbose"]

    def restart(self):
        # Another program may have the port for a moment.
        for _ in range(fleet.STARTS_MAX):
            self.stop()
            with open(self.path("output.log"), "ab") as log:
                self.process = subprocess.Popen(
                    [self.program(), *self.command()], env=self.environment(), cwd=self.folder,
                    stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            if self.listens():
                return
        raise RuntimeError("nghttpd did not start again")


def run(server, ca_file, duration_s, deltas, deed, title):
    client = Fleet(server.url, ca_file, "--address", "127.0.0.1", "-n", IN_FLIGHT,
                   "-t", duration_s, "--deltas-each", deltas, "--total-limit-ms", TOTAL_LIMIT_MS,
                   *fleet.ALL_RETRIES)
    try:
        times = fleet.every(client, PERIOD_S, duration_s - 1, deed)
        found = client.finish(duration_s + 2 * TOTAL_LIMIT_MS / 1000)
    finally:
        client.stop()
    expected = Expectations(f"{title} {server.version()}: {times} times, "
                            f"{found['connections']} connections", found)
    expected.faultless(requests_min=duration_s)
    return expected, found, times


def nginx(folder, certificates, duration_s):
    with backend.Backend() as relay:
        relay.RequestHandlerClass = Paced
        with servers.Nginx(folder, certificates, relay.port) as server:
            expected, found, times = run(
                server, os.path.join(certificates, "ca.pem"), duration_s, TOKENS,
                lambda: server.process.send_signal(signal.SIGHUP), "nginx reloaded")
    expected.all_done()
    expected.equal("attempts of the client are the requests the backend answered",
                   found["attempts"], relay.counts["posts"])
    expected.expect("each reload made new connections", found["connections"] > times,
                    found["connections"])
    return expected.failed


def nghttpd(folder, certificates, duration_s):
    with Nghttpd(folder, certificates, 0) as server:
        expected, found, times = run(
            server, os.path.join(certificates, "ca.pem"), duration_s,
            REPEATED * len(backend.PIECES), server.restart, "nghttpd restarted")
    expected.failures_only("TRUNCATED", "NETWORK")
    expected.no_failure_without_token()
    expected.between("each restart cost at most what was in flight", 0,
                     found["requests"] - found["done"].get("DONE", 0), IN_FLIGHT * times)
    return expected.failed


PARTS = {"nginx": (nginx, servers.Nginx, 8), "nghttpd": (nghttpd, Nghttpd, 5)}


def main():
    arguments = sys.argv[1:]
    names = [name for name in arguments if name != "--short"] or list(PARTS)
    if not set(names) <= set(PARTS):
        print(__doc__, file=sys.stderr)
        return 2
    fleet.prepare()
    missing = [name for name in names if PARTS[name][1].version() is None]
    failed = 0
    for name in [name for name in names if name not in missing]:
        part, _, short_s = PARTS[name]
        folder = tempfile.mkdtemp(prefix="chatmux-endurance.")
        begin = time.monotonic()
        try:
            certificates = os.path.dirname(Relays(folder).ca_file)
            failed += part(folder, certificates, short_s if "--short" in arguments else 60)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"   {name}: {time.monotonic() - begin:.1f} s")
    if failed:
        return 1
    if missing:
        print(f"missing: {' '.join(missing)}. Remedy: run sh tests/interop/fetch.sh")
        return 1 if os.environ.get("CMX_INTEROP") == "require" else fleet.SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
