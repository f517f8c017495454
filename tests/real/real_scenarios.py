#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The scenario suite on the real stack: the 28 rows of "Verdicts" in src/DESIGN.md.

Each row is told by one story or several: a relay with a fault, tests/api/scenario.c with chats and
limits, and what must come of them: verdict, error, attempts and replays as the client says and as
the relay counted, RETRY events with their reason, one DONE each, tokens, and times. Times are a
tenth of those in sim/suite_*.c. Nothing comes earlier than its waits allow; later it may come, by
SLACK_MS, for machines are busy. In: the environment that ctest sets. Out: a table.
"""

import concurrent.futures
import json
import os
import sys

import common
from common import OK, Relay

PROGRAM = os.path.join(common.BUILD_DIR, "tests", "api", "scenario")
ROWS = 28
SLACK_MS = 4000
STORIES_AT_ONCE = 6 # they mostly wait

# A back-off is drawn from nothing to these; limits and clocks are a tenth of the usual ones.
BACK_OFF_MS = (50, 100)
CONFIG = ("retry_base_ms=50", "retry_max_ms=800")

REFUSED_STREAM, INTERNAL_ERROR = 7, 2


class End:
    """What must come of one chat."""

    def __init__(self, verdict="DONE", error="-", attempts=1, replays=0, reason=None, status=None,
                 h2_error=0, deltas=None, malformed=0, least_ms=0, most_ms=0):
        self.verdict = verdict
        self.error = error if isinstance(error, tuple) else (error,)
        self.attempts = attempts
        self.replays = replays
        self.reason = reason
        self.status = status
        self.h2_error = h2_error
        self.deltas = deltas
        self.malformed = malformed
        self.least_ms = least_ms
        self.most_ms = most_ms


class Story:
    """One telling of a row. `chats` are arguments of the program, each with its End; the rest of
    the arguments and the relay's flags are `config` and `relay`. `also` judges (case, story)."""

    def __init__(self, number, title, chats, relay=(), config=(), second=None, connections=None,
                 also=None):
        self.number = number
        self.title = title
        self.chats = chats
        self.relay = relay
        self.config = config
        self.second = second
        self.connections = connections
        self.also = also
        self.problems = []
        self.done = {}
        self.retries = {}
        self.others = []
        self.stats = {}

    def expect(self, what, got, wanted):
        if got != wanted:
            self.problems.append(f"{what}: {got}, expected {wanted}")

    def play(self):
        try:
            self.run()
        except Exception as problem: # a story that breaks off must not take the others along
            self.problems.append(repr(problem))

    def run(self):
        with Relay("--tokens", "60", *self.relay) as relay:
            names = [name for name, _ in self.chats]
            if self.second is None:
                result = self.call(relay, names)
            else:
                with Relay("--tokens", "60", *self.second) as other:
                    result = self.call(relay, [name.replace("SECOND", other.url) for name in names],
                                       other)
                    self.others.append(other.stop())
            self.stats = relay.stop()
        self.judge(result)

    def call(self, relay, names, other=None):
        # Two relays are two authorities: a bundle of both.
        bundle = os.path.join(relay.folder, "bundle.pem")
        with open(bundle, "wb") as out:
            for one in (relay, other):
                if one is not None:
                    with open(one.cacert, "rb") as file:
                        out.write(file.read())
        return common.run_program([PROGRAM, relay.url, bundle, *CONFIG, *self.config, *names])

    def judge(self, result):
        if result.code != OK:
            self.problems.append(repr(result))
            return
        for line in result.out.decode().splitlines():
            event = json.loads(line)
            if event["event"] == "done":
                self.done[event["chat"]] = event
            elif event["event"] == "retry":
                self.retries.setdefault(event["chat"], []).append(event)
        self.expect("DONE events", len(self.done), len(self.chats))
        for index, (_, end) in enumerate(self.chats):
            self.judge_chat(index, end)
        sent = sum(done["attempts"] + done["replays"] for done in self.done.values())
        seen = self.stats["chats"] + sum(stats["chats"] for stats in self.others)
        self.expect("chats at the server", seen, sent)
        self.expect("streams left open", self.stats["streams_open"], 0)
        if self.connections is not None:
            self.expect("connections", self.stats["connections"], self.connections)
        if self.also is not None:
            self.also(self)

    def judge_chat(self, index, end):
        done, retries = self.done[index], self.retries.get(index, [])
        if callable(end):
            end = end(done)
        name = f"chat {index}: "
        if done["error"] not in end.error:
            self.expect(name + "error", done["error"], end.error)
        for key in ("verdict", "attempts", "replays", "h2_error", "malformed"):
            self.expect(name + key, done[key], getattr(end, key))
        for key, wanted in (("http_status", end.status), ("deltas", end.deltas)):
            if wanted is not None:
                self.expect(name + key, done[key], wanted)
        self.expect(name + "RETRY events", len(retries), max(end.attempts + end.replays - 1, 0))
        self.expect(name + "reasons", {retry["reason"] for retry in retries} - {end.reason}, set())
        # Each wait that was announced was kept, and the answer took no less.
        least_ms = max([end.least_ms] +
                       [retry["at_ms"] + retry["wait_ms"] for retry in retries])
        if not least_ms - 1 <= done["at_ms"] <= end.most_ms + SLACK_MS:
            self.problems.append(f"{name}took {done['at_ms']} ms, expected {least_ms} to "
                                 f"{end.most_ms}")

    def line(self):
        done = [self.done[index] for index in sorted(self.done)]

        def words(key):
            return "/".join(dict.fromkeys(str(one[key]) for one in done)) or "none"

        def span(key):
            values = [one[key] for one in done] or [0]
            low, high = min(values), max(values)
            return f"{low}" if low == high else f"{low}-{high}"

        return (f"{self.number:2}  {self.title:44} {words('verdict'):18} {words('error'):17} "
                f"{span('attempts'):>8} {span('replays'):>8}  {span('at_ms')}"
                + ("  WRONG" if self.problems else ""))


