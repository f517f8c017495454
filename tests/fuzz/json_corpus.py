#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chatmux's JSON validators against Python's json, text by text.

usage: json_corpus.py JSON_VERDICTS [--mutated N] [--seed S]

JSON_VERDICTS is the program of json_verdicts.c. Python is asked in this very run, with NaN and
Infinity refused and bytes read as they come (latin-1), so that both judge the same grammar; where
the two part on purpose, json_texts.py says so and that is demanded, too.
"""

import argparse
import collections
import json
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
import json_texts

DEPTH_MAX = 64
ACCEPTED_MIN, REJECTED_MIN = 150, 300


def refuse(word):
    raise ValueError(f"{word} is not JSON")


def python_accepts(text, encoding):
    try:
        # Numbers are not converted: Python limits their digits, JSON does not.
        json.loads(text.decode(encoding), parse_constant=refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def ask_chatmux(program, texts):
    stream = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    done = subprocess.run([program], input=stream, capture_output=True)
    verdicts = done.stdout.decode().split()
    if done.returncode != 0 or len(verdicts) != len(texts):
        sys.exit(f"json_corpus: {program} failed ({done.returncode}) after {len(verdicts)} of {len(texts)} texts: "
                 + done.stderr.decode(errors="replace"))
    return verdicts


def expected(text, differs):
    """What json_scan, answer_json and json_check must say."""
    accepts = python_accepts(text, "latin-1")
    is_object = text.lstrip(b" \t\r\n")[:1] == b"{"
    if differs == "utf8" and (not accepts or python_accepts(text, "utf-8")):
        sys.exit(f"json_corpus: {text!r} is not the case that json_texts.py calls utf8")
    if differs in ("depth", "depth-empty"):
        if not accepts:
            sys.exit(f"json_corpus: {text[:40]!r} is not the case that json_texts.py calls depth")
        return None
    return f"{int(accepts)}{int(accepts and is_object)}{int(accepts)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--mutated", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    entries = list(json_texts.all_texts(options.mutated, options.seed))
    verdicts = ask_chatmux(options.program, [text for _, text, _ in entries])
    wrong, accepted, differing, by_hand = 0, 0, 0, collections.Counter()
    for (group, text, differs), verdict in zip(entries, verdicts):
        want = expected(text, differs)
        differing += differs is not None
        accepted += verdict[0] == "1"
        if group != "mutated":
            by_hand[verdict[0]] += 1
        if want is None:
            want = judge_depth(text, differs)
        if verdict != want:
            wrong += 1
            if wrong <= 20:
                print(f"json_corpus: {group}: json_scan, answer_json, json_check say {verdict}, must be {want}: {text[:120]!r}")
    if by_hand["1"] < ACCEPTED_MIN or by_hand["0"] < REJECTED_MIN:
        sys.exit(f"json_corpus: the corpus is lopsided: {dict(by_hand)}")
    print(f"json: {len(entries)} texts ({by_hand['1']} to accept and {by_hand['0']} to reject, {len(entries) - sum(by_hand.values())} "
          f"mutated; {differing} differ on purpose), {accepted} accepted: {wrong} disagree")
    sys.exit(1 if wrong else 0)


def judge_depth(text, differs):
    """Deeper than the limit: refused. answer_json walks the outermost object itself, so it takes one level more;
    for json_scan an empty array needs no level."""
    level = text.count(b"[") + text.count(b"{")
    if differs == "depth-empty":
        return "100" if level == DEPTH_MAX + 1 else "000"
    return "010" if text[:1] == b"{" and level == DEPTH_MAX + 1 else "000"


if __name__ == "__main__":
    main()
