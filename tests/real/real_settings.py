#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The configuration file, targets, prices, figures, models and limits, against real relays."""

import collections
import decimal
import json
import os
import pty
import re
import select
import subprocess
import tempfile
import threading
import time

import common
from common import CLI, FAILED, OK, SERVER, USAGE, Relay, environment, run

SECRET = "sk-of-the-file-51c09e"
# The relay's own counts, without --bills.
PROMPT_TOKENS = 9
PRICES = "[gpt-4.1]\ninput = 2.50\ncached-input = 1.25\noutput = 10\n"


class Case(common.Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="chatmux-settings.")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, text, name="chatmux.ini", mode=0o600):
        path = self.path(name)
        data = text if isinstance(text, bytes) else text.encode()
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def chat(self, config, *arguments, **keywords):
        return run("chat", "--config", self.write(config), *arguments, "hello", **keywords)


class Mistakes(Case):
    """Each is told with file, line and field, before anything is sent."""

    def refused(self, text, *texts, command=("chat", "hello"), name="chatmux.ini", mode=0o600):
        with self.subTest(text[:60]):
            path = self.write(text, name, mode)
            result = run(*command, "--config", path)
            self.expect(result, USAGE, *texts)
            self.assertNotIn(SECRET, result.err)
            return result

    def test_options(self):
        for text, *texts in (
                ("max-tokens = 0", "chatmux.ini, line 1, max-tokens: a whole number from 1"),
                ("\n\nmax-time = soon", "chatmux.ini, line 3, max-time: a number from 0.1"),
                ("[chat]\ntier = best", "line 2, tier: low, medium or high is needed"),
                ("[chat]\nrequests = 5", "line 2, requests: there is no such option"),
                ("colour = red", "line 1, colour: there is no such option"),
                ("config = other.ini", "line 1, config: there is no such option"),
                ("help", "line 1, help: there is no such option"),
                ("url", "line 1, url: the value is missing"),
                ("url =", "line 1, url: the value is missing"),
                ("no-key = false", "line 1, no-key: true is the only value"),
                ("no-key =", "line 1, no-key: true is the only value"),
                ("header = no colon", "line 1, header: 'Name: value' is needed"),
                ("stop = x\n" * 17, "line 17, stop: that is one too many"),
                ("header = x-a: b\n" * 9, "line 9, header: at most 8"),
                ("= 5", "line 1: a name is missing in front of '='"),
                ("[chta]\n", "line 1: there is no such section"),
                ("[chat", "line 1: the section's ']' is missing"),
                ("[]", "line 1: the section has no name"),
                ("\x1b[31m = 1", "line 1: there is no such option")):
            result = self.refused(text, *texts)
            if result is not None:
                self.assertNotIn("\x1b", result.err)

    def test_sections(self):
        relay = "[relay west]\nurl = https://localhost/v1\nno-key\n"
        target = "[target]\nmodel = m\n"
        for text, *texts in (
                ("[relay]\n", "line 1: the relay needs a name"),
                ("[relay west]\nkey-file = x\n", "line 1: the relay needs an url"),
                (relay + relay, "line 4: a relay of this name is in the file already"),
                (relay + "colour = red", "line 4, colour: a relay has no such thing"),
                (target + "relay = east\n", "line 1: the target's relay is not in the file"),
                (relay + "[target]\nrelay = west\n", "line 4: the target needs a model"),
                (target + "weight = 0", "line 3, weight: a number from 0.001 to 1000"),
                (target + "weight = -1", "line 3, weight: a number from 0.001 to 1000"),
                (target + "weight = 1000.1", "line 3, weight: a number from 0.001 to 1000"),
                (target + "rank = 8", "line 3, rank: a whole number from 0 to 7"),
                (target + "tier = low; high", "line 3, tier: low, medium, high"),
                # http: a machine without CA certificates must come so far, too.
                ("url = http://localhost:1/v1\n" + target + target,
                 "line 4: this model is a target at this relay already"),
                (target * 65, "line 129: too many targets: 64 at most"),
                ("[price]\n", "line 1: the section must name the model"),
                ("[price m]\ninput = 1\n", "line 1: the price needs both input and output"),
                ("[price m]\ninput = -1\n", "line 2, input: dollars per million tokens"),
                ("[price m]\noutput = 1000001\n", "line 2, output: dollars per million tokens"),
                ("[price m]\noutput = 0.0000001\n", "line 2, output: dollars per million tokens"),
                ("[price m]\ninput=1\noutput=1\n" * 2, "line 4: this model has a price already")):
            self.refused(text, *texts)

    def test_files(self):
        self.expect(run("chat", "--config", self.path("missing"), "hello"), USAGE,
                    "--config " + self.path("missing") + ": No such file or directory")
        self.expect(run("chat", "--config", self.folder.name, "hello"), USAGE, "Is a directory")
        self.refused(b"url = x\0y\n", "a NUL byte is in it")
        self.refused("#" * 65537, "longer than 65536 bytes")
        self.expect(run("chat", "hello", "--config"), USAGE, "requires an argument")

    def test_a_key_that_others_can_read_is_refused_with_the_remedy(self):
        text = f"url = https://localhost/v1\nkey = {SECRET}\n"
        relay = f"[relay west]\nurl = https://localhost/v1\nkey = {SECRET}\n"
        for mode in (0o644, 0o640, 0o604, 0o660):
            self.refused(text, "line 2, key: others can read this file: chmod 600, or use key-file",
                         mode=mode)
            self.refused(relay, "line 3, key: others can read this file", mode=mode)
        self.refused(f"[bench]\nkey = {SECRET}\n", "line 2, key: others can read", mode=0o644)
        self.expect(run("chat", "--key", SECRET, "hello"), USAGE, "never comes from the arguments")

    def test_tiers(self):
        targets = "[target]\nmodel = m\ntier = low\n"
        self.expect(run("chat", "--tier", "high", "hello"), USAGE,
                    "give --config with [target] sections")
        self.expect(run("bench", "--tier", "best"), USAGE, "--tier 'best': low, medium or high")
        self.expect(self.chat(targets, "--tier", "high"), USAGE, "no [target] of --config is for")
        self.expect(self.chat(targets, "--tier", "low", "--model", "x"), USAGE, "leave out --model")
        self.refused("model = x\ntier = low\n" + targets, "leave out --model")

    def test_relays_that_are_asked_need_a_key(self):
        config = "[relay west]\nurl = http://localhost:1/v1\n{}[target]\nmodel = m\nrelay = west\n"
        self.expect(self.chat(config.format("")), USAGE, "relay 'west': key: there is none")
        self.expect(self.chat(config.format("key-file = /missing\n")), USAGE,
                    "relay 'west': key-file /missing: No such file")
        self.expect(self.chat(config.format("no-key\ncacert = /missing\n").replace("http", "https")),
                    USAGE, "no usable CA certificate", "looked in /missing")
        self.expect(self.chat(config.format("no-key\n").replace("http:", "ftp:")), USAGE,
                    "relay 'west': url, base_url: the base URL must be")

    def test_price_files(self):
        for text, *texts in (("input = 1\n", "line 1, input: a section must come first"),
                             ("[m]\ninput = x\n", "line 2, input: dollars per million"),
                             ("[m]\ninput = 1\n", "line 1: the price needs both"),
                             ("[" + "m" * 129 + "]\n", "line 1: the section must name the model"),
                             (PRICES + PRICES, "line 5: this model has a price already")):
            with self.subTest(text[:40]):
                path = self.write(text, "prices.ini")
                self.expect(run("bench", "--price-file", path), USAGE, "prices.ini, ", *texts)
        self.expect(run("bench", "--price-file", "/missing"), USAGE, "--price-file /missing: No such")