def cut(error, **more):
    return End("TRUNCATED", error, status=200, **more)


def bad_request(number, title, fault):
    return Story(number, title, [(fault, End("ERROR_HTTP", "HTTP_STATUS", status=400))])


def flapped(done):
    """A chat that met both periods may end either way, after 1 to 3 attempts."""
    attempts = done["attempts"] if 1 <= done["attempts"] <= 3 else 1
    if done["verdict"] == "DONE":
        return End(attempts=attempts, reason="STATUS", most_ms=sum(BACK_OFF_MS))
    return End("ERROR_HTTP", "HTTP_STATUS", status=503, attempts=attempts, reason="STATUS",
               most_ms=sum(BACK_OFF_MS))


def both_came(story):
    verdicts = {done["verdict"] for done in story.done.values()}
    story.expect("verdicts", verdicts, {"DONE", "ERROR_HTTP"})


def waited(story):
    story.expect("a wait", story.retries[1][0]["wait_ms"] > 0, True)


def no_usage(story):
    story.expect("usage", story.done[0]["usage"], 0)


def one_at_a_time(story):
    story.expect("streams at once", story.stats["streams_peak"], 1)


LONG = ("--gap-ms", "20") # 60 tokens: 1.2 s
LONG_END = End(least_ms=900, most_ms=1500)
REPLAYED = End(replays=1, reason="REFUSED")
HEAD_LOST = End(attempts=2, reason="NETWORK", most_ms=BACK_OFF_MS[0])
ONE_CONNECTION = ("connections_max=1",)
PINGS = ("ping_after_ms=500", "ping_timeout_ms=700")


def room(end, at_ms=800):
    """Four chats that find no room, once the server has had time to say so."""
    return [(f"gpt-4.1/{at_ms + i}", end) for i in range(4)]


