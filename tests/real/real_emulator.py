#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The emulator's faults, seen from outside: by the trace of the program and by hand-made frames.

Every chat proves by the way that the server saw as many requests as the client says it sent, and
that a fault is counted under its name. What the client makes of a fault is not judged here beyond
what every policy must: a whole answer is DONE, half of one never is.
"""

import concurrent.futures
import json
import socket
import struct

import common
from common import OK, Relay, run

TOKENS = 20
WHOLE = "word " * TOKENS
HALF = "word " * (TOKENS // 2)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


class Chat:
    """One chat that met a fault, as told by both sides."""

    def __init__(self, case, fault, *flags, arguments=()):
        with Relay("--tokens", str(TOKENS), "--token-text", "word ", "--retry-after", "0",
                   *flags) as relay:
            result = run("chat", *relay.options(), "-m", fault, "--json", "--trace", "--max-time",
                         "5", *arguments, "hello")
            again = run("chat", *relay.options(), "-m", fault, "--max-time", "5", "hello") \
                if fault.endswith("-once") else None
            self.stats = relay.stop()
        events = [json.loads(line) for line in result.out.splitlines()]
        self.done = events[-1]
        self.verdict = self.done["verdict"]
        self.text = "".join(event.get("text", "") for event in events[:-1])
        self.trace = result.err
        name = fault.removesuffix("-once")
        case.assertGreaterEqual(self.stats.get(name, 0), 1, result)
        sent = self.done["attempts"] + self.done["replays"]
        if again is None:
            case.assertEqual(self.stats["chats"], sent, result)
        else:
            # The first suffered, whoever came after it did not.
            case.assertEqual((self.stats[name], self.stats["chats"]), (1, sent + 1), result)
            case.assertEqual((again.code, again.out), (OK, WHOLE + "\n"), again)


class Seen(common.Case):
    def test_statuses_carry_their_code(self):
        for fault, status, code in (("fault-429", 429, "Rate limit reached"),
                                    ("fault-503", 503, "currently overloaded"),
                                    ("fault-context", 400, "maximum context length"),
                                    ("fault-filter", 400, "content management")):
            with self.subTest(fault):
                chat = Chat(self, fault)
                self.assertEqual((chat.verdict, chat.done["http_status"]), ("ERROR_HTTP", status))
                self.assertIn(code, chat.done["message"])

    def test_once_is_once(self):
        for fault in ("fault-429-once", "fault-500-once", "fault-reset-head-once",
                      "fault-drop-head-once", "fault-refuse-once", "fault-truncate-once"):
            with self.subTest(fault):
                Chat(self, fault)

    def test_times_count_chats(self):
        with Relay("--tokens", "3", "--fault", "fault-filter", "--fault-times", "2") as relay:
            codes = [run("chat", *relay.options(), "hello").code for _ in range(4)]
            stats = relay.stop()
        self.assertEqual([code == OK for code in codes], [False, False, True, True])
        self.assertEqual((stats["chats"], stats["fault-filter"]), (4, 2))

    def test_half_an_answer_ends_as_told(self):
        for fault, verdict, trace in (
                ("fault-truncate", "TRUNCATED", r"recv DATA stream=1 flags=0x01"),
                ("fault-reset", "TRUNCATED", r"recv RST_STREAM .* INTERNAL_ERROR"),
                ("fault-reset-mid", "TRUNCATED", r"recv RST_STREAM .* INTERNAL_ERROR"),
                ("fault-reset-none", "TRUNCATED", r"recv RST_STREAM .* NO_ERROR"),
                ("fault-drop", "TRUNCATED", r"."),
                ("fault-close", "TRUNCATED", r"."),
                ("fault-inband", "ERROR_INBAND", r".")):
            with self.subTest(fault):
                chat = Chat(self, fault)
                self.assertEqual((chat.verdict, chat.text), (verdict, HALF), chat.trace)
                self.assertRegex(chat.trace, trace)

    def test_connections_end_in_their_two_ways(self):
        self.assertEqual(Chat(self, "fault-drop").done["error"], "CMX_ERR_RESET")
        self.assertEqual(Chat(self, "fault-close").done["error"], "CMX_ERR_CLOSED")

    def test_cut_comes_where_it_is_told(self):
        chat = Chat(self, "fault-truncate", "--fault-after", "3")
        self.assertEqual(chat.text, "word " * 3)

    def test_whole_answers_are_whole(self):
        for fault, verdict, trace in (
                ("fault-slow", "DONE", r"."),
                ("fault-nodone", "DONE_NO_SENTINEL", r"."),
                ("fault-trailers", "DONE", r"recv x-relay-trailer: done"),
                ("fault-goaway", "DONE", r"recv GOAWAY .*2147483647 NO_ERROR[^$]*recv GOAWAY"),
                ("fault-max-1", "DONE", r"recv SETTINGS .*MAX_CONCURRENT_STREAMS=1\n"),
                ("fault-refuse-once", "DONE", r"recv RST_STREAM .* REFUSED_STREAM"),
                ("fault-goaway-lower-once", "DONE", r"recv GOAWAY .*last_stream=0 NO_ERROR"),
                ("fault-goaway-repeat-once", "DONE", r"recv GOAWAY .*last_stream=1 NO_ERROR"),
                ("fault-goaway-calm-once", "DONE", r"recv GOAWAY .*=0 ENHANCE_YOUR_CALM"),
                ("fault-goaway-pings-once", "DONE", r"recv GOAWAY .*ENHANCE_YOUR_CALM")):
            with self.subTest(fault):
                chat = Chat(self, fault, "--first-token-ms", "300")
                self.assertEqual((chat.verdict, chat.text), (verdict, WHOLE), chat.trace)
                self.assertRegex(chat.trace, trace)
                if fault == "fault-slow":
                    # Both from the start of the chat: the head may be noticed late, too.
                    self.assertGreaterEqual(chat.done["first_token_ms"], 299)
                    self.assertLess(chat.done["head_ms"], chat.done["first_token_ms"])

    def test_streams_max_falls_to_zero_and_rises(self):
        chat = Chat(self, "fault-max-0", "--gap-ms", "60", "--restore-ms", "300")
        self.assertEqual((chat.verdict, chat.text), ("DONE", WHOLE), chat.trace)
        self.assertRegex(chat.trace,
                         r"MAX_CONCURRENT_STREAMS=0\n[^$]*MAX_CONCURRENT_STREAMS=1000\n")

    def test_malformed_is_the_tenth_event(self):
        chat = Chat(self, "fault-malformed")
        self.assertEqual((chat.verdict, chat.done["malformed"]), ("DONE", 1))
        self.assertEqual(chat.text, "word " * (TOKENS - 1))

    def test_empty_is_a_head_alone(self):
        chat = Chat(self, "fault-empty")
        self.assertEqual((chat.verdict, chat.text), ("EMPTY", ""))
        self.assertRegex(chat.trace, r"recv HEADERS stream=1 flags=0x05")

    def test_silence_and_comments_never_end_well(self):
        faults = ("fault-hang", "fault-mute", "fault-stall", "fault-ping", "fault-window")

        def play(fault):
            return Chat(self, fault, arguments=("--max-time", "3"))

        with concurrent.futures.ThreadPoolExecutor(len(faults)) as pool:
            chats = dict(zip(faults, pool.map(play, faults))) # they only wait
        for fault, chat in chats.items():
            with self.subTest(fault):
                self.assertEqual(chat.verdict, "TIMEOUT", chat.trace)
                half = fault in ("fault-stall", "fault-ping", "fault-window")
                self.assertEqual(chat.text, HALF if half else "")


def literal(name, value):
    """A header field as RFC 7541, 6.2.2 has it: nothing indexed, nothing compressed."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


