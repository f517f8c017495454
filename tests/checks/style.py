#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of the house style that text alone can prove; tests/check_style.sh runs them.

Each rule is one function that takes a C file. What the compiler proves (a switch that forgets a
state, an unused result) is left to the compiler.
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import source

SPDX = "/* SPDX-License-Identifier: MIT */"
COLUMNS_MAX = 100

# Spelled in pieces, so that this file passes its own rule.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X{3})\b")
MACHINE_PATH = re.compile(r"(?:^|[\s\"'=(\[:`<>,])/(?:work|root|home)(?=/|\b)")

LIBC_CALL = re.compile(
    r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|alloca|free|strdup|strndup"
    r"|getenv|secure_getenv|setenv|time|clock|clock_gettime|gettimeofday|localtime|gmtime|mktime|strftime"
    r"|nanosleep|usleep|sleep|v?f?printf|v?sn?printf|v?dprintf|perror|puts|fputs|putchar|fwrite|fopen"
    r"|sscanf|rand|srand|random|getrandom|exit|abort|getaddrinfo|gethostbyname|socket)\s*\(")
NUMBER_TYPE = r"(?:u?int(?:8|16|32|64|ptr|max)?(?:_t)?|unsigned|long|short|size_t|ssize_t|double|float)"
# "timeouts" counts them, and a count has no unit.
UNITLESS = re.compile(r"\b" + NUMBER_TYPE
                      + r"\s+\**(?!\w*(?:timeouts|delays|intervals)\b)(\w*(?:timeout|delay|interval)\w*)\b(?!\s*\()")
UNITLESS_MACRO = re.compile(r"#\s*define\s+(\w*(?:TIMEOUT|DELAY|INTERVAL)\w*)\s+\(*(?:UINT\d+_C\()?\d")
HAS_UNIT = re.compile(r"(?:^|_)(?:ns|us|ms|s)(?:_|$)", re.I)


def ours(path):
    return path.startswith(("src/", "port/", "include/"))


def core(path):
    """src/ without the command line, which is a program like any other."""
    return path.startswith("src/") and not path.startswith("src/cli/")


def matches(pattern, text, haystack):
    for match in pattern.finditer(haystack):
        yield text.line_of(match.start()), match


def check_spdx(path, text, add):
    if text.lines[0] != SPDX:
        add(1, "spdx", f"the first line is {SPDX}")


def check_comments(path, text, add):
    for line in text.line_comments:
        add(line, "line-comment", "write /* */")


def check_columns(path, text, add):
    if ours(path):
        for number, line in enumerate(text.lines, 1):
            if len(line) > COLUMNS_MAX:
                add(number, "columns", f"{len(line)} columns; at most {COLUMNS_MAX}")


def check_type_names(path, text, add):
    for item in text.items:
        declaration = text.body[item.start:item.end]
        if not declaration.startswith("typedef"):
            continue
        flat = re.sub(r"\{.*\}", " ", declaration, flags=re.S)
        name = re.search(r"\(\s*\*\s*(\w+)\s*\)|(\w+)\s*(?:\[[^\]]*\]\s*)*$|(\w+)\s*\(", flat)
        name = name and next(filter(None, name.groups()), None)
        if name and name.endswith("_t"):
            add(item.first_line, "type-name", f"{name}: POSIX reserves _t; drop it")
    pattern = re.compile(r"\b(?:struct|union|enum)\s+(\w+_t)\s*\{|\b(cmx_\w*_t)\b")
    for line, match in matches(pattern, text, text.body):
        add(line, "type-name", f"{match.group(1) or match.group(2)}: POSIX reserves _t; drop it")


def check_conditionals(path, text, add):
    """Outside base/base.h and wire/tls_build.h, the gate that judges how the TLS library was built,
    src/ has header guards and #error blocks, and no other #if."""
    if not path.startswith("src/") or path in ("src/base/base.h", "src/wire/tls_build.h"):
        return
    directives = text.directives[2:-1] if has_guard(text) else text.directives
    opened, contents = [], []
    for line, directive in directives:
        word = directive_word(directive)
        if word in ("if", "ifdef", "ifndef"):
            if not opened:
                contents = []
            opened.append(line)
        elif word == "endif" and opened:
            first = opened.pop()
            code = "".join(text.body.split("\n")[first - 1:line])
            if not opened and (code.strip() or contents.count("error") == 0
                               or set(contents) - {"error", "elif", "else"}):
                add(first, "conditional", "no #if in src/; a variant is a file that CMake chooses")
        elif opened:
            contents.append(word)


