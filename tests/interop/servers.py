#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The five servers: where each one is, how it is configured, started, asked and ended.

In: a folder, a certificate, the backend's port. Out: a child that speaks TLS 1.3 and HTTP/2 on a
free port of loopback, and what its own log says about connections. Every server runs in the
foreground, with a configuration written here and with the limits it has by default; what is
changed is said beside it. Knows nothing of chatmux.
usage: servers.py --version NAME
"""

import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import backend

CACHE_DIR = (os.environ.get("CMX_CACHE_DIR")
             or os.path.join(os.environ.get("XDG_CACHE_HOME")
                             or os.path.expanduser("~/.cache"), "chatmux"))
START_S = 20
END_S = 10
LOG_S = 10
ATTEMPTS = 3 # another process may take the free port


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


class Server:
    name = ""
    streams_max = 0 # its default for MAX_CONCURRENT_STREAMS
    proxies = True
    version_arguments = ("-v",)
    # One line of its log for each request; the group tells connections apart.
    request_line = re.compile(r"^interop (\d+) \d+ ", re.M)

    def __init__(self, folder, certificates, backend_port):
        self.folder = os.path.join(folder, self.name)
        os.makedirs(self.folder, exist_ok=True)
        self.certificates = certificates
        self.backend_port = backend_port
        self.port = 0
        self.process = None
        self.log_begin = 0

    # ---- where it is ----

    @classmethod
    def root(cls):
        return os.path.join(CACHE_DIR, "servers", cls.name)

    @classmethod
    def program(cls):
        """The one of the cache, else an installed one, else None."""
        for folder in ("usr/sbin", "usr/bin"):
            path = os.path.join(cls.root(), folder, cls.name)
            if os.access(path, os.X_OK):
                return path
        path = os.environ.get("PATH", os.defpath)
        return shutil.which(cls.name, path=f"{path}:/usr/sbin:/usr/local/sbin")

    @classmethod
    def environment(cls):
        libraries = glob.glob(os.path.join(cls.root(), "usr", "lib", "*-linux-gnu*"))
        libraries += glob.glob(os.path.join(cls.root(), "lib", "*-linux-gnu*"))
        env = dict(os.environ)
        if libraries:
            env["LD_LIBRARY_PATH"] = ":".join(libraries)
        return env

    @classmethod
    def version(cls):
        """Its version, or None if there is no such program that runs."""
        program = cls.program()
        if program is None:
            return None
        try:
            done = subprocess.run([program, *cls.version_arguments], env=cls.environment(),
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=START_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = re.search(r"\d+\.\d+\.\d+", done.stdout.decode(errors="replace"))
        return found.group(0) if done.returncode == 0 and found else None

    # ---- its life ----

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def certificate(self, name):
        return os.path.join(self.certificates, name)

    def command(self):
        """Writes what the server reads and returns its arguments."""
        raise NotImplementedError

    def start(self):
        env = dict(self.environment(), HOME=self.folder, XDG_DATA_HOME=self.folder,
                   XDG_CONFIG_HOME=self.folder)
        for _ in range(ATTEMPTS):
            self.port = free_port()
            command = [self.program(), *self.command()]
            with open(self.path("output.log"), "ab") as log:
                self.process = subprocess.Popen(command, env=env, cwd=self.folder, stdout=log,
                                                stderr=log, stdin=subprocess.DEVNULL)
            if self.listens():
                return
            self.stop()
        raise RuntimeError(f"{self.name} did not start")

    def listens(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=END_S)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            print(self.logs(), file=sys.stderr)
            raise
        return self

    def __exit__(self, kind, *unused):
        self.stop()
        if kind is not None:
            print(self.logs(), file=sys.stderr)

    @property
    def url(self):
        return f"https://localhost:{self.port}/v1"

    # ---- what it logged ----

    def log_file(self):
        return self.path("access.log")

    def read_log(self):
        try:
            with open(self.log_file(), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def mark(self, logged):
        """Later requests are the ones that requests_by_connection() counts, not the `logged` ones
        so far, of which the last lines may still be on their way."""
        self.log_begin = 0
        self.requests_by_connection(logged)
        self.log_begin = len(self.read_log())

    def requests_by_connection(self, expected):
        """How many requests each connection carried, once `expected` of them are in the log."""
        deadline = time.monotonic() + LOG_S
        while True:
            counts = {}
            for connection in self.request_line.findall(self.read_log()[self.log_begin:]):
                counts[connection] = counts.get(connection, 0) + 1
            if sum(counts.values()) >= expected or time.monotonic() > deadline:
                return sorted(counts.values(), reverse=True)
            time.sleep(0.02)

    def logs(self, tail=4000):
        texts = []
        for path in sorted(glob.glob(os.path.join(self.folder, "*.log"))):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(f"---- {self.name}: {os.path.basename(path)}\n{file.read()[-tail:]}")
        return "\n".join(texts)


class Nginx(Server):
    name = "nginx"
    streams_max = 128
    requests_max = 1000 # per connection, its default; then GOAWAY

    def command(self):
        folder = self.folder
        user = "user root;" if os.geteuid() == 0 else ""
        config = self.write("nginx.conf", f"""
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log notice;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format interop 'interop $remote_port $status $request_uri';
    access_log {folder}/access.log interop;
    keepalive_requests {self.requests_max};
    upstream backend {{ server 127.0.0.1:{self.backend_port}; keepalive 128; }}
    server {{
        listen 127.0.0.1:{self.port} ssl http2;
        server_name localhost;
        ssl_certificate {self.certificate("cert.pem")};
        ssl_certificate_key {self.certificate("key.pem")};
        ssl_protocols TLSv1.3;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
""")
        return ["-p", folder, "-e", f"{folder}/error.log", "-c", config]


class Haproxy(Server):
    name = "haproxy"
    streams_max = 100

    def command(self):
        with open(self.certificate("cert.pem"), encoding="ascii") as cert, \
                open(self.certificate("key.pem"), encoding="ascii") as key:
            both = self.write("both.pem", cert.read() + key.read())
        os.chmod(both, 0o600)
        config = self.write("haproxy.cfg", f"""
global
    log stdout format raw local0
    maxconn 1000
    nbthread 1
defaults
    mode http
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 127.0.0.1:{self.port} ssl crt {both} alpn h2 ssl-min-ver TLSv1.3
    log-format "interop %cp %ST %HU"
    default_backend relay
backend relay
    server relay 127.0.0.1:{self.backend_port}
""")
        return ["-db", "-f", config]

    def log_file(self):
        return self.path("output.log")


class H2o(Server):
    name = "h2o"
    streams_max = 100
    version_arguments = ("--version",)

    def command(self):
        user = "user: root" if os.geteuid() == 0 else ""
        config = self.write("h2o.conf", f"""
{user}
num-threads: 1
pid-file: {self.folder}/pid
error-log: {self.folder}/error.log
access-log:
  path: {self.folder}/access.log
  format: "interop %{{remote}}p %s %U"
listen:
  host: 127.0.0.1
  port: {self.port}
  ssl:
    certificate-file: {self.certificate("cert.pem")}
    key-file: {self.certificate("key.pem")}
    minimum-version: TLSv1.3
hosts:
  default:
    paths:
      "/":
        proxy.reverse.url: http://127.0.0.1:{self.backend_port}/
""")
        return ["-c", config]


class Caddy(Server):
    name = "caddy"
    streams_max = 250
    version_arguments = ("version",)
    request_line = re.compile(r'"remote_port":"(\d+)"')

    def command(self):
        config = self.write("Caddyfile", f"""
{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2
    }}
}}
https://localhost:{self.port} {{
    bind 127.0.0.1
    tls {self.certificate("cert.pem")} {self.certificate("key.pem")} {{
        protocols tls1.3
    }}
    log {{
        output file {self.folder}/access.log
        format json
    }}
    reverse_proxy 127.0.0.1:{self.backend_port} {{
        flush_interval -1
    }}
}}
""")
        return ["run", "--config", config, "--adapter", "caddyfile"]


class Nghttpd(Server):
    """Serves files only, so the answers are files. Pads its frames and sends trailers."""

    name = "nghttpd"
    streams_max = 100
    proxies = False
    version_arguments = ("--version",)
    request_line = re.compile(r"^\[id=(\d+)\] \[ *[\d.]+\] recv HEADERS frame", re.M)

    def command(self):
        pages = {"v1/chat/completions": b"".join(backend.events()),
                 "plain/v1/chat/completions": backend.plain(backend.LARGE.decode()),
                 "v1/models": backend.MODELS, "v1/large": backend.LARGE}
        for name, content in pages.items():
            path = os.path.join(self.folder, "pages", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        return ["--verbose", "--padding=32", "--trailer=x-interop: the end", "--address=127.0.0.1",
                f"--htdocs={self.folder}/pages", str(self.port), self.certificate("key.pem"),
                self.certificate("cert.pem")]

    def log_file(self):
        return self.path("output.log")


class Prometheus(Server):
    """No server of the five: what reads our metrics. prometheus.py says how it is run."""

    name = "prometheus"
    version_arguments = ("--version",)


ALL = {server.name: server for server in (Nghttpd, H2o, Nginx, Haproxy, Caddy)}
FETCHED = dict(ALL, prometheus=Prometheus)


def main():
    if len(sys.argv) != 3 or sys.argv[1] != "--version" or sys.argv[2] not in FETCHED:
        print(f"usage: servers.py --version {'|'.join(FETCHED)}", file=sys.stderr)
        return 2
    version = FETCHED[sys.argv[2]].version()
    if version is None:
        return 1
    print(version)
    return 0


if __name__ == "__main__":
    sys.exit(main())
