#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a build weighs, and whether that is still within its budget.

usage: size.py [--update] [--files] [--readme] [--check] CPU=BUILD_DIR...
       size.py --check

Each BUILD_DIR is a build of the preset `size` for that CPU (sh cmake/bootstrap.sh cross CPU makes
build/size-CPU). Prints Markdown: the objects of libchatmux.a as they are (all of them, no LTO, no
program), the program chatmux stripped, the block that each preset asks for. --files adds where the
text is, largest first. Exit code 1: something is beyond budget.txt, or cannot be measured. --update
writes budget.txt anew, 3 % above what was found; --readme writes the table into README.md, between
its marks; --check without builds: README.md has a row for each CPU of budget.txt, within its budget.

stack is what one chat takes with its handshake, measured against chatmux-relay (of the build, or
CMX_RELAY). CPU time per token of this profile: speed.py.

text is what can stay in flash: code, constants, tables relocated once (.data.rel.ro) and unwind
tables. data and bss are writable; what the two may hold together is a rule, not a budget.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGET = os.path.join(HERE, "budget.txt")
COLUMNS = ("text", "data", "bss", "stack", "program", "tiny", "default")
README = os.path.join(HERE, "..", "..", "README.md")
MARKS = ("<!-- size: begin, by tests/size/size.py -->\n", "<!-- size: end -->")
RELAY_WAIT_S = 10
WRITABLE_MAX = 16 # the pointer to the port of this process, and its count of users
MARGIN = 1.03

# First match decides; what matches none does not reach memory (symbols, notes, comments).
KINDS = (
    ("text", r"\.(text|rodata|data\.rel\.ro|eh_frame|ARM\.ex|init_array|sdata2|srodata|rodata1|lit)"),
    ("bss", r"\.(s?bss|tbss)|^\*COM\*|COMMON"),
    ("data", r"\.(s?data|tdata)"),
)


def fail(text):
    sys.exit(f"size.py: {text}")


