# SPDX-License-Identifier: MIT
"""What the tests of this folder share: the relay emulator as a context, the program as a call.

In: the environment that ctest sets (CMX_CLI, CMX_RELAY, CMX_BUILD_DIR, CMX_SOURCE_DIR).
Every call of the program proves two things by the way: the key is in no output, and no sanitizer
spoke.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

CLI = os.environ.get("CMX_CLI", "build/release/chatmux")
RELAY = os.environ.get("CMX_RELAY", "build/release/chatmux-relay")
BUILD_DIR = os.environ.get("CMX_BUILD_DIR", "build/release")
SOURCE_DIR = os.environ.get("CMX_SOURCE_DIR",
                            os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

KEY = "sk-real-7f3a9c51d0"
TIMEOUT_S = 120 # of a program; nothing is measured against it

# Exit codes, as the manual page has them.
OK, FAILED, USAGE, PARTIAL, SERVER, INTERRUPTED = 0, 1, 2, 3, 4, 130


class Relay:
    """chatmux-relay with a certificate authority of its own, on a free port of loopback."""

    def __init__(self, *flags, plain=False):
        self.folder = tempfile.mkdtemp(prefix="chatmux-real.")
        self.plain = plain
        self.flags = list(flags)
        self.process = None
        self.port = 0
        self.stats = {}

    def __enter__(self):
        ready = os.path.join(self.folder, "port")
        trust = ["--plain"] if self.plain else ["--make-ca", os.path.join(self.folder, "ca")]
        if "--cert" in self.flags:
            trust = [] # the test has made its own
        self.process = subprocess.Popen(
            [RELAY, "--ready-file", ready, "--duration-s", "300", *trust, *self.flags],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            self.port = self.wait_for_port(ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_for_port(self, ready):
        deadline = time.monotonic() + TIMEOUT_S
        while not os.path.exists(ready):
            if self.process.poll() is not None:
                raise RuntimeError(f"the relay ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError("the relay did not start")
            time.sleep(0.01)
        with open(ready, encoding="ascii") as file:
            return int(file.read())

    def __exit__(self, *unused):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        """Ends the relay and returns what it counted."""
        if self.process is not None:
            self.process.terminate()
            out, _ = self.process.communicate(timeout=TIMEOUT_S)
            self.process = None
            self.stats = {name: int(value) for name, value in
                          (pair.split("=") for pair in out.decode().split() if "=" in pair)}
        return self.stats

    @property
    def url(self):
        return f"{'http' if self.plain else 'https'}://localhost:{self.port}/v1"

    @property
    def cacert(self):
        return os.path.join(self.folder, "ca", "ca.pem")

    def options(self):
        return ["--url", self.url] + ([] if self.plain else ["--cacert", self.cacert])


class Listener:
    """A server that is none: hands each connection to a function, in a thread of its own."""

    def __init__(self, serve):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.serve = serve
        self.kept = []
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(connection)
            self.serve(connection)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(timeout=TIMEOUT_S)
        for connection in self.kept:
            connection.close()


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out!r}\nstderr: {self.err!r}"


def environment(**changes):
    """The environment with the test's key; a change to None takes a variable away."""
    env = dict(os.environ, OPENAI_API_KEY=KEY)
    for name in ("OPENAI_BASE_URL", "SSL_CERT_FILE", "https_proxy", "HTTPS_PROXY"):
        env.pop(name, None)
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def judge_output(command, out, err):
    if KEY.encode() in out + err:
        raise AssertionError(f"the key is in the output of {command}: {out!r} {err!r}")
    for word in (b"Sanitizer", b"runtime error:"):
        if word in err:
            raise AssertionError(f"{command}:\n{err.decode(errors='replace')}")


def run_program(command, stdin=b"", env=None):
    """Runs a program to its end; its output as bytes."""
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment() if env is None else env, timeout=TIMEOUT_S, check=False)
    judge_output(command, done.stdout, done.stderr)
    return Result(done.returncode, done.stdout, done.stderr)


def run(*arguments, stdin=b"", env=None):
    """Runs chatmux; its output as text."""
    result = run_program([CLI, *arguments], stdin, env)
    return Result(result.code, result.out.decode(), result.err.decode())


def has_address(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def refused_port():
    """A port nobody listens on, held by the socket returned so that nobody comes to."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


class Case(unittest.TestCase):
    maxDiff = None

    def expect(self, result, code, *texts, out=""):
        """The exit code, each text somewhere on stderr, and exactly `out` on stdout."""
        self.assertEqual(result.code, code, result)
        self.assertEqual(result.out, out, result)
        for text in texts:
            self.assertIn(text, result.err, result)


def main():
    for program in (CLI, RELAY):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is missing: build it first")
    unittest.main(module="__main__")
