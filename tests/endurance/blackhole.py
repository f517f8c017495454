#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A route that swallows what the server sends, under 100 streams; no socket is told.

usage: blackhole.py [--short]   (needs root and iproute2; exit status 77 without)
Two network namespaces with a pair of virtual devices between them, the relay in one, the client in
the other. Two connections are full: half of the requests are being answered, the other half waits for
its first token. Then the relay's route to the client becomes a black hole: requests still arrive,
nothing comes back, the devices stay up. The client must find out within ping_after_ms +
ping_timeout_ms. The route is restored once it has given up both; then those without a token are
answered, on new connections. In a second run it is not restored: then every request ends at its
total limit. Namespaces are named after this process, and those that a killed run left behind are
removed first. --short, as ctest does: the same on a machine that is busy with something else.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import fleet
from fleet import Expectations, Fleet, Relays

REQUESTS = 100
CONNECTIONS = 2 # with room for half of the requests each: none is a spare that could live on
SERVER, CLIENT = "10.203.0.1", "10.203.0.2"
PING_AFTER_MS, PING_TIMEOUT_MS = 1000, 1000
CONNECT_TIMEOUT_MS = 3000 # a segment that the hole swallows is sent again after 1 s
TOTAL_LIMIT_MS = 30000
LIMIT_MS = 6000 # where the limit is what ends a request; sooner than a first PING without options
# For the network's own way and a client that waits for a CPU; and to outlive a total limit by.
SLACK_MS, LATE_MS = 500, 10
SHORT_SLACK_MS, SHORT_LATE_MS = 8000, 1000
# Answers take longer than it takes to send all requests, and a first token never comes: the fault
# that holds it back is for the first sendings only.
TOKENS, GAP_MS, FIRST_TOKEN_MS = 120, 50, 600000
START_S = 20

# The relay itself listens on loopback only; here nobody else can reach the address.
LISTEN = """
import os, socket, sys
sock = socket.create_server((sys.argv[1], 0), backlog=512)
os.set_inheritable(sock.fileno(), True)
os.execv(sys.argv[2], [*sys.argv[2:], "--listen-fd", str(sock.fileno())])
"""


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=check).stdout.decode()


def is_alive(pid):
    return os.path.exists(f"/proc/{pid}")