class Precedence(Case):
    """Arguments over the file over the environment."""

    @classmethod
    def setUpClass(cls):
        cls.relay = Relay("--tokens", "2", "--key", SECRET, plain=True)
        cls.relay.__enter__()
        cls.addClassCleanup(cls.relay.__exit__)

    def answers(self, result):
        self.assertEqual((result.code, result.err), (OK, ""), result)
        self.assertNotIn(SECRET, result.out + result.err)

    def test_the_file_wins_over_the_environment(self):
        config = f"url = {self.relay.url}\nkey = {SECRET}\n"
        dead = environment(OPENAI_BASE_URL="http://localhost:1/v1")
        self.answers(self.chat(config, env=dead))
        path = self.write(config)
        self.answers(run("chat", "hello", f"--config={path}", env=dead))
        self.answers(run("chat", "--conf", path, "hello", env=dead)) # getopt knows abbreviations
        self.answers(run("chat", "--config", "/missing", "hello", "--config", path, env=dead))
        self.answers(run("models", "--config", path, env=dead))

    def test_what_looks_like_the_option_may_be_a_value_or_a_prompt(self):
        path = self.write(f"key = {SECRET}\n")
        self.answers(run("chat", "--url", self.relay.url, "--config", path, "--system", "--config",
                         "hello"))
        self.answers(run("chat", "--url", self.relay.url, "--config", path, "--", "--config"))

    def test_arguments_win_over_the_file(self):
        key = self.write(SECRET + "\n", "key")
        wrong = self.write("sk-wrong\n", "wrong")
        self.answers(self.chat(f"url = {self.relay.url}\nkey = sk-wrong\n", "--key-file", key))
        self.answers(self.chat(f"url = {self.relay.url}\nno-key\n", "--key-file", key))
        self.answers(self.chat(f"url = http://localhost:1/v1\n", "--url", self.relay.url,
                               "--key-file", key))
        for text in (f"key-file = {key}\n", f"key = {SECRET}\n"):
            result = self.chat(f"url = {self.relay.url}\n{text}", "--key-file", wrong)
            self.expect(result, SERVER, "HTTP 401")
            self.expect(self.chat(f"url = {self.relay.url}\n{text}", "--no-key"), SERVER, "HTTP 401")
        self.expect(run("chat", "--config", self.write("max-tokens = 1\n"), "--max-tokens", "x",
                        "hello"), USAGE, "--max-tokens 'x'", "Try 'chatmux chat --help'")

    def test_sections_are_for_their_command_and_the_later_line_wins(self):
        config = (f"url = http://localhost:1/v1\nurl = {self.relay.url}\nkey = {SECRET}\r\n"
                  "[bench]\nmodel = of-the-bench\nrequests = 3\n[chat]\nmodel = of-the-chat\njson\n"
                  "max-tokens = 1\n[chat]\nmax-tokens = 2\n")
        result = self.chat(config)
        self.answers(result)
        done = json.loads(result.out.splitlines()[-1])
        self.assertEqual((done["model"], done["deltas"]), ("of-the-chat", 2))
        result = self.chat(config, "--model", "of-the-arguments")
        self.assertIn('"model":"of-the-arguments"', result.out)
        result = run("bench", "--config", self.write(config), "--json")
        self.assertEqual(json.loads(result.out)["completions"], 3, result)

    def test_what_the_file_says_of_its_server_reaches_no_other(self):
        key = self.write("sk-in-a-file\n", "key")
        for line in (f"key = {SECRET}", f"key-file = {key}"):
            config = f"url = https://localhost/v1\n{line}\nheader = x-team: a\nquery = a=1\n"
            with Relay("--tokens", "2", "--key", common.KEY, plain=True) as other:
                self.answers(self.chat(config, "--url", other.url))
            self.expect(self.chat(config, "--url", self.relay.url,
                                  env=environment(OPENAI_API_KEY=None)), USAGE, "no key: set")
        # Named again, it is the same server.
        self.answers(self.chat(f"url = {self.relay.url}\nkey = {SECRET}\n", "--url", self.relay.url))
        # A file that names none is for whatever is named.
        self.answers(self.chat(f"key = {SECRET}\n", "--url", self.relay.url))

    def test_the_key_is_sent_and_shown_nowhere(self):
        result = self.chat(f"url = {self.relay.url}\nkey = {SECRET}\n", "--trace", "-v")
        self.assertEqual(result.code, OK, result)
        self.assertIn("authorization", result.err)
        self.assertNotIn(SECRET, result.err)


