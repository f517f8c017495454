#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks' own test: green on a small good tree, red on each violation planted in a copy of it.

usage: check_planted.py [ROOT [TEXT]]      (only the cases whose name contains TEXT)

A plant counts as found when its check exits 1 and names the expected file and rule. The objects for
the symbol check are compiled with $CC (default cc) against three stub headers made here.
"""

import concurrent.futures
import contextlib
import importlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "checks")]
sys.dont_write_bytecode = True
ONE_AT_A_TIME = threading.Lock()  # standard output is one for all threads
GOOD_TREE = os.path.join(HERE, "checks", "good_tree")
SPDX = "/* SPDX-License-Identifier: MIT */\n"

STUBS = {
    "nghttp2/nghttp2.h": "#include <stddef.h>\ntypedef struct nghttp2_session nghttp2_session;\n"
                         "int nghttp2_zero(nghttp2_session *);\n",
    "wolfssl/ssl.h": "#define WOLFSSL_STUB_VERSION 5\nint wolfSSL_zero(void);\n",
    "jsmn.h": "static inline unsigned jsmn_zero(void) { return 0; }\n",
}


def write(tree, path, text):
    """Creates the file or replaces it."""
    os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
    with open(os.path.join(tree, path), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def edit(tree, path, old, new):
    """Replaces the first `old`; an empty `old` appends."""
    with open(os.path.join(tree, path), encoding="utf-8") as file:
        text = file.read()
    assert old in text, f"the good tree changed: {path} has no {old!r}"
    write(tree, path, text.replace(old, new, 1) if old else text + new)


def change(path, old, new):
    return lambda tree: edit(tree, path, old, new)


def append(path, new):
    return change(path, "", new)


def create(path, text):
    return lambda tree: write(tree, path, text)


def remove(path):
    return lambda tree: os.remove(os.path.join(tree, path))


def both(*steps):
    return lambda tree: [step(tree) for step in steps]


def include(path, what):
    """Adds an include behind the first one of the file."""
    return change(path, "#include", f"#include {what}\n#include")


def function(name, lines):
    """A function of exactly that many lines, signature and closing brace counted."""
    return f"\nvoid {name}(void)\n{{\n" + "    ;\n" * (lines - 3) + "}\n"


# Each plant: (name, how to break the good tree, file that must be named, rule that must be named).
LAYERS = [
    ("upward include", include("src/base/arena.h", '"pool/slot.h"'), "src/base/arena.h", "layer"),
    ("upward include among public headers",
     change("include/chatmux/error.h", "#define CMX_OK", "#include <chatmux/client.h>\n#define CMX_OK"),
     "include/chatmux/error.h", "layer"),
    ("same rank", change("tests/ranks.txt", "base/arena 5", "base/arena 0"), "src/base/arena.c", "layer"),
    ("cycle of headers", both(include("src/wire/h2.h", '"pool/slot.h"'), include("src/pool/slot.h", '"wire/h2.h"')),
     "src/wire/h2.h", "cycle"),
    ("cycle in a port", both(create("port/one/two.h", SPDX + '#include "one/one.h"\n'),
                             include("port/one/one.h", '"one/two.h"')), "port/one/two.h", "cycle"),
    ("header includes itself", include("src/pool/slot.h", '"pool/slot.h"'), "src/pool/slot.h", "cycle"),
    ("file without a rank", create("src/pool/extra.c", SPDX), "src/pool/extra.c", "rank-missing"),
    ("public header without a rank", create("include/chatmux/extra.h", SPDX), "include/chatmux/extra.h",
     "rank-missing"),
    ("file beside the folders", create("src/extra.c", SPDX), "src/extra.c", "folder"),
    ("rank outside its floor", change("tests/ranks.txt", "pool/slot 300", "pool/slot 299"), "tests/ranks.txt",
     "rank-table"),
    ("two ranks for one module", append("tests/ranks.txt", "pool/slot 301\n"), "tests/ranks.txt", "rank-table"),
    ("unknown floor", append("tests/ranks.txt", "attic/box 10\n"), "tests/ranks.txt", "rank-table"),
    ("no rank table", remove("tests/ranks.txt"), "tests/ranks.txt", "rank-table"),
    ("nghttp2 in pool", include("src/pool/slot.c", "<nghttp2/nghttp2.h>"), "src/pool/slot.c", "library"),
    ("nghttp2 in a header of wire", include("src/wire/h2.h", "<nghttp2/nghttp2.h>"), "src/wire/h2.h", "library"),
    ("wolfSSL in h2", include("src/wire/h2.c", "<wolfssl/ssl.h>"), "src/wire/h2.c", "library"),
    ("jsmn in client", include("src/client/client.c", '"jsmn.h"'), "src/client/client.c", "library"),
    ("nghttp2 in the command line", include("src/cli/main.c", "<nghttp2/nghttp2.h>"), "src/cli/main.c", "library"),
    ("wolfSSL in a port", include("port/one/clock.c", "<wolfssl/ssl.h>"), "port/one/clock.c", "library"),
    ("system header in src", include("src/pool/slot.c", "<stdio.h>"), "src/pool/slot.c", "system-header"),
    ("system header in public", include("include/chatmux/port.h", "<time.h>"), "include/chatmux/port.h",
     "system-header"),
    ("src behind the command line", include("src/cli/main.c", '"pool/slot.h"'), "src/cli/main.c", "layer"),
    ("src behind a port", include("port/one/clock.c", '"base/base.h"'), "port/one/clock.c", "layer"),
    ("src behind a public header", include("include/chatmux/client.h", '"base/base.h"'),
     "include/chatmux/client.h", "layer"),
    ("a port in src", include("src/client/client.c", '"../port/one/one.h"'), "src/client/client.c",
     "include-found"),
    ("header without its folder", include("src/pool/slot.c", '"slot.h"'), "src/pool/slot.c", "include-found"),
    ("source file included", include("src/client/client.c", '"pool/slot.c"'), "src/client/client.c", "layer"),
    ("macro as include", include("src/pool/slot.c", "CMX_HEADER"), "src/pool/slot.c", "include-spelled"),
]

LIMITS = [
    ("function of 71 lines", append("src/pool/slot.c", function("long_one", 71)), "src/pool/slot.c",
     "function-lines"),
    ("function of 71 lines, brace on its line",
     append("src/pool/slot.c", function("long_one", 72).replace("(void)\n{", "(void) {")), "src/pool/slot.c",
     "function-lines"),
    ("long test function", append("tests/unit/test_slot.c", function("long_one", 71)), "tests/unit/test_slot.c",
     "function-lines"),
    ("6 parameters", append("src/pool/slot.c", "\nvoid many(int a, int b, int c, int d, int e, int f)\n{\n}\n"),
     "src/pool/slot.c", "parameters"),
    ("6 parameters in a prototype", change("src/pool/slot.h", "#endif",
                                           "void many(int a, int b, int c, int d, int e, int f);\n#endif"),
     "src/pool/slot.h", "parameters"),
    ("6 parameters in the port", change("include/chatmux/port.h", "(void *ctx);",
                                        "(void *ctx, int a, int b, int c, int d, int e);"),
     "include/chatmux/port.h", "parameters"),
    ("file of 601 lines", create("src/pool/long.c", SPDX + "\n" * 599 + "int x;\n"), "src/pool/long.c",
     "file-lines"),
    ("test of 601 lines", create("tests/unit/test_long.c", SPDX + "\n" * 599 + "int x;\n"),
     "tests/unit/test_long.c", "file-lines"),
    ("4 levels", change("src/pool/slot.c", "left_ms /= 2;", "if (left_ms) { left_ms /= 2; }"),
     "src/pool/slot.c", "levels"),
    ("braces that do not balance", append("src/pool/slot.c", "void half(void)\n{\n"), "src/pool/slot.c", "braces"),
]

# Limits that hold exactly: these must stay green.
AT_THE_LIMIT = [
    ("function of 70 lines", append("src/pool/slot.c", function("long_one", 70))),
    ("file of 600 lines", create("src/pool/long.c", SPDX + "\n" * 598 + "int x;\n")),
    ("5 parameters", append("src/pool/slot.c", "void five(int a, int b, int c, int d, int (*e)(int, int))\n{\n}\n")),
    ("long initialiser", append("src/pool/slot.c", "static const int many[] = {\n" + "    1,\n" * 90 + "};\n")),
]

# The whole of check_style.sh: formatting, and that it passes on what checks/style.py says.
FORMAT = [
    ("unformatted", change("src/pool/slot.c", "    uint64_t left_ms", "  uint64_t left_ms"), "src/pool/slot.c",
     "format"),
    ("unformatted test", change("tests/unit/test_slot.c", "    cmx_slot slot", "  cmx_slot slot"),
     "tests/unit/test_slot.c", "format"),
    ("no formatter configuration", remove(".clang-format"), ".clang-format", "format"),
    ("no SPDX line, through the shell", change("src/pool/slot.c", SPDX, ""), "src/pool/slot.c", "spdx"),
]

STYLE = [
    ("no SPDX line", change("src/pool/slot.c", SPDX, ""), "src/pool/slot.c", "spdx"),
    ("no SPDX line in a test", change("tests/unit/test_slot.c", SPDX, ""), "tests/unit/test_slot.c", "spdx"),
    ("line comment", append("src/pool/slot.c", "// hello\n"), "src/pool/slot.c", "line-comment"),
    ("long line", append("src/pool/slot.c", "/* " + "x" * 100 + " */\n"), "src/pool/slot.c", "columns"),
    ("typedef _t", append("src/pool/slot.c", "typedef unsigned int slot_word_t;\n"), "src/pool/slot.c", "type-name"),
    ("typedef struct _t", append("src/pool/slot.c", "typedef struct {\n    int a;\n} word_t;\n"), "src/pool/slot.c",
     "type-name"),
    ("#ifdef in src", append("src/pool/slot.c", "#ifdef CMX_X\nint x;\n#endif\n"), "src/pool/slot.c", "conditional"),
    ("#if in a header of src", change("src/pool/slot.h", "typedef", "#if CMX_X\n#define CMX_Y\n#endif\ntypedef"),
     "src/pool/slot.h", "conditional"),
    ("#error block with code", change("src/wire/tls_hooks.c", '#error "wolfSSL', 'int x;\n#error "wolfSSL'),
     "src/wire/tls_hooks.c", "conditional"),
    ("no header guard", change("src/pool/slot.h", "#define CMX_SLOT_H\n", ""), "src/pool/slot.h", "guard"),
    ("#ifdef in a public struct", change("include/chatmux/port.h", "    void *ctx;",
                                         "#ifdef CMX_X\n    int x;\n#endif\n    void *ctx;"),
     "include/chatmux/port.h", "member-conditional"),
    ("macro that returns", append("src/pool/slot.c", "#define TRY(x)\\\n    if (x)\\\n        return x\n"),
     "src/pool/slot.c", "macro-jump"),
    ("macro that jumps", append("src/pool/slot.c", "#define FAIL goto fail\n"), "src/pool/slot.c", "macro-jump"),
    ("foreign macro name", change("src/pool/slot.h", "typedef", "#define SLOT_MAX 3\ntypedef"), "src/pool/slot.h",
     "macro-name"),
    ("timeout without unit", change("src/pool/slot.h", "retry_delay_ms_max", "retry_delay_max"),
     "src/pool/slot.h", "unit"),
    ("interval macro without unit", append("src/pool/slot.c", "#define PING_INTERVAL 30\n"), "src/pool/slot.c",
     "unit"),
    ("function named create", append("src/pool/slot.c", "void slot_create(void)\n{\n}\n"), "src/pool/slot.c",
     "lifetime-name"),
    ("prototype named free", change("src/pool/slot.h", "void cmx_slot_init", "void cmx_slot_free"),
     "src/pool/slot.h", "lifetime-name"),
    ("malloc call", change("src/pool/slot.c", "TO(3)", "malloc(3) != 0"), "src/pool/slot.c", "libc-call"),
    ("getenv call", change("src/pool/slot.c", "TO(3)", 'getenv("A") != 0'), "src/pool/slot.c", "libc-call"),
    ("time call", change("src/pool/slot.c", "TO(3)", "time(0) != 0"), "src/pool/slot.c", "libc-call"),
    ("printf call", change("src/pool/slot.c", "TO(3)", 'printf("A") != 0'), "src/pool/slot.c", "libc-call"),
    ("clock read below the client", change("src/pool/slot.c", "slot->due_ms;", "slot->port->now_ms(0);"),
     "src/pool/slot.c", "clock"),
    ("status without must-check", change("src/pool/slot.h", "CMX_MUST_CHECK int", "int"), "src/pool/slot.h",
     "must-check"),
    ("public status without must-check", change("include/chatmux/client.h", "CMX_MUST_CHECK\nint", "int"),
     "include/chatmux/client.h", "must-check"),
    ("undocumented function", change("include/chatmux/client.h", "/* Gives the number of open chats. */", ""),
     "include/chatmux/client.h", "doc-comment"),
    ("undocumented port function", change("include/chatmux/port.h", "    /* Monotonic milliseconds; never blocks. */\n",
                                          ""), "include/chatmux/port.h", "doc-comment"),
    ("if without braces", append("src/pool/slot.c", "void bare(int a)\n{\n    if (a)\n        a = 1;\n}\n"),
     "src/pool/slot.c", "braces"),
    ("else without braces", change("src/pool/slot.c", "        } else {\n            left_ms--;\n        }",
                                   "        } else\n            left_ms--;"), "src/pool/slot.c", "braces"),
    ("unfinished", append("src/pool/slot.c", "/* FIX" "ME */\n"), "src/pool/slot.c", "unfinished"),
    ("unfinished text", create("README.md", "TO" "DO\n"), "README.md", "unfinished"),
    ("machine path", create("notes.md", "see /ho" "me/someone/x\n"), "notes.md", "machine-path"),
    ("trailing space", append("src/pool/slot.c", "/* a */ \n"), "src/pool/slot.c", "trailing-space"),
    ("tab", append("src/pool/slot.c", "/* a\tb */\n"), "src/pool/slot.c", "tab"),
    ("no final newline", append("src/pool/slot.c", "/* a */"), "src/pool/slot.c", "final-newline"),
    ("carriage return", append("src/pool/slot.c", "/* a */\r\n"), "src/pool/slot.c", "line-end"),
]

SYMBOLS = [
    ("malloc", append("src/pool/slot.c", "void *malloc(unsigned long);\nvoid *cmx_slot_x(void)\n{\n"
                                         "    return malloc(3);\n}\n"), "src/pool/slot.c", "call"),
    ("getenv", append("src/base/arena.c", "char *getenv(const char *);\nchar *cmx_arena_x(void)\n{\n"
                                          '    return getenv("A");\n}\n'), "src/base/arena.c", "call"),
    ("nghttp2 from pool", append("src/pool/slot.c", "int nghttp2_zero(void *);\nint cmx_slot_x(void)\n{\n"
                                                    "    return nghttp2_zero(0);\n}\n"), "src/pool/slot.c", "call"),
    ("wolfSSL from h2", append("src/wire/h2.c", "int wc_zero(void);\nint cmx_h2_x(void)\n{\n"
                                                "    return wc_zero();\n}\n"), "src/wire/h2.c", "call"),
    ("a port's function", append("src/pool/slot.c", "void *cmx_port_one(void);\nvoid *cmx_slot_x(void)\n{\n"
                                                    "    return cmx_port_one();\n}\n"), "src/pool/slot.c", "call"),
    ("call upward", append("src/base/arena.c", "int cmx_slot_on_head(void *, unsigned long);\nint cmx_arena_x(void)\n"
                                               "{\n    return cmx_slot_on_head(0, 0);\n}\n"), "src/base/arena.c",
     "call-upward"),
    ("foreign prefix", append("src/pool/slot.c", "int cmx_pool_x(void);\nint cmx_pool_x(void)\n{\n    return 0;\n}\n"),
     "src/pool/slot.c", "export"),
    ("prefix that only begins alike", append("src/pool/slot.c", "int cmx_slotted = 0;\n"), "src/pool/slot.c",
     "export"),
    ("jsmn exported", append("src/text/json.c", "int jsmn_parse(void);\nint jsmn_parse(void)\n{\n    return 0;\n}\n"),
     "src/text/json.c", "export"),
    ("public name outside the client", append("src/pool/slot.c", "int cmx_open_chats(void);\nint cmx_open_chats(void)\n"
                                                                 "{\n    return 0;\n}\n"), "src/pool/slot.c", "export"),
    ("allocator hook elsewhere", append("src/wire/h2.c", "void XFREE(void);\nvoid XFREE(void)\n{\n}\n"),
     "src/wire/h2.c", "export"),
    ("17 writable bytes", append("src/pool/slot.c", "char cmx_slot_state[17];\n"), "src/pool/slot.c",
     "writable-data"),
    ("writable bytes over two files", both(append("src/pool/slot.c", "char cmx_slot_state[9];\n"),
                                           append("src/base/arena.c", "char cmx_arena_state[9] = {1};\n")),
     "src/base/arena.c", "writable-data"),
    ("link-time optimisation", create("flags", "-flto"), "src/pool/slot.c", "object"),
    ("no object", create("skip", "pool/slot"), "src/pool/slot.c", "object"),
]

# Builds that must stay green: what compilers add is not what the source calls.
GREEN_FLAGS = ["-O0", "-fstack-protector-strong -D_FORTIFY_SOURCE=2", "-fsanitize=address,undefined", "--coverage",
               "-fno-pic -g"]

MODULES = ("base/arena", "text/json", "wire/tls_hooks", "wire/h2", "pool/slot", "client/client")
COMPILED = {}  # (module, its text, flags) -> object


def run(command, cwd=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd)
    return done.returncode, done.stdout


def run_check(name, tree):
    path = os.path.join(HERE, name)
    return run([path, tree] if name.endswith(".sh") else [sys.executable, "-B", path, tree])


def run_inside(name, tree):
    """The same without a new process, which is what most of the time would go to."""
    module = importlib.import_module(os.path.basename(name)[:-3])
    with ONE_AT_A_TIME, contextlib.redirect_stdout(io.StringIO()) as out:
        status = module.main(tree)
    return status, out.getvalue()


def optional(tree, name):
    path = os.path.join(tree, name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def compile_tree(tree):
    """Builds every library source as CMake would name it; returns the build folder.

    What no plant touched is compiled once and copied afterwards."""
    for path, text in STUBS.items():
        write(tree, "build/stubs/" + path, text)
    command = [os.environ.get("CC", "cc"), "-std=c11", "-O2", "-fPIC", "-w", "-c",
               "-I", "src", "-I", "include", "-I", "build/stubs"]
    flags = (optional(tree, "flags") or "").split()
    for module in MODULES:
        if module == optional(tree, "skip"):
            continue
        path = f"src/{module}.c"
        target = os.path.join(tree, "build", "CMakeFiles", "chatmux.dir", path + ".o")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        key = (module, optional(tree, path), tuple(flags))
        if key not in COMPILED:
            status, text = run(command + flags + [path, "-o", target], cwd=tree)
            if status != 0:
                raise RuntimeError(f"{module} does not compile:\n{text}")
            with open(target, "rb") as file:
                COMPILED[key] = file.read()
        with open(target, "wb") as file:
            file.write(COMPILED[key])
    return os.path.join(tree, "build")


def check_objects(_, tree):
    return run([sys.executable, "-B", os.path.join(HERE, "check_symbols.py"), compile_tree(tree), "--root", tree])


def check_archive(_, tree):
    build = compile_tree(tree)
    objects = [os.path.join(folder, name) for folder, _, names in os.walk(build) for name in names
               if name.endswith(".c.o")]
    archive = os.path.join(build, "libchatmux.a")
    status, text = run([os.environ.get("AR", "ar"), "rcs", archive] + sorted(objects))
    if status != 0:
        raise RuntimeError(text)
    return run([sys.executable, "-B", os.path.join(HERE, "check_symbols.py"), archive, "--root", tree])


def in_copy(plant, check, script):
    """Breaks a copy of the good tree and returns what the check says about it."""
    with tempfile.TemporaryDirectory(prefix="cmx_planted_") as folder:
        tree = os.path.join(folder, "tree")
        shutil.copytree(GOOD_TREE, tree)
        shutil.copy(os.path.join(HERE, "..", ".clang-format"), tree)
        if plant is not None:
            plant(tree)
        return check(script, tree)


def judge(case):
    """None if the check behaved, else what is wrong with it."""
    script, check, name, plant, path, rule = case
    try:
        status, text = in_copy(plant, check, script)
    except (RuntimeError, OSError, AssertionError) as error:
        return f"{script}: {name}: {error}"
    if path is None:
        return None if status == 0 else f"{script}: {name}: should be green:\n{text}"
    found = any(line.startswith(path + ":") and line.split(": ")[1:2] == [rule] for line in text.split("\n"))
    if status == 1 and found and "Traceback" not in text:
        return None
    return f"{script}: {name}: exit {status}, expected '{path}: {rule}' and exit 1:\n{text}"


def empty(tree):
    shutil.rmtree(tree)
    os.mkdir(tree)


def all_cases():
    cases = []
    for script, check, plants in (("check_layers.py", run_inside, LAYERS), ("check_limits.py", run_inside, LIMITS),
                                  ("check_style.sh", run_check, FORMAT), ("checks/style.py", run_inside, STYLE),
                                  ("check_symbols.py", check_objects, SYMBOLS)):
        cases += [(script, check, *plant) for plant in plants]
        whole = run_check if check is run_inside else check
        cases.append((script, whole, "the good tree", None, None, None))
        if whole is run_check:
            cases.append((script, whole, "one plant, as a command", *plants[0][1:]))
            cases.append((script, whole, "an empty tree", empty, ".", "nothing-checked"))
    cases += [("check_limits.py", run_inside, "at the limit: " + name, plant, None, None)
              for name, plant in AT_THE_LIMIT]
    cases += [("check_symbols.py", check_objects, "built with " + flags, create("flags", flags), None, None)
              for flags in GREEN_FLAGS]
    cases.append(("check_symbols.py", check_archive, "the good tree as archive", None, None, None))
    name, plant, path, rule = SYMBOLS[0]
    cases.append(("check_symbols.py", check_archive, name + ", in an archive", plant, path, rule))
    return cases


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    if len(sys.argv) > 1 and not os.path.samefile(sys.argv[1], os.path.join(HERE, "..")):
        print(f"check_planted: {sys.argv[1]} is not the root these checks belong to", file=sys.stderr)
        return 2
    cases = [case for case in all_cases() if wanted in case[2]]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        problems = [problem for problem in pool.map(judge, cases) if problem]
    for problem in problems:
        print(problem)
    print(f"check_planted: {len(problems)} of {len(cases)} cases wrong")
    return 1 if problems or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
