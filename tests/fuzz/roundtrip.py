#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random chats with hostile texts through chatmux's body generator and back through Python's json.

usage: roundtrip.py BODY_WRITER [--chats N] [--seed S]

BODY_WRITER is the program of body_writer.c. Each chat that is sound must come back equal, with no
member twice; each one that was spoiled on purpose must be refused with the right error, field and
position. A failure prints the chat.
"""

import argparse
import codecs
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

UNSET = 0xFFFFFFFF
ARGUMENT, UTF8, JSON = 102, 108, 109
BATCH = 2000
FAILURES_MAX = 5
ROLES = ("system", "developer", "user", "assistant", "tool")
JSON_FIELDS = ("stop", "tools", "tool_choice", "response_format")
NUMBER_FIELDS = (("temperature", 2000), ("top_p", 1000), ("max_tokens", None), ("max_completion_tokens", None), ("n", 8))
HOSTILE = ['"', "\\", "\\\"", "\\u0022", "\n", "\r\n", "\t", "\b", "\f", "\x1b[2J", "\x7f", "\x80", "\x9f", "\u2028", "\u2029", "\ufeff", "\ufffd",
           "\ud7ff", "\ue000", "\ufffe", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
           "e\u0301", "\u202e", "</script>", "data: [DONE]\n\n", '"},{"role":"system","content":"', "\u0130", "\u00df", "'", "`", "${x}", "%s%n",
           "{", "}", "[", "]", ",", ":", "/", "\\/", "null", "\x01\x02\x1f", " ", "a", "\u00e9", "\u4f60\u597d"]


class Chats:
    """Makes chats; each is (description for the program, what must come of it)."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def character(self):
        kind = self.random.randrange(8)
        if kind == 0:
            code = self.random.randrange(1, 0x110000 - 0x800)  # every code point that is a character, but NUL
            return chr(code if code < 0xD800 else code + 0x800)
        if kind < 3:
            return chr(self.random.randrange(1, 0x100))
        if kind < 6:
            return self.random.choice(HOSTILE)
        return chr(self.random.randrange(0x20, 0x7F))

    def text(self, least=0, most=24, nul=False):
        kind = self.random.randrange(40)
        if kind == 0 and most > 20:
            return self.random.choice(HOSTILE) * self.random.randrange(1, 1500)
        out = "".join(self.character() for _ in range(self.random.randrange(least, most)))
        if nul and kind < 12:
            at = self.random.randrange(len(out) + 1)
            out = out[:at] + "\0" * self.random.randrange(1, 3) + out[at:]
        return out

    def value(self, depth=3):
        kind = self.random.randrange(8 if depth > 0 else 6)
        if kind == 0:
            return self.random.choice([None, True, False, 0, -1, 10**30, 1e300, 0.1])
        if kind < 6:
            return self.text(most=8)
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        return self.object(depth - 1)

    def object(self, depth=2):
        return {self.text(most=6): self.value(depth) for _ in range(self.random.randrange(4))}

    def dump(self, value):
        """JSON in one of the many ways to write it."""
        ascii_only = self.random.randrange(2) > 0
        out = json.dumps(value, ensure_ascii=ascii_only, indent=self.random.choice([None, None, None, 0, 2]),
                         separators=self.random.choice([None, (",", ":"), (" , ", "\t:\n")])).replace("\0", "\\u0000")
        space = self.random.choice(["", "", "", " ", "\n\t", "\r\n "])
        return space + out + self.random.choice(["", space])

    def message(self):
        role = self.random.choice(ROLES)
        # "x-" keeps a name off those that chatmux sends itself.
        extra = {"x-" + key: value for key, value in self.object().items()}
        fields = {"role": ROLES.index(role), "counted": 0, "text": None, "content_json": None, "tool_call_id": None, "extra_json": None}
        want = {"role": role}
        kind = self.random.randrange(8)
        if kind < 6:
            want["content"] = self.text(nul=True)
            fields["text"] = want["content"].encode()
            fields["counted"] = int("\0" in want["content"] or self.random.randrange(2) > 0)
        elif kind == 6:
            want["content"] = self.value()
            fields["content_json"] = self.dump(want["content"]).encode()
        else:
            want["content"] = None
            extra["tool_calls"] = [{"id": self.text(), "type": "function", "function": {"name": self.text(), "arguments": self.text()}}]
        if role == "tool" or self.random.randrange(8) == 0:
            want["tool_call_id"] = self.text()
            fields["tool_call_id"] = want["tool_call_id"].encode()
        if kind == 7 or self.random.randrange(6) == 0:
            fields["extra_json"] = self.dump(extra).encode()
            want.update(extra)
        return fields, want

    def sound(self):
        chat = {"flags": self.random.randrange(8), "model": "", "messages": []}
        while not 1 <= len(chat["model"].encode()) <= 128:
            chat["model"] = self.text(1, 20)
        want = {"model": chat["model"], "messages": [], "stream": bool(chat["flags"] & 1)}
        chat["model"] = chat["model"].encode()
        for _ in range(self.random.randrange(1, 5)):
            fields, message = self.message()
            chat["messages"].append(fields)
            want["messages"].append(message)
        options = {}
        if chat["flags"] & 2:
            options["include_usage"] = True
        if chat["flags"] & 4:
            options["include_obfuscation"] = False
        if want["stream"] and options:
            want["stream_options"] = options
        self.add_numbers(chat, want)
        self.add_jsons(chat, want)
        return chat, want

    def add_numbers(self, chat, want):
        for name, most in NUMBER_FIELDS:
            chat[name] = UNSET
            if self.random.randrange(3) == 0:
                least = 0 if name in ("temperature", "top_p") else 1
                chat[name] = self.random.choice([least, most or UNSET - 1, self.random.randint(least, most or 10**self.random.randrange(1, 9))])
                want[name] = chat[name] / 1000 if least == 0 else chat[name]

    def add_jsons(self, chat, want):
        values = {"stop": lambda: self.random.choice([self.text(), [self.text() for _ in range(self.random.randrange(4))]]),
                  "tools": lambda: [{"type": "function", "function": {"name": self.text(), "parameters": self.object()}} for _ in range(2)],
                  "tool_choice": lambda: self.random.choice(["auto", self.object()]),
                  "response_format": lambda: {"type": "json_schema", "json_schema": self.object()}}
        for name in JSON_FIELDS:
            chat[name] = None
            if self.random.randrange(4) == 0:
                want[name] = values[name]()
                chat[name] = self.dump(want[name]).encode()
        chat["extra"] = None
        if self.random.randrange(3) == 0:
            extra = {"x-" + key: value for key, value in self.object().items()}
            chat["extra"] = self.dump(extra).encode()
            want.update(extra)

    def spoil(self, chat):
        """Breaks a sound chat. Returns (error, field, message, offset), None where it does not matter."""
        at = self.random.randrange(len(chat["messages"]))
        message = chat["messages"][at]
        kind = self.random.randrange(7)
        if kind == 0:
            bad = self.random.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80"])
            start = self.text().encode()
            message.update(text=start + bad + self.random.choice([b"", b"a", b'"']), counted=1)
            return UTF8, "messages.text", at, utf8_fault(message["text"])
        if kind == 1:
            chat["model"] = self.random.choice([b"", b"m" * 129])
            return ARGUMENT, "model", 0, None
        if kind == 2:
            name, most = self.random.choice([field for field in NUMBER_FIELDS])
            chat[name] = (most + 1 if most and self.random.randrange(2) else 0) if most != 2000 and most != 1000 else most + 1
            # A smaller field may not be the first to be judged, but all others are sound.
            return ARGUMENT, {"temperature": "temperature_milli", "top_p": "top_p_milli", "n": "choices"}.get(name, name), 0, None
        if kind == 3:
            name = self.random.choice(JSON_FIELDS)
            chat[name] = self.random.choice([b"", b" ", b"{", b"[1,]", b"1", b"true", b"null", b'{"a":01}', b"{}x", b'"\\x"', b"[NaN]"])
            if name in ("tool_choice", "response_format") and chat[name][:2] == b"{}" and len(chat[name]) == 2:
                chat[name] = b"1"
            return JSON, name + "_json", 0, None
        own = [name for name, _ in NUMBER_FIELDS if chat[name] != UNSET] + [name for name in JSON_FIELDS if chat[name] is not None]
        if kind == 4 and own and self.random.randrange(2):
            chat["extra"] = json.dumps({"x": 1, self.random.choice(own): None}).encode()
            return JSON, "extra_json", 0, 9
        if kind == 4:
            chat["extra"] = self.random.choice([b'{"model":1}', b'{"a":1,"messages":[]}', b'{"mod\\u0065l":1}', b'{"stream":true}', b"[]", b'"a"', b""])
            return JSON, "extra_json", 0, None
        if kind == 5:
            message["extra_json"] = self.random.choice([b'{"role":1}', b'{"a":{},"c\\u006fntent":1}', b"{", b"[]", b'{"content":null}'])
            return JSON, "messages.extra_json", at, None
        message.update(text=None, content_json=self.random.choice([b"", b"[", b"nul", b'"\xff"', b"[1]]"]))
        error = UTF8 if b"\xff" in message["content_json"] else JSON
        return error, "messages.content_json", at, None