class Session:
    """An HTTP/2 client as far as these tests need one."""

    def __init__(self, port):
        self.socket = socket.create_connection(("localhost", port), timeout=common.TIMEOUT_S)
        self.received = b""
        self.socket.sendall(PREFACE)
        self.send(SETTINGS, 0, 0, b"")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, kind, flags, stream, payload):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
                            struct.pack(">I", stream) + payload)

    def ask(self, stream, model):
        body = json.dumps({"model": model, "stream": True,
                           "messages": [{"role": "user", "content": "hello"}]}).encode()
        fields = ((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"localhost"),
                  (b":path", b"/v1/chat/completions"))
        self.send(HEADERS, END_HEADERS, stream, b"".join(literal(*field) for field in fields))
        self.send(DATA, END_STREAM, stream, body)

    def take(self):
        """The next frame: kind, flags, stream, payload. Settings are acknowledged by the way."""
        while True:
            size = 9 + int.from_bytes(self.received[:3], "big")
            if len(self.received) >= max(size, 9):
                break
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.received += more
        frame, self.received = self.received[:size], self.received[size:]
        kind, flags = frame[3], frame[4]
        if kind == SETTINGS and not flags & ACK:
            self.send(SETTINGS, ACK, 0, b"")
        return kind, flags, int.from_bytes(frame[5:9], "big"), frame[9:]

    def take_until(self, wanted):
        """All frames up to the first that is wanted."""
        frames = [self.take()]
        while not wanted(*frames[-1]):
            frames.append(self.take())
        return frames