def stories():
    return [
        Story(1, "429 once, Retry-After 200 ms",
              [("fault-429-once", End(attempts=2, reason="RATE_LIMIT", least_ms=200, most_ms=220))],
              relay=("--retry-after-ms", "200")),
        Story(2, "429 always",
              [("fault-429", End("ERROR_HTTP", "HTTP_STATUS", status=429, attempts=3,
                                 reason="RATE_LIMIT", least_ms=400, most_ms=440))],
              relay=("--retry-after-ms", "200")),
        Story(3, "500 once", [("fault-500-once", End(attempts=2, reason="STATUS",
                                                     most_ms=BACK_OFF_MS[0]))]),
        Story(4, "503 always",
              [("fault-503", End("ERROR_HTTP", "HTTP_STATUS", status=503, attempts=3,
                                 reason="STATUS", most_ms=sum(BACK_OFF_MS)))],
              relay=("--retry-after", "0")),
        Story(5, "stream reset before the head, once", [("fault-reset-head-once", HEAD_LOST)],
              connections=1),
        Story(5, "connection reset before the head, once", [("fault-drop-head-once", HEAD_LOST)],
              connections=2),
        Story(6, "no response head",
              [("fault-hang", End("TIMEOUT", "TIMEOUT_HEAD", least_ms=1000, most_ms=1000))],
              config=("head_timeout_ms=1000",)),
        Story(7, "first token after 2 s",
              [("fault-slow", End(deltas=60, least_ms=2000, most_ms=2000))],
              relay=("--first-token-ms", "2000")),
        Story(8, "cut at token 40 of 60: END_STREAM",
              [("fault-truncate", cut("TRUNCATED", deltas=40))], relay=("--fault-after", "40")),
        Story(8, "cut at token 40 of 60: connection reset", [("fault-drop", cut("RESET"))],
              relay=("--fault-after", "40", "--gap-ms", "20")),
        Story(8, "cut at token 40 of 60: connection closed",
              [("fault-close", cut("CLOSED", deltas=40))], relay=("--fault-after", "40")),
        Story(9, "stall of 3 s",
              [("fault-stall", End("STALLED", "TIMEOUT_PROGRESS", deltas=5, least_ms=1000,
                                   most_ms=1000))],
              relay=("--fault-after", "5"), config=("progress_timeout_ms=1000",)),
        Story(10, "malformed tenth event",
              [("fault-malformed", End(deltas=59, malformed=1))]),
        Story(11, "no [DONE]", [("fault-nodone", End("DONE_NO_SENTINEL", deltas=60))]),
        bad_request(12, "context length exceeded (400)", "fault-context"),
        bad_request(13, "content filter (400)", "fault-filter"),
        Story(14, "first origin fails, fallback refuses",
              [("fault-503>fault-401@SECOND",
                End("ERROR_HTTP", "HTTP_STATUS", status=401, attempts=2, reason="STATUS"))],
              second=()),
        Story(15, "origin flaps for 6 s",
              [(f"fault-flap/{100 * i}", flapped) for i in range(60)],
              relay=("--flap-ms", "1000"), also=both_came),
        # Costs are later work: what they will be estimated from.
        Story(16, "fails after tokens: accounting",
              [("fault-reset", cut("STREAM_RESET", h2_error=INTERNAL_ERROR, deltas=10))],
              relay=("--fault-after", "10"), also=no_usage),
        Story(17, "REFUSED_STREAM once", [("fault-refuse-once", REPLAYED)], connections=1),
        Story(18, "GOAWAY(NO_ERROR), last id above ours",
              [("gpt-4.1", LONG_END), ("fault-goaway/300", LONG_END), ("gpt-4.1/600", LONG_END)],
              relay=LONG, connections=2),
        Story(19, "GOAWAY with lower last id",
              [("gpt-4.1", LONG_END), ("fault-goaway-lower-once/300", replayed_long())],
              relay=LONG, connections=2),
        Story(19, "GOAWAY with lower last id, repeated",
              [("gpt-4.1", LONG_END), ("fault-hang/300", replayed_long()),
               ("fault-goaway-repeat/400", replayed_long())],
              relay=(*LONG, "--fault-times", "2"), connections=2),
        Story(20, "GOAWAY(ENHANCE_YOUR_CALM), lower last id",
              [("gpt-4.1", LONG_END), ("fault-goaway-calm-once/300", replayed_long())],
              relay=LONG, connections=2, also=waited),
        Story(21, "MAX_CONCURRENT_STREAMS to 1", [("fault-max-1", End())] + room(
            End(least_ms=150, most_ms=6000)), relay=LONG, config=ONE_CONNECTION,
              connections=1, also=one_at_a_time),
        Story(21, "MAX_CONCURRENT_STREAMS to 0 and back", [("fault-max-0", End())] + room(
            End(least_ms=200, most_ms=1000)), relay=("--restore-ms", "1800"), config=ONE_CONNECTION,
              connections=1),
        Story(21, "MAX_CONCURRENT_STREAMS stays 0", [("fault-max-0", End())] + room(
            End("TIMEOUT", "TIMEOUT_QUEUE", attempts=0, least_ms=200, most_ms=200)),
              relay=("--restore-ms", "0"), config=(*ONE_CONNECTION, "queue_timeout_ms=200"),
              connections=1),
        Story(22, "window exhausted by one stream",
              [("gpt-4.1", End(least_ms=6000, most_ms=8000))] + [
                  (f"gpt-4.1/{500 * i}", End(most_ms=1000)) for i in range(2, 6)],
              relay=("--tokens", "1000", "--gap-ms", "0.5"),
              config=(*ONE_CONNECTION, "pause=6000"), connections=1, also=paused),
        Story(23, "PING unanswered, no token yet",
              # The first makes the connection: one that never said SETTINGS is another story.
              [("gpt-4.1", End()),
               ("fault-mute-once/then", End(attempts=2, reason="NETWORK", deltas=60, least_ms=1200,
                                            most_ms=1200 + BACK_OFF_MS[0]))],
              config=PINGS, connections=2),
        Story(23, "PING unanswered, after tokens",
              [("fault-ping", cut("TIMEOUT_PING", deltas=5, least_ms=1200, most_ms=1200))],
              relay=("--fault-after", "5"), config=PINGS, connections=1),
        Story(24, "RST_STREAM(INTERNAL_ERROR) between tokens",
              [("fault-reset", cut("STREAM_RESET", h2_error=INTERNAL_ERROR, deltas=30))]),
        Story(24, "RST_STREAM(INTERNAL_ERROR) within a token",
              [("fault-reset-mid", cut("STREAM_RESET", h2_error=INTERNAL_ERROR, deltas=30))]),
        Story(25, "RST_STREAM(NO_ERROR) before END_STREAM",
              [("fault-reset-none", cut("STREAM_RESET", deltas=30))]),
        Story(26, "END_STREAM without finish_reason",
              [("fault-truncate", cut("TRUNCATED", deltas=30))]),
        Story(27, "head-only 200", [("fault-empty", End("EMPTY", "EMPTY", status=200))]),
        Story(28, "trailers after the body", [("fault-trailers", End(deltas=60))]),
    ]