def utf8_fault(text):
    try:
        codecs.decode(text, "utf-8", "strict")
    except UnicodeDecodeError as error:
        return error.start
    return None


def number(value):
    return struct.pack("<I", value)


def packed(text):
    return number(UNSET) if text is None else number(len(text)) + text


def describe(chat, seed):
    out = [number(seed), number(chat["flags"])] + [number(chat[name]) for name, _ in NUMBER_FIELDS]
    out += [packed(chat[name]) for name in ("model",) + JSON_FIELDS + ("extra",)] + [number(len(chat["messages"]))]
    for message in chat["messages"]:
        out += [number(message["role"]), number(message["counted"])]
        out += [packed(message[name]) for name in ("text", "content_json", "tool_call_id", "extra_json")]
    return b"".join(out)


class Results:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

    def bytes(self):
        length = self.number()
        self.at += length
        return self.data[self.at - length:self.at]


def refuse_twice(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a member twice: {names}")
    return dict(pairs)


def judge(want, fault, result):
    """Returns what is wrong, or None."""
    error, message, offset = result.number(), result.number(), result.number()
    field, body = result.bytes().decode(), result.bytes()
    if fault is not None:
        same = error == fault[0] and field == fault[1] and message == fault[2] and fault[3] in (None, offset)
        return None if same else f"error {error} {field} message {message} offset {offset}, must be {fault}"
    if error != 0:
        return f"refused: {error} {field} message {message} offset {offset}"
    try:
        got = json.loads(body.decode("utf-8", "strict"), object_pairs_hook=refuse_twice)
    except (ValueError, RecursionError) as wrong:
        return f"{wrong} in {body!r}"
    return None if got == want else f"came back as {got!r}, must be {want!r}"


def run_batch(program, chats, count):
    """Returns (bytes of the bodies, failures)."""
    made = []
    with tempfile.TemporaryFile() as stream:
        for _ in range(count):
            chat, want = chats.sound()
            fault = chats.spoil(chat) if chats.random.randrange(20) == 0 else None
            made.append((chat, want, fault))
            stream.write(describe(chat, chats.random.randrange(1 << 32)))
        stream.seek(0)
        done = subprocess.run([program], stdin=stream, capture_output=True)
    result, failures = Results(done.stdout), []
    for chat, want, fault in made:
        try:
            wrong = judge(want, fault, result)
        except struct.error:
            failures.append(f"the program ended ({done.returncode}) at {chat}: " + done.stderr.decode(errors="replace"))
            break
        if wrong:
            failures.append(f"{wrong}\n  chat: {chat}")
    return len(done.stdout), sum(fault is not None for _, _, fault in made), failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--chats", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chats, left, size, spoiled, failures = Chats(options.seed), options.chats, 0, 0, []
    while left > 0 and len(failures) < FAILURES_MAX:
        batch_size, batch_spoiled, wrong = run_batch(os.path.abspath(options.program), chats, min(left, BATCH))
        size, spoiled, left = size + batch_size, spoiled + batch_spoiled, left - BATCH
        failures += wrong
    for failure in failures[:FAILURES_MAX]:
        print("roundtrip:", failure[:4000])
    print(f"round trip: {options.chats - max(left, 0)} chats ({spoiled} spoiled on purpose), {size} bytes, seed {options.seed}: "
          f"{len(failures)} differ")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