def is_pong(kind, flags, *_):
    return kind == PING and flags & ACK != 0


class Frames(common.Case):
    def relay(self):
        return Relay("--tokens", str(TOKENS), "--token-text", "word ", plain=True)

    def test_honest_ping_is_acknowledged_with_its_bytes(self):
        with self.relay() as relay, Session(relay.port) as session:
            session.send(PING, 0, 0, b"12345678")
            self.assertEqual(session.take_until(is_pong)[-1][3], b"12345678")
            self.assertEqual(relay.stop()["pings"], 1)

    def test_fault_ping_leaves_pings_open_and_nothing_else(self):
        with self.relay() as relay, Session(relay.port) as session:
            session.ask(1, "fault-ping")
            session.take_until(lambda kind, flags, stream, _: kind == HEADERS)
            session.send(PING, 0, 0, b"12345678")
            session.ask(3, "gpt-4.1") # its end proves that the PING before it was read
            frames = session.take_until(
                lambda kind, flags, stream, _: stream == 3 and kind == DATA and flags & END_STREAM)
            self.assertFalse(any(is_pong(*frame) for frame in frames))
            self.assertFalse(any(frame[2] == 1 and frame[1] & END_STREAM for frame in frames))
            self.assertEqual(relay.stop()["pings"], 1)

    def test_flap_comes_and_goes(self):
        # 0x88 is ":status: 200" in a header block; any other status is spelled otherwise.
        found = []
        with Relay("--tokens", "3", "--flap-ms", "500", plain=True) as relay, \
                Session(relay.port) as session:
            for stream in range(1, 200000, 2):
                session.ask(stream, "fault-flap")
                head = session.take_until(lambda kind, *_: kind == HEADERS)[-1]
                session.take_until(lambda kind, flags, *_: kind == DATA and flags & END_STREAM)
                well = head[3].startswith(b"\x88")
                if found[-1:] != [well]:
                    found.append(well)
                if len(found) == 4:
                    break
        self.assertEqual(found, [False, True, False, True])

    def test_fault_mute_says_nothing_to_anybody(self):
        with self.relay() as relay, Session(relay.port) as session:
            session.send(PING, 0, 0, b"12345678")
            session.take_until(is_pong)
            session.ask(1, "fault-mute")
            session.ask(3, "gpt-4.1")
            session.send(PING, 0, 0, b"12345678")
            session.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                session.take_until(lambda kind, *_: kind != SETTINGS)

    def test_complaint_about_pings_says_so(self):
        with self.relay() as relay, Session(relay.port) as session:
            session.ask(1, "fault-goaway-pings")
            payload = session.take_until(lambda kind, *_: kind == GOAWAY)[-1][3]
            self.assertEqual(payload, struct.pack(">II", 0, 11) + b"too_many_pings")

    def test_repeated_goaways_fall_to_what_is_below_the_stream(self):
        with self.relay() as relay, Session(relay.port) as session:
            session.ask(1, "gpt-4.1")
            session.take_until(lambda kind, flags, *_: kind == DATA and flags & END_STREAM)
            session.ask(3, "fault-stall")
            session.ask(5, "fault-goaway-repeat")
            frames = []
            while len(frames) < 3:
                frames += [frame for frame in [session.take()] if frame[0] == GOAWAY]
            last_ids = [struct.unpack(">I", frame[3][:4])[0] for frame in frames]
            self.assertEqual(last_ids, [5, 3, 1])


if __name__ == "__main__":
    common.main()
