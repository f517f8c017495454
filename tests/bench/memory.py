# SPDX-License-Identifier: MIT
"""Runs the programs that memory.sh prepared and prints their memory side by side.

In: the path of curl_multi, and the environment that ctest sets.
Out: Markdown on stdout, the raw JSON of each run on stderr; exit 1 when chatmux misses a goal.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real"))
import common

CHATS = 1000
CONNECTIONS = 4
TOKENS = 200
GAP_MS = 50
TIMEOUT_S = 300

RSS_GOAL_KIB = 2560

# In bytes, calls, answers; None: nothing was promised.
GOALS = [
    ("block, bytes", "memory_bytes", 2 * 1024 * 1024),
    ("heap, bytes at peak, above what it was before the first request", "heap_most_bytes", None),
    ("calls of malloc, calloc and realloc", "allocations", 0),
    ("the same, per further request on open connections", "allocations_per_request", 0),
    ("RSS, growth from before the first request to the peak, KiB", "rss_grown_kib",
     RSS_GOAL_KIB),
    ("RSS, growth from before there was a client, without code, KiB",
     "anon_grown_from_opening_kib", RSS_GOAL_KIB),
    ("failed", "failed", 0),
]


def goals(program):
    """A static program holds no code but its own: then code counts, too. Otherwise it is libc's that
    is paged in with it."""
    headers = subprocess.run(["readelf", "-lW", program], stdout=subprocess.PIPE, check=True)
    limit = RSS_GOAL_KIB if b"INTERP" not in headers.stdout else None
    with_code = ("RSS, growth from before there was a client, with code, KiB",
                 "rss_grown_from_opening_kib", limit)
    return GOALS[:-1] + [with_code] + GOALS[-1:]


def run_json(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False)
    lines = result.stdout.decode().strip().splitlines()
    print(os.path.basename(command[0]), *lines, sep="\n", file=sys.stderr)
    return json.loads(lines[-1]) if result.returncode == 0 and lines else {}


def relay():
    # Nobody is answered in full before all have begun, so all are in flight.
    return common.Relay("--tokens", str(TOKENS), "--gap-ms", str(GAP_MS))


def measure_chatmux(program):
    with relay() as server:
        run = run_json([program, server.url, server.cacert])
        seen = server.stop()
    run["failed"] = CHATS - seen["completed"]
    if run.get("allocations") == 0:
        # Nothing was ever asked for, whatever the request.
        run["allocations_per_request"] = run["heap_most_bytes"] = 0
    return run


def run_libcurl(program, total):
    with relay() as server:
        return run_json([program, "--url", server.url, "--cacert", server.cacert, "-n", str(total),
                         "-c", str(CHATS), "-p", str(CONNECTIONS)])


def measure_libcurl(program):
    run = run_libcurl(program, CHATS)
    again = run_libcurl(program, 2 * CHATS)
    if run and again:
        # What the second thousand took: handles and connections are there, and its caches warm.
        run["allocations_per_request"] = (again["allocations"] - run["allocations"]) / CHATS
    return run


def show(run, field):
    value = run.get(field)
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def missed_goals(rows, chatmux, libcurl):
    for title, field, goal in rows:
        if field not in chatmux:
            yield f"chatmux did not tell: {title}"
        elif goal is not None and chatmux[field] > goal:
            yield f"{title}: {chatmux[field]:,}, goal {goal:,}"
    for name, run in (("chatmux", chatmux), ("libcurl", libcurl)):
        if (run.get("completions"), run.get("connections")) != (CHATS, CONNECTIONS):
            yield f"{name}: not {CHATS} answers over {CONNECTIONS} connections: {run}"
    if not libcurl.get("allocations"):
        yield "libcurl: its calls of the allocator were not counted"


def main():
    program = os.path.join(common.BUILD_DIR, "tests", "api", "thousand")
    rows = goals(program)
    chatmux = measure_chatmux(program)
    libcurl = measure_libcurl(sys.argv[1])
    print(f"{CHATS:,} chats in flight over {CONNECTIONS} connections, TLS 1.3, {TOKENS} tokens each "
          f"at {1000 // GAP_MS} tokens/s:\n")
    print("| | chatmux | goal | libcurl multi + jsmn |\n|---|--:|--:|--:|")
    for title, field, goal in rows:
        limit = "–" if goal is None else f"≤ {goal:,}"
        print(f"| {title} | {show(chatmux, field)} | {limit} | {show(libcurl, field)} |")
    missed = list(missed_goals(rows, chatmux, libcurl))
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