def call(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        fail(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


def kind_of(section):
    for kind, pattern in KINDS:
        if re.match(pattern, section):
            return kind
    return None


class Build:
    def __init__(self, cpu, folder):
        self.cpu = cpu
        self.folder = folder
        self.cache = self._read_cache()
        compiler = self.cache["CMAKE_C_COMPILER"]
        self.prefix = compiler[:-len("gcc")] if compiler.endswith("gcc") else ""
        self.files = {}   # object file: {kind: bytes}
        self.figures = {}

    def _read_cache(self):
        path = os.path.join(self.folder, "CMakeCache.txt")
        try:
            with open(path, encoding="utf-8") as file:
                pairs = re.findall(r"^([A-Za-z0-9_]+):[A-Z]+=(.*)$", file.read(), re.M)
        except OSError as error:
            fail(str(error))
        cache = dict(pairs)
        compiler_file = os.path.join(self.folder, "CMakeFiles")
        for version in os.listdir(compiler_file):
            path = os.path.join(compiler_file, version, "CMakeCCompiler.cmake")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    found = re.search(r'set\(CMAKE_C_COMPILER "(.*)"\)', file.read())
                cache["CMAKE_C_COMPILER"] = found.group(1)
        return cache

    def measure(self):
        self._objects()
        self._program()
        self._blocks()
        self._stack()

    def _objects(self):
        """Sections of every object in the archive: a linker that drops some only makes it less."""
        archive = os.path.join(self.folder, "libchatmux.a")
        name = None
        for line in call(self.prefix + "size", "-A", archive).splitlines():
            heading = re.match(r"(\S+)\s+\(ex .*\):$", line)
            if heading:
                name = heading.group(1)
                self.files[name] = dict.fromkeys(("text", "data", "bss"), 0)
                continue
            row = re.match(r"(\S+)\s+(\d+)\s+\d+$", line)
            if row and row.group(1) != "Total" and kind_of(row.group(1)):
                self.files[name][kind_of(row.group(1))] += int(row.group(2))
        if not self.files:
            fail(f"{archive} holds no objects")
        for kind in ("text", "data", "bss"):
            self.figures[kind] = sum(sizes[kind] for sizes in self.files.values())

    def _program(self):
        program = os.path.join(self.folder, "chatmux")
        stripped = os.path.join(self.folder, "chatmux.stripped")
        call(self.prefix + "strip", "-o", stripped, program)
        self.figures["program"] = os.path.getsize(stripped)
        self.segments = call(self.prefix + "size", stripped).splitlines()[1].split()[:3]
        self.static = "INTERP" not in call(self.prefix + "readelf", "-l", stripped)
        os.remove(stripped)

    def _runnable(self, name):
        emulated = os.path.join(self.folder, "emulated", name)
        return emulated if os.path.exists(emulated) else os.path.join(self.folder, "tests", name)

    def _stack(self):
        relay = os.environ.get("CMX_RELAY") or self.cache["CMX_TEST_RELAY"]
        with tempfile.TemporaryDirectory() as folder:
            ready, trust = os.path.join(folder, "port"), os.path.join(folder, "ca")
            server = subprocess.Popen([relay, "--port", "0", "--ready-file", ready, "--make-ca", trust,
                                       "--tokens", "8", "--duration-s", "120"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                due = time.monotonic() + RELAY_WAIT_S
                while not (os.path.exists(ready) and os.path.getsize(ready) > 0):
                    if time.monotonic() > due or server.poll() is not None:
                        fail(f"{relay} did not start")
                    time.sleep(0.05)
                with open(ready, encoding="ascii") as file:
                    url = f"https://localhost:{file.read().strip()}/v1"
                self.figures["stack"] = int(call(self._runnable("stack_used"), url,
                                                 os.path.join(trust, "ca.pem")))
            finally:
                server.terminate()
                server.wait()

    def _blocks(self):
        for line in call(self._runnable("client_bytes")).splitlines():
            name, count = line.split()
            self.figures[name] = int(count)


def read_budget():
    budget = {}
    if os.path.exists(BUDGET):
        with open(BUDGET, encoding="utf-8") as file:
            for line in file:
                fields = line.split()
                if fields and not line.startswith("#"):
                    budget[fields[0]] = dict(zip(COLUMNS, map(int, fields[1:])))
    return budget


def write_budget(budget):
    with open(BUDGET, "w", encoding="utf-8") as file:
        file.write("# Bytes that the preset `size` may weigh, per CPU; tests/size/size.py judges.\n"
                   "# size.py --update writes what was found and 3 %: do it when a growth is meant.\n"
                   f"# {'cpu':<8}" + "".join(f"{name:>9}" for name in COLUMNS) + "\n")
        for cpu in sorted(budget):
            file.write(f"{cpu:<10}" + "".join(f"{budget[cpu][name]:>9}" for name in COLUMNS) + "\n")


def judge(build, budget):
    """Prints what is beyond the budget; tells whether nothing is."""
    figures = build.figures
    complaints = []
    if figures["data"] + figures["bss"] > WRITABLE_MAX:
        complaints.append(f"data + bss of libchatmux is {figures['data'] + figures['bss']} bytes, "
                          f"at most {WRITABLE_MAX} are allowed")
    if build.cpu not in budget:
        complaints.append("budget.txt has no line for it; --update writes one")
    for name, limit in budget.get(build.cpu, {}).items():
        if figures[name] > limit:
            complaints.append(f"{name} is {figures[name]} bytes, the budget is {limit}")
    for text in complaints:
        print(f"size.py: {build.cpu}: {text}", file=sys.stderr)
    return not complaints


def table(builds):
    lines = ["| CPU | libchatmux text | data | bss | stack | program, stripped | its text, data, bss |"
             " block `tiny` | block `default` |", "|---|---|---|---|---|---|---|---|---|"]
    for build in builds:
        found = build.figures
        linked = "static" if build.static else "dynamic"
        lines.append(f"| {build.cpu} | {found['text']:,} | {found['data']} | {found['bss']} | {found['stack']:,} "
                     f"| {found['program']:,} ({linked}) | {', '.join(build.segments)} "
                     f"| {found['tiny']:,} | {found['default']:,} |")
    return "\n".join(lines) + "\n"


def readme_parts():
    """README.md before the table, the table, and what follows."""
    with open(README, encoding="utf-8") as file:
        before, found, rest = file.read().partition(MARKS[0])
    held, also_found, after = rest.partition(MARKS[1])
    if not found or not also_found:
        fail(f"README.md lacks the marks {MARKS}")
    return before, held, after


def write_readme(text):
    before, _, after = readme_parts()
    with open(README, "w", encoding="utf-8") as file:
        file.write(before + MARKS[0] + text + MARKS[1] + after)


def check_readme(budget):
    """The table says of each CPU what its budget allows; returns complaints."""
    complaints = []
    rows = {}
    for line in readme_parts()[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and cells[1][0].isdigit():
            numbers = [int(cells[i].split()[0].replace(",", "")) for i in (1, 2, 3, 4, 5, 7, 8)]
            rows[cells[0]] = dict(zip(COLUMNS, numbers))
    for cpu in sorted(set(budget) ^ set(rows)):
        complaints.append(f"{cpu} is in one of budget.txt and README.md only")
    for cpu in sorted(set(budget) & set(rows)):
        for name in COLUMNS:
            if rows[cpu][name] > budget[cpu][name]:
                complaints.append(f"{cpu}: README.md says {name} {rows[cpu][name]}, the budget is {budget[cpu][name]}")
    return complaints


def print_files(build):
    print(f"\n| {build.cpu}: object | text | share |\n|---|---|---|")
    for name, sizes in sorted(build.files.items(), key=lambda row: -row[1]["text"]):
        print(f"| {name[:-2]} | {sizes['text']:,} "
              f"| {100 * sizes['text'] / build.figures['text']:.1f} % |")


def main():
    flags = {argument for argument in sys.argv[1:] if argument.startswith("--")}
    pairs = [argument.partition("=") for argument in sys.argv[1:] if argument not in flags]
    if (flags - {"--update", "--files", "--readme", "--check"} or not all(pair[2] for pair in pairs)
            or (not pairs and flags != {"--check"})):
        fail("usage: size.py [--update] [--files] [--readme] [--check] CPU=BUILD_DIR... | size.py --check")
    builds = [Build(cpu, folder) for cpu, _, folder in pairs]
    for build in builds:
        build.measure()
    if builds:
        print(table(builds), end="")
    if "--readme" in flags:
        write_readme(table(builds))
    if "--files" in flags:
        for build in builds:
            print_files(build)
    budget = read_budget()
    if "--update" in flags:
        for build in builds:
            budget[build.cpu] = {name: build.figures[name] if name in ("data", "bss")
                                 else int(build.figures[name] * MARGIN) for name in COLUMNS}
        write_budget(budget)
    verdicts = [judge(build, budget) for build in builds]
    if "--check" in flags:
        complaints = check_readme(budget)
        for text in complaints:
            print(f"size.py: {text}", file=sys.stderr)
        verdicts.append(not complaints)
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