class Routes(Case):
    def config(self, west, east):
        return (f"[relay west]\nurl = {west.url}\ncacert = {west.cacert}\nkey = {SECRET}\n"
                f"[relay east]\nurl = {east.url}\nno-key\n"
                "[target]\nrelay = west\nmodel = gpt-4.1\ntier = high, medium\n"
                "[target]\nrelay = east\nmodel = deepseek-v3.2\ntier = low\nweight = 0.3\n")

    def models(self, name):
        with open(self.path(name), encoding="ascii") as file:
            lines = [json.loads(line) for line in file]
        return collections.Counter(line["chat"] for line in lines if "chat" in line)

    def test_a_tier_reaches_its_relay_and_model(self):
        with Relay("--tokens", "2", "--key", SECRET, "--bills", self.path("west")) as west, \
                Relay("--tokens", "2", "--bills", self.path("east"), plain=True) as east:
            config = self.config(west, east)
            # No key for the relay of the options is needed: nothing is asked of it.
            env = environment(OPENAI_API_KEY=None)
            for tier, relay, model, count in (("high", "west", "gpt-4.1", 1),
                                              ("low", "east", "deepseek-v3.2", 1),
                                              ("medium", "west", "gpt-4.1", 2)):
                result = self.chat(config, "--tier", tier, "-v", env=env)
                self.assertEqual(result.code, OK, result)
                self.assertIn(f" relay={relay} model={model} ", result.err)
                self.assertNotIn(SECRET, result.err)
                self.assertEqual(self.models(relay)[model], count)
            result = self.chat(config, "--tier", "low", "--json", env=env)
            done = json.loads(result.out.splitlines()[-1])
            self.assertEqual((done["relay"], done["asked_model"]), ("east", "deepseek-v3.2"))
            result = run("bench", "--config", self.write(config), "--tier", "low", "-n", "30",
                         "--json", env=env)
            self.assertEqual(json.loads(result.out)["failed"], 0, result)
            self.assertEqual(self.models("east"), {"deepseek-v3.2": 32})
            self.assertEqual(self.models("west"), {"gpt-4.1": 2})
            # A model that is named is asked of the relay that the options name.
            result = self.chat(config, "--url", east.url, "--model", "named", "--no-key")
            self.assertEqual(result.code, OK, result)
            self.assertEqual(self.models("east")["named"], 1)

    def test_a_target_that_is_gone_is_left_for_the_next(self):
        holder, port = common.refused_port()
        with holder, Relay("--tokens", "2", plain=True) as relay:
            config = (f"[relay gone]\nurl = http://localhost:{port}/v1\nno-key\n"
                      f"[relay here]\nurl = {relay.url}\nno-key\n"
                      "[target]\nrelay = gone\nmodel = a\n"
                      "[target]\nrelay = here\nmodel = b\nrank = 1\n")
            result = self.chat(config, "-v", "--connect-timeout", "5")
            self.assertEqual(result.code, OK, result)
            self.assertRegex(result.err, r"(?m)^chatmux: retry in .*\] at here$")
            self.assertIn(" relay=here model=b ", result.err)

    def test_a_failure_names_the_relay_that_failed(self):
        with Relay("--fault", "fault-404", plain=True) as relay:
            config = (f"[relay here]\nurl = {relay.url}\nno-key\n[target]\nrelay = here\nmodel = b\n")
            self.expect(self.chat(config, "--retry", "0"), SERVER, relay.url, "HTTP 404")


