#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A relay that is restarted every 2 s under many streams: in good order, and killed.

usage: restart.py [--short] [graceful] [killed]
       (default: both, 60 s each with 200 in flight; --short: 6 s each with 50, as ctest does)
Graceful: the next relay shares the listening socket, the old one says GOAWAY twice and ends with its
last stream; every request is DONE. Killed: SIGKILL, and the next one binds the same port; what had
no token yet completes, what had some ends TRUNCATED or NETWORK. Relays keep their counts in files
that outlive them, so the client's attempts are compared with what all of them saw.
"""

import shutil
import socket
import sys
import tempfile
import time

import fleet
from fleet import DRAIN_S, TOTAL_LIMIT_MS, Expectations, Fleet, Relays

PERIOD_S = 2
TOKENS, GAP_MS = 10, 50 # half a second for each answer


def fleet_options(in_flight, duration_s):
    return ["--address", "127.0.0.1", "-n", in_flight, "-t", duration_s, "--deltas-each", TOKENS,
            "--total-limit-ms", TOTAL_LIMIT_MS, *fleet.ALL_RETRIES]


def finish(title, client, relays, restarts, duration_s):
    found = client.finish(duration_s + 2 * TOTAL_LIMIT_MS / 1000)
    codes = relays.end()
    seen = relays.counts()
    expected = Expectations(f"{title}: {restarts} restarts, {found['connections']} connections",
                            found)
    expected.faultless(requests_min=duration_s)
    expected.equal("relays ended in good order", [code for code in codes if code not in (0, -9)], [])
    return expected, found, seen


def wait_for_connection(relays, client):
    """However slow the machine is, each relay has its turn."""
    deadline = time.monotonic() + fleet.START_S
    while client.runs and relays.connected()[-1] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)


def graceful(folder, in_flight, duration_s):
    with socket.create_server(("127.0.0.1", 0), backlog=512) as shared, \
            Relays(folder, "--tokens", str(TOKENS), "--gap-ms", str(GAP_MS),
                   "--drain-s", str(DRAIN_S)) as relays:
        inherited = {"pass_fds": (shared.fileno(),)}
        flag = ("--listen-fd", str(shared.fileno()))
        relays.start(*flag, **inherited)
        client = Fleet(relays.url, relays.ca_file, *fleet_options(in_flight, duration_s))

        def restart():
            old = relays.all[-1][0]
            relays.start(*flag, **inherited)
            old.terminate()
            wait_for_connection(relays, client)

        try:
            restarts = fleet.every(client, PERIOD_S, duration_s - 1, restart)
            expected, found, seen = finish("graceful", client, relays, restarts, duration_s)
        finally:
            client.stop()
    expected.all_done()
    expected.equal("attempts of the client are the relays' whole requests", found["attempts"],
                   seen["chats"])
    expected.equal("none was sent twice", found["attempts"], found["requests"])
    expected.equal("relays completed all of them", seen["completed"], found["requests"])
    # The last one may have come when the client had nothing left to start.
    connected = relays.connected()
    expected.expect("connections were made to every relay but perhaps the last",
                    len(connected) > 2 and all(connected[:-1]), connected)
    return expected.failed


def killed(folder, in_flight, duration_s):
    with Relays(folder, "--tokens", str(TOKENS), "--gap-ms", str(GAP_MS),
                "--listen", "127.0.0.1") as relays:
        relays.start("--port", "0")
        client = Fleet(relays.url, relays.ca_file, *fleet_options(in_flight, duration_s))

        def restart():
            relays.kill()
            relays.start_again()

        try:
            restarts = fleet.every(client, PERIOD_S, duration_s - 1, restart)
            expected, found, seen = finish("killed", client, relays, restarts, duration_s)
        finally:
            client.stop()
    expected.failures_only("TRUNCATED", "NETWORK")
    expected.no_failure_without_token()
    # What a relay was sent and had not read when it was killed is an attempt that it did not see:
    # at most what was in flight then.
    expected.between("attempts of the client are those the relays saw, and what died unread",
                     seen["chats"], found["attempts"], seen["chats"] + in_flight * restarts)
    expected.between("each kill cost at most what was in flight", 0,
                     found["requests"] - found["done"].get("DONE", 0), in_flight * restarts)
    return expected.failed


def main():
    arguments = sys.argv[1:]
    short = "--short" in arguments
    names = [name for name in arguments if name != "--short"] or ["graceful", "killed"]
    parts = {"graceful": graceful, "killed": killed}
    if not set(names) <= set(parts):
        print(__doc__, file=sys.stderr)
        return 2
    fleet.prepare()
    in_flight, duration_s = (50, 6) if short else (200, 60)
    failed = 0
    for name in names:
        folder = tempfile.mkdtemp(prefix="chatmux-endurance.")
        begin = time.monotonic()
        try:
            failed += parts[name](folder, in_flight, duration_s)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"   {name}: {time.monotonic() - begin:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
