# SPDX-License-Identifier: MIT
"""Runs the programs that compare.sh prepared, takes medians and prints the table.

In: the path of chatmux, and a folder with curl_multi and one folder per running relay.
Out: Markdown on stdout, the raw JSON of each run on stderr; exit 1 when a goal is missed.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

MODEL = "gpt-4.1"
CONNECTIONS = 2
SHARE_MAX = 0.5
LAG_P99_MAX_MS = 5.0
TIMEOUT_S = 300

WORKLOADS = (
    # name, title, completions, in flight, tokens each, stamped
    ("full", "10,000 completions × 64 tokens at full speed", 10000, 100, 64, False),
    ("paced", "1,000 streams in flight × 20 tokens/s", 1000, 1000, 100, True),
)


def run_json(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False,
                            env={**os.environ, "OPENAI_API_KEY": "compare"})
    text = result.stdout.decode().strip()
    print(" ".join([os.path.basename(command[0]), text]), file=sys.stderr)
    return json.loads(text.splitlines()[-1]) if text else {}


def run_h2load(folder, url, total, in_flight, tokens):
    body = os.path.join(folder, "body.json")
    with open(body, "w", encoding="utf-8") as file:
        json.dump({"model": MODEL, "stream": True,
                   "messages": [{"role": "user", "content": "Explain connection pooling"}]}, file)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    result = subprocess.run(["h2load", "-n", str(total), "-c", str(CONNECTIONS), "-m",
                             str(in_flight // CONNECTIONS), "-d", body, f"{url}/chat/completions"],
                            stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    good = f"{total} succeeded, 0 failed" in result.stdout.decode()
    return {"completions": total if good else 0, "failed": 0 if good else total,
            "deltas": total * tokens, "cpu_us_per_delta": cpu * 1e6 / (total * tokens),
            "wall_s": wall, "rps": total / wall, "connections": CONNECTIONS}


def median(runs, field):
    values = [run[field] for run in runs if field in run]
    return statistics.median(values) if values else None


def show(value, form="{:.2f}"):
    return "–" if value is None else form.format(value)


def lag_field(run):
    return next((name for name in run if name.startswith("lag") and "p99" in name), None)


def measure(chatmux, scratch, workload, repeats):
    name, _, total, in_flight, tokens, stamped = workload
    folder = os.path.join(scratch, name)
    with open(os.path.join(folder, "port"), encoding="utf-8") as file:
        url = f"https://localhost:{int(file.read())}/v1"
    common = ["--url", url, "--cacert", os.path.join(folder, "ca.pem"), "--model", MODEL,
              "-n", str(total), "-c", str(in_flight), "-p", str(CONNECTIONS)]
    common += ["--stamps"] if stamped else []
    runs = {"chatmux": [], "libcurl multi + jsmn": [], "h2load": []}
    # In turns: a machine that is busier for a while is so for all of them.
    for _ in range(repeats):
        runs["chatmux"].append(run_json([chatmux, "bench", *common, "--json"]))
        runs["libcurl multi + jsmn"].append(
            run_json([os.path.join(scratch, "curl_multi"), *common]))
        if shutil.which("h2load"):
            runs["h2load"].append(run_h2load(folder, url, total, in_flight, tokens))
    return {program: found for program, found in runs.items() if found}


def missed_goals(workload, runs):
    _, title, total, _, tokens, stamped = workload
    missed = []
    for run in runs["chatmux"]:
        if (run.get("completions"), run.get("failed"), run.get("deltas")) != (total, 0, total * tokens):
            missed.append(f"{title}: chatmux did not complete everything: {run}")
    own = median(runs["chatmux"], "cpu_us_per_delta")
    peer = median(runs["libcurl multi + jsmn"], "cpu_us_per_delta")
    if own is None or peer is None or own > SHARE_MAX * peer:
        missed.append(f"{title}: CPU per token {show(own)} µs, goal {SHARE_MAX} × {show(peer)} µs")
    field = lag_field(runs["chatmux"][0]) if stamped else None
    if stamped and field is None:
        missed.append(f"{title}: chatmux reported no P99 lag")
    elif stamped and median(runs["chatmux"], field) > LAG_P99_MAX_MS:
        missed.append(f"{title}: P99 lag {median(runs['chatmux'], field)} ms")
    return missed


def print_rows(title, runs):
    peer = median(runs["libcurl multi + jsmn"], "cpu_us_per_delta")
    for program, found in runs.items():
        own = median(found, "cpu_us_per_delta")
        field = lag_field(found[0])
        share = own / peer if own is not None and peer else None
        cells = (title, program, show(own), show(share), show(median(found, "rps"), "{:.0f}"),
                 show(median(found, field) if field else None),
                 show(median(found, "rss_kib"), "{:.0f}"),
                 show(max((run.get("failed", -1) for run in found)), "{:d}"))
        print("| " + " | ".join(cells) + " |")


def main():
    chatmux, scratch = sys.argv[1:3]
    repeats = int(os.environ.get("RUNS", "3"))
    missed = []
    print("| work | program | CPU per token, µs | of libcurl's | completions/s | P99 lag, ms "
          "| RSS, KiB | failed |\n|---|---|--:|--:|--:|--:|--:|--:|")
    for workload in WORKLOADS:
        runs = measure(chatmux, scratch, workload, repeats)
        print_rows(workload[1], runs)
        sys.stdout.flush()
        missed += missed_goals(workload, runs)
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