class Money(Case):
    def dollars(self, picodollars):
        return f"{decimal.Decimal(picodollars) / 10 ** 12:.12f}"

    def test_the_cost_is_that_computed_by_hand(self):
        prices = self.write(PRICES, "prices.ini")
        one = PROMPT_TOKENS * 2500000 + 7 * 10000000
        self.assertEqual(one, 92500000)
        with Relay("--tokens", "7", plain=True) as relay:
            chat = ["chat", "--url", relay.url, "--price-file", prices, "hello"]
            self.expect(run(*chat, "-v"), OK, f" cost_usd={self.dollars(one)} ",
                        out="Connection pooling keeps a few connections\n")
            result = run(*chat, "--json", "--no-stream")
            self.assertIn(f'"cost_usd":{self.dollars(one)},"cost_estimated":false', result.out)
            # Without a price there is no cost, and with the file's section there is the same.
            self.assertNotIn("cost", run(*chat, "-v", "--model", "other").err)
            config = f"url = {relay.url}\n" + PRICES.replace("[", "[price ")
            self.assertIn(f" cost_usd={self.dollars(one)} ", self.chat(config, "-v").err)
            bench = ["bench", "--url", relay.url, "--price-file", prices, "-n", "40"]
            result = run(*bench, "--json")
            self.assertIn(f'"cost_usd":{self.dollars(40 * one)},"cost_estimated_usd":'
                          f'{self.dollars(0)},"unpriced":0', result.out)
            json.loads(result.out)
            self.assertRegex(run(*bench).out, rf"(?m)^cost_usd +{re.escape(self.dollars(40 * one))}$")
            result = run(*bench, "--model", "other", "--json")
            self.assertEqual(json.loads(result.out)["unpriced"], 40)
            self.assertNotIn("cost", run("bench", "--url", relay.url, "-n", "2").out)

    def test_cached_tokens_have_their_price(self):
        usage = {"prompt_tokens": 1000, "completion_tokens": 7,
                 "prompt_tokens_details": {"cached_tokens": 400}}
        body = self.write('data: {"choices":[{"index":0,"delta":{"content":"x"},'
                          '"finish_reason":"stop"}]}\n\n'
                          'data: {"choices":[],"usage":' + json.dumps(usage) + '}\n\n'
                          'data: [DONE]\n\n', "body.sse")
        with Relay("--body-file", body, plain=True) as relay:
            for prices, cached in ((PRICES, 1250000),
                                   ("[gpt-4.1]\ninput = 2.50\noutput = 10\n", 2500000)):
                path = self.write(prices, "prices.ini")
                result = run("chat", "--url", relay.url, "--price-file", path, "-v", "hello")
                cost = 600 * 2500000 + 400 * cached + 7 * 10000000
                self.expect(result, OK, f" cost_usd={self.dollars(cost)} ", out="x\n")

    def test_what_was_cut_off_is_estimated_and_said_to_be(self):
        prices = self.write(PRICES.replace("gpt-4.1", "fault-truncate"), "prices.ini")
        with Relay("--tokens", "8", plain=True) as relay:
            result = run("chat", "--url", relay.url, "--price-file", prices, "--json", "-v",
                         "--model", "fault-truncate", "hello")
            done = json.loads(result.out.splitlines()[-1])
            self.assertTrue(done["cost_estimated"], result)
            self.assertGreater(done["cost_usd"], 0)
            self.assertIn(" cost_estimated_usd=", result.err)


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (\S+)")


