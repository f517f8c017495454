#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The smallest client at the limits it was promised for, and beyond each of them.

tests/api/tiny.c in its block, against relays whose certificates are made here: a chain of 8 KiB and
five roots, with RSA and with elliptic curves, TLS 1.3 in full. One root too many and a longer chain
are refused with the error that the headers name, after which the same client does its work.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

import common
from common import BUILD_DIR, OK, Relay

PROGRAM = os.path.join(BUILD_DIR, "tests", "api", "tiny")
CHAIN_BYTES = 8192
LONG_CHAIN_BYTES = 24576
SPARE_BYTES = 32 # longer lengths and signatures
ROOTS = 5
MANY_ROOTS = 12
KEYS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa": ["-newkey", "rsa:2048"]}


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A root, and below it chains of any length."""

    def __init__(self, folder, kind):
        self.folder = folder
        self.kind = kind
        self.roots = [self.make_root(i) for i in range(MANY_ROOTS)]

    def path(self, name):
        return os.path.join(self.folder, f"{self.kind}-{name}")

    def make_root(self, number):
        name = self.path(f"root{number}")
        openssl("req", "-x509", "-nodes", *KEYS[self.kind], "-days", "30", "-subj",
                f"/O=Test {number}/CN=Root {number} {self.kind}", "-keyout", name + ".key", "-out",
                name + ".pem")
        return name

    def make(self, name, issuer, subject, extensions):
        path = self.path(name)
        with open(path + ".ext", "w", encoding="ascii") as file:
            file.write(extensions)
        openssl("req", "-new", "-nodes", *KEYS[self.kind], "-subj", subject, "-keyout",
                path + ".key", "-out", path + ".csr")
        openssl("x509", "-req", "-in", path + ".csr", "-CA", issuer + ".pem", "-CAkey",
                issuer + ".key", "-CAcreateserial", "-days", "30", "-extfile", path + ".ext",
                "-out", path + ".pem")
        return path

    def chain(self, name, der_bytes):
        """A leaf for localhost and one intermediate, together so many bytes, nearly."""
        middle = self.make(f"{name}-middle", self.roots[0], f"/CN=Middle {name} {self.kind}",
                           "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n")
        plain = self.make(f"{name}-plain", middle, "/CN=localhost", "subjectAltName=DNS:localhost\n")
        wanted = der_bytes - size_of(middle) - size_of(plain) - SPARE_BYTES
        names, more = ["DNS:localhost"], 0
        while more + 64 <= wanted:
            label = "x" * 52
            names.append(f"DNS:h{len(names):04}{label}.test")
            more += 64
        leaf = self.make(f"{name}-leaf", middle, "/CN=localhost",
                         f"subjectAltName={','.join(names)}\n")
        with open(leaf + ".chain", "w", encoding="ascii") as file:
            for part in (leaf, middle):
                with open(part + ".pem", encoding="ascii") as pem:
                    file.write(pem.read())
        total = size_of(leaf) + size_of(middle)
        assert der_bytes - 128 < total <= der_bytes, (total, der_bytes)
        return leaf + ".chain", leaf + ".key"

    def bundle(self, count):
        """The root that matters comes last."""
        path = self.path(f"roots{count}")
        with open(path, "w", encoding="ascii") as file:
            for root in reversed(self.roots[:count]):
                with open(root + ".pem", encoding="ascii") as pem:
                    file.write(pem.read())
        return path


def size_of(path):
    openssl("x509", "-in", path + ".pem", "-outform", "DER", "-out", path + ".der")
    return os.path.getsize(path + ".der")


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")
class Tiny(common.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="chatmux-tiny.")
        cls.authorities = {kind: Authority(cls.folder, kind) for kind in KEYS}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def relay(self, kind, name, der_bytes):
        chain, key = self.authorities[kind].chain(name, der_bytes)
        return Relay("--cert", chain, "--key-file", key)

    def tell(self, what, *arguments):
        result = common.run_program([PROGRAM, *arguments])
        self.assertEqual(result.code, OK, result)
        said = dict(pair.split("=") for pair in result.out.decode().split())
        print(f"{what}: {result.out.decode().strip()}")
        self.assertLess(int(said["peak"]), int(said["region"]))
        return said

    def test_limits(self):
        for kind, authority in self.authorities.items():
            with self.relay(kind, "limit", CHAIN_BYTES) as relay:
                self.tell(f"{kind}, chain of {CHAIN_BYTES}, {ROOTS} roots", relay.url,
                          authority.bundle(ROOTS))

    def test_more_roots_than_there_is_room_for(self):
        for kind, authority in self.authorities.items():
            with self.relay(kind, "roots", 4096) as relay:
                said = self.tell(f"{kind}, {MANY_ROOTS} roots", relay.url, authority.bundle(ROOTS),
                                 relay.url, authority.bundle(MANY_ROOTS))
            self.assertEqual(said["add"], "CMX_ERR_NO_MEMORY")

    def test_a_chain_that_is_too_long(self):
        for kind, authority in self.authorities.items():
            bundle = authority.bundle(ROOTS)
            with self.relay(kind, "short", CHAIN_BYTES) as relay, \
                    self.relay(kind, "long", LONG_CHAIN_BYTES) as first:
                said = self.tell(f"{kind}, chain of {LONG_CHAIN_BYTES}", relay.url, bundle,
                                 first.url, bundle)
            # Whichever ends first: the connection's share of the region, or what wolfSSL takes.
            self.assertIn((said["verdict"], said["error"]),
                          (("LIMIT", "CMX_ERR_NO_MEMORY"), ("NETWORK", "CMX_ERR_TLS")))


if __name__ == "__main__":
    unittest.main()
