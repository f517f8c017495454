# SPDX-License-Identifier: MIT
"""What the endurance tests share: the program tests/api/fleet, relays that are restarted, and a
list of expectations that prints each one with what was found.

In: the environment that ctest sets (see real/common.py). Ends only what it started, by process id.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "real"))

import common # noqa: E402

PROGRAM = os.path.join(common.BUILD_DIR, "tests", "api", "fleet")
SKIPPED = 77
START_S = 20
STARTS_MAX = 10 # on a port that was another's
TOTAL_LIMIT_MS = 30000
DRAIN_S = 20
# A connection that is lost takes many requests with it at once; what a budget does about storms is
# tested elsewhere, here every request that may be sent again shall be.
ALL_RETRIES = ("--retry-budget-percent", 100)

# What fleet judges by itself; each is a count of requests.
FAULTLESS = {
    "late": "outlived its total limit by more than --late-ms",
    "lost": "was accepted and got no DONE event",
    "duplicates": "got an event after its DONE event",
    "disorder": "got a delta without an OPEN event, or was retried after one",
    "misjudged": "has a verdict that does not fit what was delivered",
}


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In a child: a test that is killed leaves no process behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Fleet:
    """The program while it runs; `finish` returns what it printed."""

    def __init__(self, url, ca_file, *options, before=()):
        self.command = [*before, PROGRAM, url, ca_file, *map(str, options)]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=common.environment(),
                                        preexec_fn=die_with_parent)
        self.err = []
        self.dead = 0
        self.told = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.err.append(line)
            if line.startswith(b"dead "):
                with self.told:
                    self.dead = int(line.split()[1])
                    self.told.notify_all()

    @property
    def runs(self):
        return self.process.poll() is None

    def wait_for_dead(self, count, timeout_s):
        """Until it has given up so many connections; they have their silence at the same time, not in
        the same moment."""
        with self.told:
            self.told.wait_for(lambda: self.dead >= count, timeout_s)

    def finish(self, timeout_s):
        try:
            out = self.process.stdout.read() if self._ends_within(timeout_s) else b""
        finally:
            self.stop()
        self.reader.join()
        err = b"".join(self.err)
        common.judge_output(self.command, out, err)
        if not out:
            raise RuntimeError(f"fleet ended with {self.process.returncode} and printed nothing:\n"
                               f"{err.decode(errors='replace')}")
        return json.loads(out)

    def _ends_within(self, timeout_s):
        try:
            self.process.wait(timeout_s) # its output is one line, which fits into the pipe
            return True
        except subprocess.TimeoutExpired:
            return False

    def stop(self):
        if self.runs:
            self.process.kill()
            self.process.wait()


class Relays:
    """chatmux-relay processes one after the other on one port, with one certificate."""

    def __init__(self, folder, *flags, before=()):
        self.folder = folder
        self.flags = [*flags, "--json-stats", "--duration-s", "600"]
        self.before = list(before)
        self.port = 0
        self.all = [] # of (process, file of its counts)
        made = os.path.join(folder, "ca")
        self._run(["--make-ca", made, "--port", "0"])
        self._end(self.all.pop()[0]) # it made the certificates, and is no part of the series
        self.trust = ["--cert", os.path.join(made, "cert.pem"),
                      "--key-file", os.path.join(made, "key.pem")]
        self.ca_file = os.path.join(made, "ca.pem")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for process, _ in self.all:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _run(self, flags, **popen):
        number = len(self.all)
        ready = os.path.join(self.folder, f"port.{number}")
        counts = os.path.join(self.folder, f"counts.{number}")
        if os.path.exists(ready):
            os.unlink(ready)
        process = subprocess.Popen(
            [*self.before, common.RELAY, "--ready-file", ready, "--counts-file", counts,
             *self.flags, *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent, **popen)
        self.all.append((process, counts))
        deadline = time.monotonic() + START_S
        while not os.path.exists(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the relay ended with {process.poll()}")
            time.sleep(0.005)
        with open(ready, encoding="ascii") as file:
            self.port = int(file.read())

    def start(self, *flags, **popen):
        self._run([*self.trust, *flags], **popen)

    def start_again(self):
        """On the port of the one that was killed, which another program may have for a moment."""
        for left in reversed(range(STARTS_MAX)):
            try:
                self.start("--port", str(self.port))
                return
            except RuntimeError:
                if left == 0:
                    raise
                self.all.pop()
                time.sleep(0.2)

    def terminate(self):
        self.all[-1][0].terminate()

    def kill(self):
        process = self.all[-1][0]
        process.send_signal(signal.SIGKILL)
        process.wait()

    @staticmethod
    def _end(process):
        process.terminate()
        return process.wait(DRAIN_S + START_S)

    def end(self):
        """Ends the last one in good order and waits for all; their exit codes."""
        return [self._end(process) if process.poll() is None else process.returncode
                for process, _ in reversed(self.all)]

    def counts(self):
        """The sums over all processes, whichever way they ended."""
        total = {}
        for _, path in self.all:
            for name, value in self._read(path).items():
                total[name] = total.get(name, 0) + value
        return total

    @staticmethod
    def _read(path):
        while True:
            with open(path, encoding="ascii") as file:
                text = file.read()
            if text.endswith("\n"):
                try:
                    return json.loads(text)
                except ValueError:
                    pass # caught while it was being written
            time.sleep(0.01)

    def connected(self):
        """For each process in turn, how many connections it was made."""
        return [self._read(path).get("connections", 0) for _, path in self.all]

    @property
    def url(self):
        return f"https://localhost:{self.port}/v1"


class Expectations:
    """Each is printed, fulfilled or not, with what was found; none stops the others."""

    def __init__(self, title, found):
        self.failed = 0
        self.found = found
        print(f"\n== {title}\n   {json.dumps(found)}")

    def expect(self, text, holds, found):
        self.failed += not holds
        print(f"   {'ok ' if holds else 'NOT'}  {text}: {found}", flush=True)

    def equal(self, text, found, wanted):
        self.expect(f"{text} ({wanted})", found == wanted, found)

    def between(self, text, low, found, high):
        self.expect(f"{text} ({low}..{high})", low <= found <= high, found)

    def faultless(self, requests_min=1):
        """What must hold whatever happened to the server."""
        found = self.found
        for name, text in FAULTLESS.items():
            self.equal(f"no request {text}", found[name], 0)
        self.equal("exactly one DONE event for each request", found["done_events"],
                   found["requests"])
        self.equal("the client counts the requests that were started", found["accepted"],
                   found["requests"])
        self.expect(f"requests were made (at least {requests_min})",
                    found["requests"] >= requests_min, found["requests"])

    def all_done(self):
        self.equal("every request DONE", found=self.found["done"],
                   wanted={"DONE": self.found["requests"]})

    def failures_only(self, *verdicts):
        kinds = sorted(set(self.found["done"]) - {"DONE"})
        self.expect(f"what failed ended {' or '.join(verdicts)}", set(kinds) <= set(verdicts),
                    kinds)

    def no_failure_without_token(self):
        """Never sent and refused ones must complete; those that were sent are retried as long as
        no token was handed over."""
        self.equal("no request failed that was never sent", self.found["never_sent"], 0)
        failed = {verdict: count for verdict, count in self.found["unstarted"].items()
                  if verdict != "DONE"}
        self.equal("no request failed before its first token", failed, {})


def every(fleet, period_s, end_s, deed):
    """Calls `deed` every period until the fleet stops starting requests; how often it did."""
    begin = time.monotonic()
    count = 0
    while fleet.runs:
        due = max(begin + (count + 1) * period_s, time.monotonic())
        if due > begin + end_s:
            break
        time.sleep(max(0, due - time.monotonic()))
        deed()
        count += 1
    return count


def prepare():
    """SIGTERM ends a test as an exception does, so that what it made is removed."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    for program in (PROGRAM, common.RELAY):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is missing: build it first")