def parse_metrics(text):
    """Text format 0.0.4, strictly: families by name, each a type and samples."""
    if not text.endswith("\n"):
        raise ValueError("the last line is cut")
    families = {}
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name in families or kind not in ("counter", "gauge", "histogram"):
                raise ValueError(line)
            families[name] = (kind, [])
            current = name
            continue
        found = SAMPLE.fullmatch(line)
        if found is None:
            raise ValueError(line)
        name, labels, value = found.groups()
        base = re.sub("_(bucket|sum|count)$", "", name) if families[current][0] == "histogram" else name
        if base != current:
            raise ValueError(f"{line} is among the samples of {current}")
        families[base][1].append((name, labels or "", float(value)))
    return families


def check_histogram(name, samples):
    """Buckets grow, and the last one is the count, for each set of labels."""
    rows = collections.defaultdict(list)
    counts = {}
    for sample, labels, value in samples:
        if sample == name + "_count":
            counts[labels] = value
        elif sample == name + "_bucket":
            bound = re.search(r'le="([^"]*)"', labels).group(1)
            others = re.sub(r',?le="[^"]*"', "", labels)
            rows[others].append((float(bound), value))
    if set(rows) != set(counts):
        raise ValueError(f"{name}: {set(rows)} {set(counts)}")
    for labels, row in rows.items():
        if row != sorted(row) or [v for _, v in row] != sorted(v for _, v in row):
            raise ValueError(f"{name}: {row}")
        if row[-1] != (float("inf"), counts[labels]):
            raise ValueError(f"{name}: +Inf is not the count: {row}")


