#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library compiles with every ceiling of chatmux/limits.h at its smallest, and at its largest.

usage: check_ceilings.py [--header smallest|largest] [-I FOLDER]...
       check_ceilings.py --run BUILD_DIR

Also: what is out of range does not compile, nor what contradicts itself; every ceiling is in the list
that --build-info prints. -I: headers of nghttp2, wolfSSL and jsmn. --header writes the override that
is tried, for a build by hand with -DCMX_CONFIG_FILE. Syntax and static asserts alone; the compiler is
CMX_CC.

--run is the long form, not part of ctest: it builds the unit tests in three folders of BUILD_DIR and
runs them: with each ceiling at its smallest, but for those whose stories need more rows (NEED_ROWS),
which have the default number of rows (ROWS) and all else at its smallest; with each at its largest,
but for NOT_LARGEST.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILER = os.environ.get("CMX_CC", "cc")
FOLDERS = ("src/base", "src/text", "src/chat", "src/policy", "src/wire", "src/pool", "src/client", "port/linux")

# Where two of a kind exclude each other, what yields.
LARGEST = {"RESETS": 100, "RESETS_PER_MIN": 198}

# Of these a test has to have several: two connections, some messages, addresses that race, a whole error message.
ROWS = ("CONNECTIONS", "ORIGINS", "REQUESTS", "MESSAGES", "ADDRESSES", "UNSENT_HEADERS", "COLLECT_PARTS",
        "ORIGIN_HEADERS", "ORIGIN_HEADER_BYTES", "REQUEST_FIELDS", "MESSAGE_BYTES", "CHOICES")
NEED_ROWS = ("test_answer", "test_body", "test_body_check", "test_body_json", "test_client_api", "test_client_limits", "test_collect",
             "test_conn", "test_conn_proxy", "test_conn_race", "test_eyeballs", "test_h2_life", "test_h2_request",
             "test_metrics", "test_money", "test_pause", "test_region_owners", "test_routes", "test_trace", "test_wire_cases")
# The vectors say where a message is cut by default; the block of `tiny` is promised for the defaults; no
# server of the tests makes a queue of the largest size overflow.
NOT_LARGEST = ("test_wire_cases", "test_tiny", "test_h2_queue")
TEST_TIMEOUT_S = 600


def read_limits():
    with open(os.path.join(ROOT, "include/chatmux/limits.h"), encoding="ascii") as file:
        text = file.read()
    listed = {name: (int(low), int(high)) for name, low, high in re.findall(r"X\((\w+), (\d+), (\d+)\)", text)}
    defined = set(re.findall(r"^#ifndef CMX_LIMIT_(\w+)$", text, re.M))
    return listed, defined


def header(values):
    return "".join(f"#define CMX_LIMIT_{name} {value}\n" for name, value in values.items())


def values_of(listed, which):
    if which == "smallest":
        return {name: low for name, (low, _) in listed.items()}
    return {name: LARGEST.get(name, high) for name, (_, high) in listed.items()}