class Network:
    """Two namespaces and the road between them; deleting them deletes everything in them."""

    def __init__(self):
        self.server = f"cmx-server-{os.getpid()}"
        self.client = f"cmx-client-{os.getpid()}"

    def __enter__(self):
        for name, pid in re.findall(r"^(cmx-(?:server|client)-(\d+))", ip("netns", "list"), re.M):
            if not is_alive(pid):
                ip("netns", "delete", name)
        try:
            ip("netns", "add", self.server)
            ip("netns", "add", self.client)
            ip("netns", "exec", self.server, "true") # not all that may make one may enter it
            ip("-n", self.server, "link", "add", "road", "type", "veth", "peer", "name", "road",
               "netns", self.client)
            for name, address in ((self.server, SERVER), (self.client, CLIENT)):
                ip("-n", name, "address", "add", f"{address}/30", "dev", "road")
                ip("-n", name, "link", "set", "road", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for name in (self.server, self.client):
            ip("netns", "delete", name, check=False)

    def swallow(self):
        ip("-n", self.server, "route", "add", "blackhole", f"{CLIENT}/32")
        return time.monotonic() * 1000

    def restore(self):
        ip("-n", self.server, "route", "delete", "blackhole", f"{CLIENT}/32")


def within(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


def wait_for_all(relays, client):
    """Until each request has arrived, and those that are answered have had some tokens."""
    deadline = time.monotonic() + START_S
    while relays.counts().get("chats", 0) < REQUESTS:
        if time.monotonic() > deadline or not client.runs:
            raise RuntimeError(f"the requests did not arrive: {relays.counts()}")
        time.sleep(0.02)
    time.sleep(4 * GAP_MS / 1000)


def run(folder, network, options, swallowed):
    """Starts the requests, opens the hole and calls `swallowed` with the client."""
    listen = within(network.server, sys.executable, "-c", LISTEN, SERVER)
    with Relays(folder, "--tokens", str(TOKENS), "--gap-ms", str(GAP_MS), "--first-token-ms",
                str(FIRST_TOKEN_MS), "--fault-times", str(REQUESTS // 2), before=listen) as relays:
        relays.start()
        begin = time.monotonic()
        client = Fleet(relays.url, relays.ca_file, "--address", SERVER, "-n", REQUESTS,
                       "--requests", REQUESTS, "-t", 60, "--other-model", "fault-slow",
                       "--other-every", 2, "--deltas-each", TOKENS,
                       "--connections", CONNECTIONS, "--streams", REQUESTS // CONNECTIONS,
                       "--connect-timeout-ms", CONNECT_TIMEOUT_MS, *options,
                       before=within(network.client))
        try:
            wait_for_all(relays, client)
            before = relays.counts()
            hole_ms = network.swallow()
            swallowed(client)
            found = client.finish(3 * TOTAL_LIMIT_MS / 1000)
            total_s = time.monotonic() - begin
            relays.end()
        finally:
            client.stop()
        return found, before, relays.counts(), hole_ms, total_s


def noticed(folder, network, slack_ms, late_ms):
    bound_ms = PING_AFTER_MS + PING_TIMEOUT_MS + slack_ms

    def restore(client):
        client.wait_for_dead(CONNECTIONS, bound_ms / 1000)
        network.restore()

    options = ["--total-limit-ms", TOTAL_LIMIT_MS, "--late-ms", late_ms, "--ping-after-ms",
               PING_AFTER_MS, "--ping-timeout-ms", PING_TIMEOUT_MS, *fleet.ALL_RETRIES]
    found, before, after, hole_ms, total_s = run(folder, network, options, restore)
    return judge(found, before, after, (hole_ms, slack_ms, total_s))


def endless(folder, network, late_ms):
    """Nobody restores the route and nobody asks for a PING: the total limit ends all."""
    found, before, _, hole_ms, total_s = run(
        folder, network, ["--total-limit-ms", LIMIT_MS, "--late-ms", late_ms], lambda client: None)
    network.restore()
    expected = Expectations(f"black hole that stays: {REQUESTS} requests, {total_s:.1f} s in all",
                            found)
    expected.faultless(requests_min=REQUESTS)
    expected.equal("nobody heard of it before", before["completed"], 0)
    expected.equal("all of them TIMEOUT", found["done"], {"TIMEOUT": REQUESTS})
    expected.equal("by the total limit", found["errors"], {"CMX_ERR_TIMEOUT_TOTAL": REQUESTS})
    expected.expect("and after the hole opened", found["first_trouble_ms"] > hole_ms,
                    found["first_trouble_ms"] - hole_ms)
    return expected.failed


def judge(found, before, after, times):
    hole_ms, slack_ms, total_s = times
    half = REQUESTS // 2
    expected = Expectations(f"black hole: {REQUESTS} requests, {total_s:.1f} s in all", found)
    expected.faultless(requests_min=REQUESTS)
    expected.equal("nobody heard of it before", before["completed"], 0)
    for name, text in (("first_trouble_ms", "the first of them was noticed"),
                       ("last_cut_ms", "the last answer under way was ended")):
        after_ms = found[name] - hole_ms if found[name] else float("inf")
        expected.between(f"{text} within ping_after_ms + ping_timeout_ms + {slack_ms}, in ms", 0,
                         round(after_ms, 1), PING_AFTER_MS + PING_TIMEOUT_MS + slack_ms)
    expected.equal("connections before it", before["handshakes"], CONNECTIONS)
    expected.equal("given up for their silence", found["connections_dead"], CONNECTIONS)
    expected.equal("answers under way TRUNCATED, those without a token DONE", found["done"],
                   {"DONE": half, "TRUNCATED": half})
    expected.no_failure_without_token()
    expected.equal("attempts: one for each, and one more for each without a token",
                   found["attempts"], REQUESTS + half)
    expected.equal("attempts of the client are the relay's whole requests", found["attempts"],
                   after["chats"])
    expected.expect("new connections were made after it",
                    after["handshakes"] > before["handshakes"],
                    after["handshakes"] - before["handshakes"])
    return expected.failed


def main():
    short = sys.argv[1:] == ["--short"]
    if len(sys.argv) > 1 and not short:
        print(__doc__, file=sys.stderr)
        return 2
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("missing: root and the program ip. Remedy: apt-get install iproute2, and run as root")
        return fleet.SKIPPED
    fleet.prepare()
    folder = tempfile.mkdtemp(prefix="chatmux-endurance.")
    try:
        with Network() as network:
            slack_ms, late_ms = (SHORT_SLACK_MS, SHORT_LATE_MS) if short else (SLACK_MS, LATE_MS)
            failed = noticed(folder, network, slack_ms, late_ms)
            return 1 if failed + endless(folder, network, late_ms) else 0
    except subprocess.CalledProcessError as problem:
        print(f"missing: network namespaces: {problem}: {problem.stderr.decode().strip()}. "
              "Remedy: run where namespaces and virtual devices are allowed")
        return fleet.SKIPPED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