class Figures(Case):
    def test_the_file_is_whole_at_any_time_and_right_at_the_end(self):
        path = self.path("chatmux.prom")
        texts = set()
        ended = threading.Event()

        def read():
            while not ended.is_set():
                try:
                    with open(path, encoding="ascii") as file:
                        texts.add(file.read())
                except FileNotFoundError:
                    time.sleep(0.001)

        reader = threading.Thread(target=read)
        with Relay("--tokens", "20", "--gap-ms", "10", plain=True) as relay:
            reader.start()
            try:
                result = run("bench", "--url", relay.url, "--metrics-file", path, "-n", "160", "-c",
                             "10", "--price-file", self.write(PRICES, "prices.ini"), "--json")
            finally:
                ended.set()
                reader.join()
        self.assertEqual(result.code, OK, result)
        # Before, while it ran, and after.
        self.assertGreaterEqual(len(texts), 3)
        for text in texts:
            for name, (kind, samples) in parse_metrics(text).items():
                self.assertEqual(len(samples), len({sample[:2] for sample in samples}), name)
                if kind == "histogram":
                    check_histogram(name, samples)
        with open(path, encoding="ascii") as file:
            families = parse_metrics(file.read())
        requests = {labels: value for _, labels, value in families["ai_relay_requests_total"][1]
                    if value > 0}
        self.assertEqual(requests, {'model="gpt-4.1",status="done"': 160})
        _, samples = families["ai_relay_request_duration_seconds"]
        counts = {labels: value for name, labels, value in samples if name.endswith("_count")}
        self.assertEqual(counts['model="gpt-4.1"'], 160)
        self.assertEqual(os.listdir(self.folder.name).count("chatmux.prom.new"), 0)

    def test_a_path_that_cannot_be_written_is_told_before_the_load(self):
        with Relay("--tokens", "2", plain=True) as relay:
            for path in ("/missing/x.prom", self.folder.name, ""):
                self.expect(run("bench", "--url", relay.url, "--metrics-file", path), USAGE,
                            "--metrics-file ")
            self.assertEqual(relay.stop()["requests"], 0)

    def test_a_disk_that_fails_later_does_not_end_the_load(self):
        folder = self.path("gone")
        os.mkdir(folder)
        path = os.path.join(folder, "x.prom")
        with Relay("--tokens", "20", "--gap-ms", "10", plain=True) as relay:
            process = subprocess.Popen([CLI, "bench", "--url", relay.url, "--metrics-file", path,
                                        "-n", "60", "-c", "10", "--json"], env=environment(),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while not os.path.exists(path) and process.poll() is None:
                time.sleep(0.001)
            os.rename(folder, self.path("moved"))
            out, err = process.communicate(timeout=common.TIMEOUT_S)
        self.assertEqual(process.returncode, FAILED, err)
        self.assertEqual(json.loads(out)["completions"], 60)
        self.assertEqual(err.decode().count("No such file or directory"), 1, err)

    def terminal(self, *command):
        """Runs a program whose stderr is a terminal; returns what it wrote there and on stdout."""
        leader, follower = pty.openpty()
        process = subprocess.Popen([CLI, *command], env=environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=follower)
        os.close(follower)
        err = b""
        deadline = time.monotonic() + common.TIMEOUT_S
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.1)[0]:
                try:
                    data = os.read(leader, 65536)
                except OSError: # the other side is closed
                    break
                err += data
        out, _ = process.communicate(timeout=common.TIMEOUT_S)
        os.close(leader)
        self.assertEqual(process.returncode, OK, err)
        return err.decode(), out.decode()

    def test_the_live_line_is_for_terminals_and_fits(self):
        with Relay("--tokens", "20", "--gap-ms", "10", plain=True) as relay:
            command = ["bench", "--url", relay.url, "-n", "40", "-c", "10"]
            err, _ = self.terminal(*command)
            lines = re.findall(r"\r\x1b\[K([^\r]*)", err)
            self.assertGreater(len(lines), 1, err)
            self.assertRegex(lines[-2], r"^\d+/40 done, 0 failed, 0 retries, P50 \d+ ms, P99 \d+ ms, "
                                        r"\d+ tokens/s")
            self.assertTrue(any(int(re.search(r"P99 (\d+)", line).group(1)) >= 190
                                for line in lines if line), lines)
            self.assertTrue(all(len(line) < 80 for line in lines), lines)
            self.assertEqual(lines[-1], "") # wiped at the end
            self.assertEqual(self.terminal(*command, "--json")[0], "")
            result = run(*command)
            self.assertEqual((result.code, result.err), (OK, ""))


