#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prometheus reads what chatmux exposes: the format, the alerting rules, and the totals.

usage: prometheus.py [--seconds N]   (default 2; the campaign takes 60)
A program of tests/api/ works for so long and writes its metrics in both sets of names. Meanwhile
`promtool check metrics` judges them, and a Prometheus on loopback scrapes a copy that is served here;
then its queries must return what the program counted from its events. `promtool test rules` makes
each alert fire and end. Exit status 77 without Prometheus, which is a failure if CMX_INTEROP=require.
"""

import argparse
import decimal
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "real"))

import common # noqa: E402
import servers # noqa: E402

SKIPPED = 77
SCRAPE = "250ms"
QUERY_S = 30 # until a scrape of the last file is there
SECONDS = 2
NAMES = ("relay", "gen_ai")
RULES = os.path.join(common.SOURCE_DIR, "src", "cli", "chatmux.rules.yml")


def promtool():
    return os.path.join(os.path.dirname(servers.Prometheus.program()), "promtool")


def run_promtool(*arguments, stdin=None):
    done = subprocess.run([promtool(), *arguments], stdin=stdin or subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=common.TIMEOUT_S, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


class Prometheus(servers.Prometheus):
    """A Prometheus that scrapes one target and evaluates our rules."""

    def __init__(self, folder, targets):
        super().__init__(folder, "", 0)
        self.targets = targets

    def command(self):
        jobs = "".join(f"""
  - job_name: {name}
    metrics_path: /{name}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]""" for name, port in self.targets)
        config = self.write("prometheus.yml", f"""
global: {{scrape_interval: {SCRAPE}, scrape_timeout: {SCRAPE}, evaluation_interval: 1s}}
rule_files: ["{RULES}"]
scrape_configs:{jobs}
""")
        return [f"--config.file={config}", f"--storage.tsdb.path={self.path('data')}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]

    def query(self, text):
        """The samples of an instant query, by their labels."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(url, timeout=common.TIMEOUT_S) as answer:
            result = json.load(answer)["data"]["result"]
        return {tuple(sorted(sample["metric"].items())): decimal.Decimal(sample["value"][1])
                for sample in result}

    def wait_for_scrapes(self):
        """It looks at its targets for the first time some seconds after it listens."""
        deadline = time.monotonic() + QUERY_S
        while time.monotonic() < deadline:
            try:
                if len(self.query("up")) == len(self.targets):
                    return
            except urllib.error.HTTPError: # 503: it is not ready
                pass
            time.sleep(0.05)
        raise RuntimeError("prometheus scrapes nothing")

    def total(self, text):
        return sum(self.query(text).values())


class Served:
    """The files of a folder over HTTP/1.1 on loopback, as a textfile collector would offer them."""

    def __init__(self, folder):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self): # noqa: N802
                try:
                    with open(os.path.join(folder, os.path.basename(self.path) + ".prom"),
                              "rb") as file:
                        content = file.read()
                except FileNotFoundError:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=common.TIMEOUT_S)


class Works(common.Case):
    def check_metrics(self, path):
        with open(path, "rb") as file:
            code, output = run_promtool("check", "metrics", stdin=file)
        self.assertEqual((code, output), (0, ""), path)

    def test_rules_fire_and_end(self):
        with open(os.path.join(HERE, "rules_test.yml"), encoding="utf-8") as file:
            text = file.read().replace("- RULES", f"- {RULES}")
        with tempfile.TemporaryDirectory(prefix="chatmux-rules.") as folder:
            path = os.path.join(folder, "rules_test.yml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            code, output = run_promtool("test", "rules", path)
        self.assertEqual(code, 0, output)
        code, output = run_promtool("check", "rules", RULES)
        self.assertEqual(code, 0, output)

    def expect_totals(self, server, counted):
        """What each query must return once the last file was scraped."""
        wanted = {f'sum(ai_relay_requests_total{{job="relay",status="{verdict.lower()}"}})': count
                  for verdict, count in counted["verdicts"].items()}
        done = sum(counted["verdicts"].values())
        wanted.update({
            'sum(ai_relay_requests_total{job="gen_ai"})': done,
            'sum(ai_relay_request_duration_seconds_count)': done,
            'sum(ai_relay_request_duration_seconds_bucket{le="+Inf"})': done,
            'sum(gen_ai_client_operation_duration_seconds_count)': done,
            'sum(ai_relay_retry_attempts_total{job="relay"})': counted["retries"],
            'sum(ai_relay_tokens_total{job="relay",type="completion"})':
                counted["completion_tokens"],
            'sum(gen_ai_client_token_usage_sum{gen_ai_token_type="output"})':
                counted["completion_tokens"],
            'count(ai_relay_connection_pool_size{job="relay"})': 5,
            'up{job="relay"}': 1,
        })
        deadline = time.monotonic() + QUERY_S
        while True:
            found = {query: server.total(query) for query in wanted}
            if found == wanted or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self.assertEqual(found, wanted)
        # Prometheus counts in floating point: a dollar's worth is exact to 15 digits.
        spent = server.total('sum(ai_relay_spent_dollars_total{job="relay"})')
        self.assertAlmostEqual(float(spent), counted["spent"] / 1e12, places=12)
        return done

    def test_totals_are_those_of_the_program(self):
        program = os.path.join(common.BUILD_DIR, "tests", "api", "watched")
        with tempfile.TemporaryDirectory(prefix="chatmux-metrics.") as folder, \
                common.Relay("--tokens", "16", "--gap-ms", "2", plain=True) as relay, \
                Served(folder) as served, \
                Prometheus(folder, [(name, served.port) for name in NAMES]) as server:
            paths = [os.path.join(folder, f"{name}.prom") for name in NAMES]
            server.wait_for_scrapes()
            process = subprocess.Popen([program, relay.url, str(SECONDS), *paths],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=common.environment())
            checks = 0
            try:
                while process.poll() is None:
                    if all(os.path.exists(path) for path in paths):
                        for path in paths: # under load
                            self.check_metrics(path)
                            checks += 1
                    time.sleep(0.2)
                out, err = process.communicate(timeout=common.TIMEOUT_S)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                process.stderr.close()
            common.judge_output(program, out, err)
            self.assertEqual((process.returncode, err), (0, b""))
            for path in paths:
                self.check_metrics(path)
            self.assertGreater(checks, 1)
            counted = json.loads(out)
            self.assertEqual(counted["alerts"], 1) # by the library itself: a third fails all the time
            done = self.expect_totals(server, counted)
            # Those before there was a file came in vain.
            scrapes = server.total(f'sum(sum_over_time(up[{SECONDS + QUERY_S}s]))')
            self.assertGreater(scrapes, SECONDS)
            # A third of these requests fail or are retried: the rules see it live.
            rules = server.query("ai_relay:errors:ratio_rate5m")
            self.assertTrue(all(value > decimal.Decimal("0.1") for value in rules.values()), rules)
        print(f"prometheus: {done} requests in {SECONDS} s, {scrapes} scrapes, {checks} checks of "
              f"the format under load; totals equal")


def main():
    global SECONDS
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=SECONDS)
    SECONDS = parser.parse_args().seconds
    version = servers.Prometheus.version()
    if version is None:
        print("prometheus is missing. Remedy: run sh tests/interop/fetch.sh", file=sys.stderr)
        return 1 if os.environ.get("CMX_INTEROP") == "require" else SKIPPED
    print(f"prometheus {version}")
    program = unittest.main(argv=sys.argv[:1], exit=False)
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
