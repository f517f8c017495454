#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What chats cost, to the picodollar, against a table made by other means.

The relays write down each usage that they send and the length of each chat's body; api/money.c
prints each DONE event and the client's sums. From the relays' record, the bytes that were delivered
where no usage came, and the prices below this script computes every sum in Python's decimals.
usage: real_money.py [CHATS]   (default 10000; a third of it under sanitizers)
"""

import collections
import decimal
import json
import os
import sys

import common
from common import BUILD_DIR, OK, Relay

CHATS = 3200 if os.environ.get("CMX_SANITIZE") else 10000
PICO = 10 ** 12
# Picodollars of a token: input, cached input, output.
PRICES = {"gpt-4.1": (2000000, 500000, 8000000), "claude-sonnet-4.5": (3000000, 300000, 15000000),
          "gemini-2.5-flash": (300001, 30007, 2500003), "fault-truncate": (7, 5, 3),
          "fault-reset": (1000003, 11, 13), "fault-inband": (17, 19, 23), "fault-429-once": (1, 1, 1),
          "fault-500": (1, 1, 1), "fault-flap": (999999937, 99999989, 999999893),
          "fault-reset-head": (1, 1, 1), "fault-refuse-once": (29, 31, 37), "fault-empty": (1, 1, 1),
          "quiet": (41, 43, 47), "fault-stall": (53, 59, 61), "twice": (67, 71, 73)}
# Asked for twice or more: each attempt is told its usage and then an error, before any token.
TWICE_USAGE = {"prompt_tokens": 1000, "completion_tokens": 0,
               "prompt_tokens_details": {"cached_tokens": 400}}
TWICE = ('data: {"id":"x","choices":[],"usage":' + json.dumps(TWICE_USAGE) + '}\n\n'
         'data: {"error":{"message":"no","type":"server_error","code":null}}\n\n')


def quarter(count):
    return -(-count // 4)


def count_of(usage, *names):
    for name in names:
        if name in usage:
            return usage[name]
    return 0


def tokens_of(usage):
    """Prompt, cached, completion and reasoning, whatever they are called."""
    prompt = count_of(usage, "prompt_tokens", "input_tokens")
    completion = count_of(usage, "completion_tokens", "output_tokens")
    inputs = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    outputs = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    return (prompt, min(prompt, inputs.get("cached_tokens", 0)), completion,
            outputs.get("reasoning_tokens", 0))


def price_of(model, usage):
    """Picodollars of a usage, or None if nobody knows."""
    if "cost" in usage:
        exact = usage["cost"] * PICO
        return int(exact.to_integral_value(rounding=decimal.ROUND_HALF_UP))
    if model not in PRICES:
        return None
    prompt, cached, completion, _ = tokens_of(usage)
    price = PRICES[model]
    return (prompt - cached) * price[0] + cached * price[1] + completion * price[2]


def read_bills(path):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line, parse_float=decimal.Decimal) for line in file]
    # "1e-15" has no fraction, but is no whole number either.
    for line in lines:
        usage = line.get("usage") or {}
        if "cost" in usage:
            usage["cost"] = decimal.Decimal(usage["cost"])
    return lines


class Table:
    """Sums by (model, origin): what they must be."""

    def __init__(self):
        self.money = collections.defaultdict(collections.Counter)
        self.tokens = collections.defaultdict(collections.Counter)

    def add(self, model, origin, kind, amount):
        for key in ((model, origin), (model, "all"), ("sum", "all")):
            self.money[key][kind] += amount

    def add_usage(self, model, origin, usage):
        amount = price_of(model, usage)
        if amount is None:
            self.add(model, origin, "unpriced", 1)
        else:
            self.add(model, origin, "billed", amount)
        for name, count in zip(("prompt", "cached", "completion", "reasoning"), tokens_of(usage)):
            self.tokens[model][name] += count

    def add_estimate(self, model, origin, body, delivered):
        if model not in PRICES:
            self.add(model, origin, "unpriced", 1)
            return
        price = PRICES[model]
        self.add(model, origin, "estimated",
                 quarter(body) * price[0] + quarter(delivered) * price[2])

    def of(self, model, origin="all"):
        money = self.money[(model, origin)]
        return {"billed": money["billed"], "estimated": money["estimated"],
                "unpriced": money["unpriced"], "overflow": False}


class Money(common.Case):
    def play(self, relays, folder):
        program = os.path.join(BUILD_DIR, "tests", "api", "money")
        prices = [f"{model}={','.join(map(str, price))}" for model, price in PRICES.items()]
        result = common.run_program([program, str(CHATS), *(relay.url for relay in relays),
                                     os.path.join(folder, "metrics.prom"), *prices])
        self.assertEqual((result.code, result.err), (OK, b""))
        lines = [json.loads(line) for line in result.out.splitlines()]
        return lines[:-1], lines[-1]

    def expected(self, relays_bills, dones, attempts_at_third):
        table = Table()
        bodies = {}
        for origin, bills in enumerate(relays_bills):
            for line in bills:
                if "chat" in line:
                    bodies.setdefault(line["chat"], set()).add(line["body"])
                elif line["usage"] is not None:
                    table.add_usage(line["bill"], origin, line["usage"])
        for _ in range(attempts_at_third):
            table.add_usage("twice", 2, TWICE_USAGE)
        estimated = 0
        for done in dones:
            if not done["usage"] and done["deltas"] > 0:
                (body,) = bodies[done["model"]] # all of a model are alike
                table.add_estimate(done["model"], done["origin"], body, done["bytes"])
                estimated += 1
        return table, estimated

    def test_every_sum_is_that_of_the_table(self):
        flags = ["--tokens", "6", "--retry-after-ms", "1", "--flap-ms", "20"]
        with Relay(*flags, plain=True) as holder:
            folder = holder.folder
            paths = [os.path.join(folder, f"bills.{i}") for i in range(2)]
            twice = os.path.join(folder, "twice.sse")
            with open(twice, "w", encoding="ascii") as file:
                file.write(TWICE)
            with Relay(*flags, "--seed", "5", "--bills", paths[0], plain=True) as first, \
                    Relay(*flags, "--seed", "6", "--bills", paths[1], plain=True) as second, \
                    Relay("--body-file", twice, plain=True) as third:
                dones, sums = self.play((first, second, third), folder)
                attempts = third.stop()["chats"]
            bills = [read_bills(path) for path in paths]
            with open(os.path.join(folder, "metrics.prom"), encoding="utf-8") as file:
                metrics = file.read()
        table, estimated = self.expected(bills, dones, attempts)
        self.assertEqual(sums["done"], CHATS)
        self.assertEqual(sums["sum"], table.of("sum"))
        verdicts = collections.Counter(done["verdict"] for done in dones)
        for model in {done["model"] for done in dones}:
            self.assertEqual(sums[model]["all"], table.of(model), model)
            for origin in range(3):
                self.assertEqual(sums[model][str(origin)], table.of(model, origin), model)
            for name in ("prompt", "cached", "completion", "reasoning"):
                self.assertEqual(sums[model][name], table.tokens[model][name], (model, name))
        # What each chat was told adds up to the same: nothing is left out and nothing is twice.
        self.assertEqual(sum(done["amount"] for done in dones),
                         sums["sum"]["billed"] + sums["sum"]["estimated"])
        self.assertEqual(sum(done["kind"] == "estimated" for done in dones),
                         estimated - table.of("no-price")["unpriced"] +
                         sum(price_of("no-price", line["usage"]) is None for origin in bills
                             for line in origin if line.get("bill") == "no-price" and line["usage"]))
        self.assertGreater(attempts, 2 * sum(done["model"] == "twice" for done in dones))
        self.check_metrics(metrics, sums)
        retries = sum(row["retries"] for row in sums.values() if isinstance(row, dict)
                      and "retries" in row)
        spent = sums["sum"]
        print(f"money: {CHATS} chats, {dict(verdicts)}, {retries} retries, billed "
              f"{spent['billed']}, estimated {spent['estimated']} in {estimated} attempts, unpriced "
              f"{spent['unpriced']}: equal to the picodollar")

    def check_metrics(self, metrics, sums):
        """The exposition says the same amounts, exactly."""
        for kind in ("billed", "estimated"):
            head = f'ai_relay_spent_dollars_total{{kind="{kind}"}} '
            (line,) = [line for line in metrics.splitlines() if line.startswith(head)]
            self.assertEqual(decimal.Decimal(line[len(head):]) * PICO, sums["sum"][kind])


if __name__ == "__main__":
    decimal.getcontext().prec = 60
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        CHATS = int(sys.argv.pop(1))
    common.main()