def directive_word(directive):
    word = re.match(r"#\s*(\w+)", directive)
    return word.group(1) if word else ""


def has_guard(text):
    if len(text.directives) < 3:
        return False
    first, second, last = (text.directives[i][1] for i in (0, 1, -1))
    guard = re.fullmatch(r"#\s*ifndef\s+(\w+)", first)
    return (guard is not None and directive_word(last) == "endif"
            and re.fullmatch(r"#\s*define\s+" + guard.group(1), second) is not None)


def check_guard(path, text, add):
    if ours(path) and path.endswith(".h") and not has_guard(text):
        add(1, "guard", "a header is wrapped in #ifndef X, #define X ... #endif")


def check_struct_members(path, text, add):
    """A public struct has one layout, whatever is defined where it is included."""
    if not path.startswith("include/"):
        return
    regions = [(text.line_of(i.open_brace), i.last_line) for i in text.items if i.open_brace is not None]
    for line, directive in text.directives:
        if directive_word(directive) in ("if", "ifdef", "ifndef", "elif", "else"):
            if any(first < line < last for first, last in regions):
                add(line, "member-conditional", "no #if inside a public struct, enum or function")


def check_macros(path, text, add):
    if not ours(path):
        return
    guard_line = text.directives[1][0] if has_guard(text) else None
    for line, directive in text.directives:
        define = re.match(r"#\s*define\s+(\w+)(.*)", directive, re.S)
        if define is None:
            continue
        jump = re.search(r"\b(goto|return)\b", define.group(2))
        if jump:
            add(line, "macro-jump", f"{define.group(1)} hides a {jump.group(1)}; write it where it happens")
        is_private = path.endswith(".c") or path.startswith("port/") or line == guard_line
        if not is_private and not define.group(1).startswith("CMX_"):
            add(line, "macro-name", f"{define.group(1)}: a macro in a header begins with CMX_")


def check_units(path, text, add):
    if not ours(path):
        return
    for line, match in matches(UNITLESS, text, text.body):
        if not HAS_UNIT.search(match.group(1)):
            add(line, "unit", f"{match.group(1)}: say the unit, as in {match.group(1)}_ms")
    for line, directive in text.directives:
        match = UNITLESS_MACRO.match(directive)
        if match and not HAS_UNIT.search(match.group(1)):
            add(line, "unit", f"{match.group(1)}: say the unit, as in {match.group(1)}_MS")


def check_function_names(path, text, add):
    if not ours(path):
        return
    for item in text.functions + text.prototypes:
        words = item.name.split("_")
        words = words[1:] if words[0] == "cmx" else words
        banned = {"create", "destroy"} & set(words) or {"new", "free"} & {words[0], words[-1]}
        if len(words) > 1 and words[-2] in ("largest", "next", "is", "total"):
            banned = set()  # here "free" describes memory, it does not give it back
        if banned:
            add(item.first_line, "lifetime-name",
                f"{item.name}: say init/deinit, open/close, arm/cancel or take, not {banned.pop()}")


def check_libc_calls(path, text, add):
    if core(path):
        for line, match in matches(LIBC_CALL, text, text.body):
            add(line, "libc-call", f"{match.group(1)}(): src/ asks the port or the caller's block instead")


def check_clock(path, text, add):
    if core(path) and not path.startswith("src/client/"):
        for line, match in matches(re.compile(r"(?:->|\.)\s*now_ms\s*\("), text, text.body):
            add(line, "clock", "only src/client/ reads the clock; take now_ms as a parameter")


def check_must_check(path, text, add):
    if not (path.startswith(("src/", "include/")) and path.endswith(".h")):
        return
    for item in text.functions + text.prototypes:
        type_words = [w for w in item.words if w not in ("static", "inline", "extern")
                      and not w.startswith("CMX_")]
        if type_words == ["int"] and item.name.startswith("cmx_") and not item.has_must_check:
            add(item.first_line, "must-check", f"{item.name} returns a status: put CMX_MUST_CHECK before it")