class Lists(Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay(plain=True)
        cls.relay.__enter__()
        cls.addClassCleanup(cls.relay.__exit__)

    def test_models(self):
        self.expect(run("models", "--url", self.relay.url), OK,
                    out="gpt-4.1\ngpt-4.1-mini\ngpt-4.1-nano\n")
        result = run("models", "--json", "--url", self.relay.url)
        self.assertEqual(len(json.loads(result.out)["data"]), 3, result)
        self.expect(run("models", "more", "--url", self.relay.url), USAGE, "one argument too many")

    def test_limits(self):
        for more in ([], ["--json"]):
            result = run("limits", "--url", self.relay.url, *more)
            self.assertEqual(result.code, OK, result)
            self.assertEqual(json.loads(result.out)["data"][0]["object"], "rate_limit")
            self.assertEqual(result.err, "requests remaining: 9999\ntokens remaining: 29999990\n")

    def test_a_server_that_has_neither(self):
        url = self.relay.url.replace("/v1", "/other")
        self.expect(run("models", "--url", url), SERVER, "Invalid URL (GET /other/models)", "HTTP 404")
        self.expect(run("limits", "--url", url), SERVER, "Invalid URL (GET /other/rate_limits)",
                    "HTTP 404", "the headers of the answer say nothing about limits")
        # Any other answer than a list is no list.
        self.expect(run("models", "--url", self.relay.url, "--query", "x=1"), OK,
                    out="gpt-4.1\ngpt-4.1-mini\ngpt-4.1-nano\n")

    def test_nobody_there(self):
        holder, port = common.refused_port()
        with holder:
            for command in ("models", "limits"):
                result = run(command, "--url", f"http://localhost:{port}/v1", "--retry", "0")
                self.expect(result, FAILED, "the connection was refused")
                self.assertNotIn("headers", result.err)


def read_source(name):
    with open(os.path.join(common.SOURCE_DIR, "src", "cli", name), encoding="ascii") as file:
        return file.read()


class Documentation(Case):
    def test_help_and_manual_page_have_every_option_and_no_other(self):
        commands = ("chat", "bench", "request", "models", "limits")
        table = {}
        for bits, name in re.findall(r'^    X\(([A-Z| ]+), "([a-z-]+)",', read_source("options.c"), re.M):
            names = commands if bits == "ALL" else [bit.lower() for bit in bits.split(" | ")]
            table[name] = set(names)
        self.assertGreater(len(table), 40)
        page = set(re.findall(r"^\.It Fl (?:\w , Fl )?-([a-z-]+)", read_source("chatmux.1"), re.M))
        self.assertEqual(page, set(table) - {"key"})
        for command in commands:
            result = run(command, "--help")
            self.assertEqual((result.code, result.err), (OK, ""))
            listed = set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", result.out, re.M))
            self.assertEqual(listed, {name for name in table if command in table[name]} - {"key"}, command)
            self.assertTrue(all(len(line) <= 100 for line in result.out.splitlines()))
            self.assertIn(f"chatmux {command} ", run("--help").out)

    def test_the_manual_pages_example_is_right(self):
        (example,) = re.findall(r"^url = .*?(?=^\.Ed)", read_source("chatmux.1"), re.M | re.S)
        self.assertIn("[target]", example)
        # All is understood, up to the keys, which are not on this machine.
        self.expect(self.chat(example.replace("/etc/chatmux", self.path("etc"))), USAGE,
                    f"chatmux: --key-file {self.path('etc/key')}: No such file or directory")


if __name__ == "__main__":
    common.main()
