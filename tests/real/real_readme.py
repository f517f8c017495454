#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""README.md keeps its word: its C blocks compile without a warning, its program runs and prints the
whole answer, its links and commands lead somewhere.

A block with main() is a program: it is linked as a user would link it and run against the relay,
only its base URL and CA path replaced.
"""

import os
import re
import subprocess
import tempfile

import common
from common import BUILD_DIR, FAILED, OK, SOURCE_DIR, Relay

CC = os.environ.get("CMX_CC", "cc")
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
TOKENS = 64
URL_IN_README = "https://relay.example/v1"
CA_IN_README = "/etc/ssl/relay-ca.pem"


def read(*path):
    with open(os.path.join(SOURCE_DIR, *path), encoding="utf-8") as file:
        return file.read()


def c_blocks():
    return re.findall(r"^```c\n(.*?)^```$", read("README.md"), re.M | re.S)


def libraries():
    """libchatmux.a and what it stands on, as the build found it."""
    with open(os.path.join(BUILD_DIR, "CMakeCache.txt"), encoding="utf-8") as file:
        cache = file.read()
    prefixes = dict(re.findall(r"^CMX_(\w+)_PREFIX:INTERNAL=(.+)$", cache, re.M))
    found = [os.path.join(BUILD_DIR, "libchatmux.a")]
    for name in ("wolfssl", "nghttp2"):
        path = os.path.join(prefixes.get(name, ""), "lib", f"lib{name}.a")
        found.append(path if os.path.exists(path) else f"-l{name}")
    fixed = ["-no-pie"] if "\nCMX_PIC:BOOL=OFF\n" in cache else [] # as chatmux.pc says
    return found + ["-pthread"] + fixed


def sanitizer_flags():
    names = os.environ.get("CMX_SANITIZE", "")
    return [f"-fsanitize={names}"] if names else []


class Readme(common.Case):
    def compile(self, source, *arguments):
        command = [CC, *WARNINGS, *sanitizer_flags(), "-I", os.path.join(SOURCE_DIR, "include"),
                   "-x", "c", "-", "-x", "none", *arguments]
        done = subprocess.run(command, input=source.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=common.TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def build(self, folder, relay_url, ca_file):
        programs = [block for block in c_blocks() if "int main(" in block]
        self.assertEqual(len(programs), 1)
        source = programs[0]
        for text, replacement in ((URL_IN_README, relay_url), (CA_IN_README, ca_file)):
            self.assertEqual(source.count(f'"{text}"'), 1)
            source = source.replace(f'"{text}"', f'"{replacement}"')
        program = os.path.join(folder, "program")
        self.compile(source, *libraries(), "-o", program)
        return program

    def test_program_prints_the_whole_answer(self):
        with Relay("--tokens", str(TOKENS), "--token-text", "word ", "--key",
                   common.KEY) as relay:
            program = self.build(relay.folder, relay.url, relay.cacert)
            result = common.run_program([program])
            stats = relay.stop()
        self.assertEqual(result.out.decode(), "word " * TOKENS, result)
        self.assertEqual((result.code, result.err), (OK, b""))
        self.assertEqual((stats["connections"], stats["requests"], stats["completed"]), (1, 1, 1))

    def test_program_never_calls_a_part_an_answer(self):
        for fault in ("fault-truncate", "fault-500", "fault-reset"):
            with self.subTest(fault), Relay("--fault", fault) as relay:
                program = self.build(relay.folder, relay.url, relay.cacert)
                result = common.run_program([program])
                self.assertEqual(result.code, FAILED)
                self.assertRegex(result.err, b"^chatmux: .+\n$")

    def test_program_says_what_is_wrong_before_the_start(self):
        with tempfile.TemporaryDirectory() as folder:
            program = self.build(folder, "https://localhost:1/v1", os.path.join(folder, "no.pem"))
            result = common.run_program([program])
            self.assertEqual((result.code, result.out), (FAILED, b""))
            self.assertIn(b"ca_file: ", result.err)
            result = common.run_program([program], env=common.environment(OPENAI_API_KEY=None))
            self.assertIn(b"key: ", result.err)

    def test_fragments_compile(self):
        fragments = [block for block in c_blocks() if "int main(" not in block]
        self.assertTrue(fragments)
        for fragment in fragments:
            self.compile("#include <chatmux/chatmux.h>\n" + fragment, "-fsyntax-only")

    def test_links_lead_somewhere(self):
        for page in ("README.md", "TUNING.md", "CHANGELOG.md", "SECURITY.md"):
            for target in re.findall(r"\]\(([^)#]+)\)", read(page)):
                if not target.startswith("https://"):
                    self.assertTrue(os.path.exists(os.path.join(SOURCE_DIR, target)),
                                    f"{page}: {target}")

    def test_paths_and_names_exist(self):
        text = read("README.md")
        for path in re.findall(r"`((?:tests|cmake|src|port|include)/[\w./-]*)`", text):
            self.assertTrue(os.path.exists(os.path.join(SOURCE_DIR, path)), path)
        headers = "".join(read("include/chatmux", name)
                          for name in os.listdir(os.path.join(SOURCE_DIR, "include/chatmux")))
        known = set(re.findall(r"\b(?:cmx|CMX)_\w+", headers))
        known |= {"CMX_ERR_" + name for name in re.findall(r"\bX\((\w+),", headers)}
        used = set(re.findall(r"\bcmx_\w+|\bCMX_(?:ERR|PRESET|VERDICT|EVENT|ROLE)_\w+", text))
        self.assertEqual(used - known, set())
        for verb in re.findall(r"sh cmake/bootstrap\.sh (\w+)", text):
            self.assertIn(f"\n{verb})\n", read("cmake/bootstrap.sh"))

    def test_options_of_the_build_exist(self):
        build = "".join(read(path) for path in (
            "CMakeLists.txt", "cmake/dependencies.cmake", "cmake/system_dependencies.cmake",
            "cmake/size.cmake", "src/CMakeLists.txt"))
        rows = re.findall(r"^\| ((?:`CMX_\w+`(?:, )?)+) \|", read("README.md"), re.M)
        names = re.findall(r"CMX_\w+", " ".join(rows))
        self.assertGreater(len(names), 5)
        for name in names:
            self.assertTrue(re.search(rf"(option|set)\({name}[ \n]", build), name)

    def test_versions_are_the_pinned_ones(self):
        rows = dict(re.findall(r"^\| (wolfSSL|nghttp2|jsmn) \| ([\d.]+)", read("README.md"), re.M))
        pinned = read("cmake/dependencies.txt")
        for name, version in rows.items():
            self.assertRegex(pinned, rf"(?m)^{name.lower()} +{re.escape(version)} .* accepted ")
        self.assertEqual(len(rows), 3)


class Manual(common.Case):
    def test_every_option_is_in_the_manual(self):
        manual = read("src/cli/chatmux.1")
        words = {word for command in ("chat", "request", "bench")
                 for word in re.findall(r"--([a-z][a-z-]+)", common.run(command, "--help").out)}
        self.assertGreater(len(words), 15)
        for word in words:
            self.assertIn("-" + word, manual.replace("\\-", "-"), word)

    def test_every_field_of_bench_is_in_the_manual(self):
        manual = read("src/cli/chatmux.1")
        with Relay("--tokens", "1", "--stamp") as relay:
            result = common.run("bench", *relay.options(), "-n", "1", "--stamps")
        for line in result.out.splitlines():
            self.assertIn(line.split()[0], manual)


if __name__ == "__main__":
    common.main()