def check_docs(path, text, add):
    """Every public function, and every function of the port, has its own comment."""
    if not path.startswith("include/"):
        return
    plain = text.without_comments.split("\n")
    for item in text.functions + text.prototypes:
        if not is_documented(text.lines, plain, item.first_line):
            add(item.first_line, "doc-comment", f"{item.name}: say what changes, who owns what, what it returns")
    for offset, name, _ in text.function_pointers:
        line = text.line_of(offset)
        start = text.line_of(text.body.rfind(";", 0, offset) + 1)
        start = next((n for n in range(start, line + 1) if plain[n - 1].strip(" \t;{}")), line)
        own_line = text.lines[line - 1] != plain[line - 1]
        if not own_line and not is_documented(text.lines, plain, min(start, line)) \
                and not is_documented(text.lines, plain, line):
            add(line, "doc-comment", f"{name}: state the contract: blocking, return values, thread")


def is_documented(lines, plain, line):
    """True if the line above is the end of a comment and nothing else."""
    return line >= 2 and lines[line - 2].rstrip().endswith("*/") and not plain[line - 2].strip()


def check_braces(path, text, add):
    """Every body of if, else, for, while and do is a block."""
    for line, match in matches(re.compile(r"\b(if|for|while|else|do)\b"), text, text.body):
        after = match.end()
        if match.group(1) in ("if", "for", "while"):
            after = closing_parenthesis(text.body, after)
            if after is None:
                continue
        rest = text.body[after:after + 200].lstrip()
        if rest.startswith("{") or (match.group(1) == "else" and re.match(r"if\b", rest)):
            continue
        if match.group(1) == "while" and rest.startswith(";") \
                and text.body[:match.start()].rstrip().endswith("}"):
            continue
        add(line, "braces", f"put the body of this {match.group(1)} in braces")


def closing_parenthesis(body, start):
    match = re.compile(r"\s*\(").match(body, start)
    if match is None:
        return None
    depth, position = 1, match.end()
    for found in re.compile(r"[()]").finditer(body, position):
        depth += 1 if found.group() == "(" else -1
        if depth == 0:
            return found.end()
    return None


C_RULES = [check_spdx, check_comments, check_columns, check_type_names, check_conditionals, check_guard,
           check_struct_members, check_macros, check_units, check_function_names, check_libc_calls,
           check_clock, check_must_check, check_docs, check_braces]

# Bytes that are data, not prose or code of ours.
DATA_FOLDERS = ("tests/vectors/", "tests/fuzz/corpus/")
CODE_ENDINGS = (".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt")


def check_text(root, path, add):
    """What holds for every text file of the project."""
    with open(os.path.join(root, path), "rb") as file:
        raw = file.read()
    if not raw or b"\0" in raw or path.endswith((".patch", ".diff")):
        return
    if not raw.endswith(b"\n"):
        add(raw.count(b"\n") + 1, "final-newline", "end the file with a newline")
    elif raw.endswith(b"\n\n"):
        add(raw.count(b"\n"), "final-newline", "end the file with one newline")
    for number, line in enumerate(raw.decode("utf-8", "replace").split("\n"), 1):
        if line.endswith("\r"):
            add(number, "line-end", "use LF")
        elif line != line.rstrip() and not path.endswith(".md"):
            add(number, "trailing-space", "delete it")
        if "\t" in line and path.endswith(CODE_ENDINGS):
            add(number, "tab", "indent with spaces")
        if UNFINISHED.search(line):
            add(number, "unfinished", "finish it, or open an issue and say so in plain words")
        if MACHINE_PATH.search(line):
            add(number, "machine-path", "no absolute path of one machine; write it relative to the root")


def main(root):
    findings = source.Findings("check_style")
    paths = [path for path in source.all_files(root) if not path.startswith(DATA_FOLDERS)]
    c_paths = set(source.c_files(root))
    for path in paths:
        def add(line, rule, remedy, path=path):
            findings.add(path, line, rule, remedy)
        check_text(root, path, add)
        if path in c_paths:
            text = source.Source(root, path)
            for rule in C_RULES:
                rule(path, text, add)
    return findings.finish(len(paths) if c_paths else 0)


if __name__ == "__main__":
    source.run_check(main)