def compile_one(source, config, includes):
    """Returns what the compiler has to say; empty if it takes the source."""
    command = [COMPILER, "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Wconversion", "-Werror",
               "-DWOLFSSL_USER_SETTINGS", "-DNGHTTP2_STATICLIB", f'-DCMX_CONFIG_FILE="{config}"', "-I" + os.path.join(ROOT, "src"),
               "-I" + os.path.join(ROOT, "include"), "-I" + ROOT] + ["-isystem" + folder for folder in includes]
    done = subprocess.run(command + [source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors="replace") if done.returncode != 0 else ""


def try_extreme(folder, which, values, includes):
    config = os.path.join(folder, which + ".h")
    with open(config, "w", encoding="ascii") as file:
        file.write(header(values))
    sources = [path for part in FOLDERS for path in sorted(glob.glob(os.path.join(ROOT, part, "*.c")))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(lambda source: compile_one(source, config, includes), sources))
    return [f"{which}: {answer}" for answer in answers if answer]


def try_refusals(folder, listed, includes):
    """Each ceiling one beyond its range, and the pairs that contradict each other."""
    source = os.path.join(folder, "one.c")
    with open(source, "w", encoding="ascii") as file:
        file.write('#include "chatmux/limits.h"\nint one;\n')
    cases = [{name: low - 1} for name, (low, _) in listed.items()]
    cases += [{name: high + 1} for name, (_, high) in listed.items()]
    cases += [{"ORIGIN_HEADERS": 20, "REQUEST_FIELDS": 16}, {"RESETS": 150, "RESETS_PER_MIN": 180}]
    findings = []
    for case in cases:
        config = os.path.join(folder, "case.h")
        with open(config, "w", encoding="ascii") as file:
            file.write(header(case))
        if "static assertion failed" not in compile_one(source, config, includes): # both compilers' word
            findings.append(f"taken, but out of range: {case}")
    return findings


def call(command, folder):
    """Runs it; returns what it has to say if it fails."""
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=TEST_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return "it did not end"
    return done.stdout.decode(errors="replace") or str(done.returncode) if done.returncode != 0 else ""


def unit_tests():
    paths = glob.glob(os.path.join(ROOT, "tests/unit/test_*.c")) + glob.glob(os.path.join(ROOT, "tests/memory/test_*.c"))
    return sorted(os.path.basename(path)[:-len(".c")] for path in paths)


def run_tests(folder, name, values, tests):
    """Builds and runs `tests` with the ceilings `values`; returns findings."""
    os.makedirs(folder, exist_ok=True)
    config = os.path.join(folder, "ceilings.h")
    with open(config, "w", encoding="ascii") as file:
        file.write(header(values))
    jobs = str(os.cpu_count())
    said = call(["cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1",
                 "-DCMX_CONFIG_FILE=" + config], ROOT)
    said = said or call(["cmake", "--build", folder, "--parallel", jobs, "--target"]
                        + ["cmx_" + test for test in tests], ROOT)
    if said:
        return [f"{name}: {said}"]
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    where = os.path.join(folder, "tests")
    answers = list(pool.map(lambda test: call([os.path.join(where, test)], where), tests))
    print(f"check_ceilings: {name}: {sum(1 for answer in answers if not answer)} of {len(tests)} programs pass")
    return [f"{name}: {test}: {answer}" for test, answer in zip(tests, answers) if answer]


def run_all(folder, listed):
    tests = unit_tests()
    smallest = values_of(listed, "smallest")
    rows = {key: value for key, value in smallest.items() if key not in ROWS}
    few = [test for test in tests if test not in NEED_ROWS]
    most = [test for test in tests if test not in NOT_LARGEST]
    findings = [f"there is no {test}" for test in NEED_ROWS + NOT_LARGEST if test not in tests]
    for name, values, chosen in (("smallest", smallest, few), ("smallest, with rows", rows, NEED_ROWS),
                                 ("largest", values_of(listed, "largest"), most)):
        findings += run_tests(os.path.join(folder, re.sub(r"\W+", "-", name)), name, values, list(chosen))
    return findings


def report(findings, count):
    for finding in findings:
        print("check_ceilings: " + finding)
    print(f"check_ceilings: {len(findings)} findings, {count} ceilings")
    sys.exit(1 if findings else 0)


def main():
    arguments = sys.argv[1:]
    listed, defined = read_limits()
    if arguments[:1] == ["--run"] and len(arguments) == 2:
        report(run_all(os.path.abspath(arguments[1]), listed), len(listed))
    if arguments[:1] == ["--header"] and arguments[1:] in (["smallest"], ["largest"]):
        sys.stdout.write(header(values_of(listed, arguments[1])))
        return
    includes = arguments[1::2]
    if arguments[::2] != ["-I"] * len(includes):
        sys.exit(__doc__)
    findings = [f"not in CMX_LIMIT_LIST: {name}" for name in defined ^ set(listed)]
    with tempfile.TemporaryDirectory() as folder:
        findings += try_refusals(folder, listed, includes)
        for which in ("smallest", "largest"):
            findings += try_extreme(folder, which, values_of(listed, which), includes)
    report(findings, len(listed))


if __name__ == "__main__":
    main()
