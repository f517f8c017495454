#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wire cases over the real stack: the bytes of vectors/wire, sent by the relay in DATA frames of
several sizes over TLS, through `chatmux chat --json`. What comes out must be what the vector says,
as it is in the unit test of the decoder (unit/test_wire_cases.c)."""

import collections
import json
import os

import common
import helper_wire
from common import Relay, run

FOLDER = os.path.join(common.SOURCE_DIR, "tests", "vectors", "wire")

# Those whose meaning hangs on frames, heads or ends, and one of each kind of payload.
NUMBERS = (17, 24, 27, 28, 29, 31, 32, 34, 36, 41, 42, 44, 45, 46, 49, 54, 55, 56, 57, 58, 59, 61, 62,
           63, 64)

# Bytes of a DATA frame: many events in one; pieces of lines and characters. 7 is prime to all.
SPLITS = (0, 7)

# A body of more than so many bytes is not sent in tiny frames.
TINY_BYTES_MAX = 4096

# Facts that the program does not print, or that its relay's head decides.
UNSEEN = ("code", "id")


def note_deltas(facts, events):
    """The texts of the DELTA events, per choice, channel and tool; ids and names come once."""
    for event in events:
        key = f"{event['choice']} {event['channel']}"
        if event["channel"] == "tool_call":
            key = f"{event['choice']} tool {event['tool']}"
            for name in ("id", "name"):
                if event[name]:
                    assert f"{key} {name}" not in facts, f"{key} {name} was told twice"
                    facts[f"{key} {name}"] = event[name]
        facts[key] += event["text"]


def note_done(facts, done):
    facts["verdict"] = done["verdict"]
    facts["error"] = done["error"]
    facts["finish"] = done["finish_reason"]
    facts["message"] = done["message"]
    facts["model"] = done["model"]
    if "usage" in done:
        facts["usage"] = " ".join(str(done["usage"][name]) for name in (
            "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens",
            "reasoning_tokens"))
    for name in ("malformed", "skipped", "replaced"):
        facts[name] = str(done[name] or "")


def facts_of(out):
    events = [json.loads(line) for line in out.splitlines()]
    assert events and events[-1]["event"] == "done", out
    facts = collections.defaultdict(str)
    note_deltas(facts, events[:-1])
    note_done(facts, events[-1])
    return facts


def wanted_of(variant):
    wanted = {key: value.decode() for key, value in variant.facts.items() if key not in UNSEEN}
    wanted.setdefault("error", "CMX_OK")
    if variant.cut and wanted["error"] == "CMX_ERR_TRUNCATED":
        wanted["error"] = "CMX_ERR_STREAM_RESET"  # the stack knows how it was cut
    return wanted


class Wire(common.Case):
    cases = helper_wire.load(FOLDER)
    relays = {}

    @classmethod
    def tearDownClass(cls):
        for relay in cls.relays.values():
            relay.__exit__()
        cls.relays.clear()

    def relay_for(self, *flags):
        """A relay that answers with the bytes of a file; status, type and end are its flags."""
        if flags not in self.relays:
            relay = Relay(*flags)
            relay.flags += ["--body-file", os.path.join(relay.folder, "body")]
            self.relays[flags] = relay.__enter__()
        return self.relays[flags]

    def ask(self, variant, split, content_type=None):
        flags = ["--body-status", str(variant.status), "--body-split", str(split),
                 "--body-type", content_type or variant.settings["type"]]
        relay = self.relay_for(*flags, *(["--body-cut"] if variant.cut else []))
        with open(relay.flags[-1], "wb") as file:
            file.write(variant.body)
        # Once: what statuses and errors are worth another attempt is judged elsewhere.
        return run("chat", *relay.options(), "--retry", "0", "--json", "hi")

    def check(self, variant, result):
        facts = facts_of(result.out)
        wanted = wanted_of(variant)
        if "model" not in wanted:
            facts.pop("model")
        self.assertEqual({key: text for key, text in facts.items() if text},
                         {key: text for key, text in wanted.items() if text})
        complete = wanted["verdict"] in ("DONE", "DONE_NO_SENTINEL")
        self.assertEqual(result.code == common.OK, complete, result)

    def check_case(self, number):
        ran = 0
        for variant in self.cases[number].variants:
            for split in SPLITS:
                if variant.limits or (split > 0 and len(variant.body) > TINY_BYTES_MAX):
                    continue
                with self.subTest(variant=variant.title, split=split):
                    self.check(variant, self.ask(variant, split))
                ran += 1
        self.assertGreater(ran, 0)

    def test_media_type_is_read_without_its_parameters_and_case(self):
        # web-platform-tests: format-utf-8 (another charset is ignored), format-mime-trailing-semicolon
        variant = self.cases[62].variants[0]
        for content_type in ("text/event-stream;", "text/event-stream;charset=windows-1252",
                             "Text/Event-Stream ; x=y"):
            with self.subTest(content_type):
                self.check(variant, self.ask(variant, 0, content_type))

    def test_wrong_media_type_is_looked_into(self):
        # format-mime-bogus and -valid-bogus, where the standard refuses: chatmux reads what is there
        variant = self.cases[62].variants[0]
        for content_type in ("x bogus", "text/x-bogus"):
            with self.subTest(content_type):
                self.check(variant, self.ask(variant, 0, content_type))


def add_tests():
    """A test for each case, so that each has its name in the report."""
    for number in NUMBERS:
        def test(self, number=number):
            self.check_case(number)
        setattr(Wire, f"test_case_{number:02d}", test)


add_tests()

if __name__ == "__main__":
    common.main()