def replayed_long():
    return End(replays=1, reason="REFUSED", least_ms=900, most_ms=3500)


def paused(story):
    """The others ended while the first stood still."""
    ends = [story.done[index]["at_ms"] + 500 * (index + 1) for index in range(1, 5)]
    story.expect("others before the paused one", max(ends) < story.done[0]["at_ms"], True)


def main():
    for program in (PROGRAM, common.RELAY):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is missing: build it first")
    wanted = {int(argument) for argument in sys.argv[1:]}
    chosen = [story for story in stories() if not wanted or story.number in wanted]
    with concurrent.futures.ThreadPoolExecutor(STORIES_AT_ONCE) as pool:
        # The long ones first: they are what the rest waits for.
        list(pool.map(Story.play, sorted(chosen, key=lambda story: -len(story.chats))))
    print(f"{'#':>2}  {'scenario':44} {'verdict':18} {'error':17} {'attempts':>8} {'replays':>8}  "
          "elapsed ms")
    for story in chosen:
        print(story.line())
    for story in chosen:
        for problem in story.problems:
            print(f"WRONG {story.number} {story.title}: {problem}")
    numbers = {story.number for story in chosen}
    well = numbers - {story.number for story in chosen if story.problems}
    print(f"{len(well)} of {len(wanted) or ROWS} scenarios ({len(chosen)} stories)")
    return 0 if well == (wanted or set(range(1, ROWS + 1))) else 1


if __name__ == "__main__":
    sys.exit(main())
