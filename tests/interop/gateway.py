#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same works through an OpenAI-compatible gateway of the npm registry, behind nginx.

    chatmux --TLS, HTTP/2--> nginx --HTTP/1.1--> @portkey-ai/gateway --HTTP/1.1--> our backend

usage: gateway.py   (needs Node.js 20 and npm; not part of ctest, because it installs from npm)
Installs one pinned version into the cache, without running any script of a package; what it depends
on is as npm resolves it. Node runs on loopback and with an environment that holds no secrets. Exit
status 77 if it cannot be installed, which is a failure if CMX_INTEROP=require.
"""

import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import interop # noqa: E402
import servers # noqa: E402

PACKAGE, VERSION = "@portkey-ai/gateway", "1.15.2"
FOLDER = os.path.join(servers.CACHE_DIR, "gateway", VERSION)
PROGRAM = os.path.join(FOLDER, "node_modules", PACKAGE, "build", "start-server.js")
INSTALL_S = 300

# The newest that the gateway asks for, 1.19.19, hands out the headers of a fetched response as they
# are, unchangeable; the gateway changes them and so answers 500 to every streamed chat.
OVERRIDES = {"@hono/node-server": "1.14.1"}

# The gateway would listen on every address of this machine: it has no option for another.
LOOPBACK = """
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
    return listen.call(this, { port: typeof port === "object" ? port.port : port,
                               host: "127.0.0.1", backlog: 511 },
                       ...rest.filter((one) => typeof one === "function"));
};
"""


def plain_environment(home):
    return {"PATH": os.environ.get("PATH", ""), "HOME": home, "NODE_ENV": "production"}


def install():
    """True if the gateway is in the cache, now or since earlier."""
    if os.path.exists(os.path.join(FOLDER, "complete")):
        return True
    if shutil.which("npm") is None or shutil.which("node") is None:
        return False
    draft = f"{FOLDER}.{os.getpid()}"
    os.makedirs(draft)
    with open(os.path.join(draft, "package.json"), "w", encoding="ascii") as file:
        json.dump({"private": True, "dependencies": {PACKAGE: VERSION}, "overrides": OVERRIDES},
                  file)
    try:
        # npm keeps its own environment: the site's registry and proxy are in its configuration.
        done = subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev",
             "--no-package-lock"], cwd=draft,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=INSTALL_S, check=False)
        if done.returncode != 0:
            print(done.stdout.decode(errors="replace"), file=sys.stderr)
            return False
        with open(os.path.join(draft, "complete"), "w", encoding="ascii"):
            pass
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.rename(draft, FOLDER)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        shutil.rmtree(draft, ignore_errors=True)


class Gateway(servers.Server):
    name = "gateway"

    @classmethod
    def program(cls):
        return shutil.which("node")

    @classmethod
    def environment(cls):
        return plain_environment("")

    def command(self):
        preload = self.write("loopback.cjs", LOOPBACK)
        return ["--require", preload, PROGRAM, f"--port={self.port}", "--headless"]


class ThroughGateway(interop.Works):
    """All works of the servers; connections are counted at nginx, which chatmux speaks to."""

    @classmethod
    def behind(cls):
        cls.gateway = Gateway(cls.folder, cls.folder, cls.relay.port)
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.stop)
        return cls.gateway.port

    def options(self, prefix="", ca="ca"):
        return [*super().options(prefix, ca), "-H", "x-portkey-provider: openai",
                "-H", f"x-portkey-custom-host: http://127.0.0.1:{self.relay.port}/v1"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.row.update(server="nginx+gateway", version=f"{cls.row['version']}+{VERSION}")


def main():
    if servers.Nginx.version() is None:
        return interop.tell_missing(["nginx"], interop.REMEDY)
    if not install():
        return interop.tell_missing([f"{PACKAGE} {VERSION}"], "install Node.js 20 and npm, and "
                                    "let npm reach a registry")
    return 0 if interop.run_cases([("gateway", ThroughGateway, servers.Nginx)]) else 1


if __name__ == "__main__":
    sys.exit(main())
