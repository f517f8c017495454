#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sizes a reader can hold: 600 lines a file, 70 a function, 5 parameters, 3 levels.

A function counts from the first line of its signature to its closing brace. Functions whose shape
a library dictates (its session comes first, an untyped pointer last) may have more parameters.
The levels count in src/, port/ and include/; the rest holds for the tests, too.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "checks"))
sys.dont_write_bytecode = True
import source

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5
LEVELS_MAX = 3

# Signatures that the design fixes; a name here is a decision, not a convenience.
PARAMETERS_BY_DESIGN = {"cmx_client_init": 6}

FOREIGN_FIRST = re.compile(r"(?:const\s+)?(?:struct\s+)?(?:nghttp2_session|WOLFSSL|SSL)\s*\*")


def is_foreign_callback(parameters):
    return (FOREIGN_FIRST.match(parameters[0]) is not None
            and re.match(r"void\s*\*", parameters[-1]) is not None)


def check_parameters(path, line, name, parameters, findings):
    most = PARAMETERS_BY_DESIGN.get(name, PARAMETERS_MAX)
    if len(parameters) > most and not is_foreign_callback(parameters):
        findings.add(path, line, "parameters",
                     f"{name} has {len(parameters)}; at most {most}: group what belongs together")


def is_control_brace(body, at):
    """True if the brace at `at` opens the block of an if, else, loop or switch."""
    before = body[max(0, at - 4000):at].rstrip()
    if re.search(r"\b(?:else|do)$", before):
        return True
    if not before.endswith(")"):
        return False
    depth = 0
    for position in range(len(before) - 1, -1, -1):
        depth += (before[position] == ")") - (before[position] == "(")
        if depth == 0:
            word = re.search(r"(\w+)\s*$", before[:position])
            return word is not None and word.group(1) not in ("return", "sizeof")
    return False


def check_levels(path, text, function, findings):
    stack, levels = [], 0
    for match in re.finditer(r"[{}]", text.body[function.open_brace + 1:function.end]):
        at = function.open_brace + 1 + match.start()
        if match.group() == "{":
            stack.append(is_control_brace(text.body, at))
            levels += stack[-1]
            if levels > LEVELS_MAX and stack[-1]:
                findings.add(path, text.line_of(at), "levels",
                             f"{function.name} nests {levels} deep; at most {LEVELS_MAX}: "
                             "return early or take a function out")
                return
        elif stack:
            levels -= stack.pop()


def check_file(root, path, findings):
    text = source.Source(root, path)
    line_count = len(text.text.splitlines())
    if line_count > FILE_LINES_MAX:
        findings.add(path, line_count, "file-lines",
                     f"{line_count} lines; at most {FILE_LINES_MAX}: split by reason to change")
    if not text.is_balanced:
        findings.add(path, 1, "braces", "braces do not balance, so nothing here can be measured")
    for function in text.functions:
        lines = function.last_line - function.first_line + 1
        if lines > FUNCTION_LINES_MAX:
            findings.add(path, function.first_line, "function-lines",
                         f"{function.name} has {lines} lines; at most {FUNCTION_LINES_MAX}: split it")
        if not path.startswith("tests/"):
            check_levels(path, text, function, findings)
    for item in text.functions + text.prototypes:
        check_parameters(path, item.first_line, item.name, item.parameters, findings)
    for offset, name, parameters in text.function_pointers:
        check_parameters(path, text.line_of(offset), name, parameters, findings)


def main(root):
    findings = source.Findings("check_limits")
    paths = source.c_files(root)
    for path in paths:
        check_file(root, path, findings)
    return findings.finish(len(paths))


if __name__ == "__main__":
    source.run_check(main)
