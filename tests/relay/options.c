/* SPDX-License-Identifier: MIT */
/*
 * Reads the flags from one table, so that a flag has its name, its kind and its range in one line.
 * In: argv. Out: relay_options. Must not know what any value does.
 */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum flag_kind { FLAG_BOOL, FLAG_TEXT, FLAG_INT, FLAG_MS };

typedef struct flag {
    const char *name;
    enum flag_kind kind;
    size_t offset;
    int64_t min;
    int64_t max;
} flag;

#define AT(field) offsetof(relay_options, field)
#define DAY_S INT64_C(86400)

static const flag flags[] = {
    {"--port", FLAG_INT, AT(port), 0, 65535},
    {"--listen", FLAG_TEXT, AT(listen), 0, 0},
    {"--listen-fd", FLAG_INT, AT(listen_fd), 3, 1023},
    {"--drain-s", FLAG_INT, AT(drain_s), 0, DAY_S},
    {"--counts-file", FLAG_TEXT, AT(counts_file), 0, 0},
    {"--bills", FLAG_TEXT, AT(bills_file), 0, 0},
    {"--ready-file", FLAG_TEXT, AT(ready_file), 0, 0},
    {"--duration-s", FLAG_INT, AT(duration_s), 0, 7 * DAY_S},
    {"--make-ca", FLAG_TEXT, AT(ca_dir), 0, 0},
    {"--cert", FLAG_TEXT, AT(cert_file), 0, 0},
    {"--key-file", FLAG_TEXT, AT(key_file), 0, 0},
    {"--plain", FLAG_BOOL, AT(plain), 0, 0},
    {"--no-h2", FLAG_BOOL, AT(no_h2), 0, 0},
    {"--alpn-alert", FLAG_BOOL, AT(alpn_alert), 0, 0},
    {"--wrong-host", FLAG_BOOL, AT(wrong_host), 0, 0},
    {"--expired", FLAG_BOOL, AT(expired), 0, 0},
    {"--tls12", FLAG_BOOL, AT(tls12), 0, 0},
    {"--ask-cert", FLAG_BOOL, AT(ask_cert), 0, 0},
    {"--need-cert", FLAG_BOOL, AT(need_cert), 0, 0},
    {"--tokens", FLAG_INT, AT(tokens), 0, 10000000},
    {"--gap-ms", FLAG_MS, AT(gap_us), 0, DAY_S * 1000},
    {"--jitter-pct", FLAG_INT, AT(jitter_pct), 0, 100},
    {"--latency-ms", FLAG_MS, AT(latency_us), 0, DAY_S * 1000},
    {"--tick-us", FLAG_INT, AT(tick_us), 1, 1000000},
    {"--events-per-frame", FLAG_INT, AT(events_per_frame), 1, 1000},
    {"--stamp", FLAG_BOOL, AT(stamp), 0, 0},
    {"--token-text", FLAG_TEXT, AT(token_text), 0, 0},
    {"--seed", FLAG_INT, AT(seed), 0, INT64_MAX},
    {"--key", FLAG_TEXT, AT(key), 0, 0},
    {"--max-streams", FLAG_INT, AT(streams_max), 0, INT32_MAX},
    {"--window", FLAG_INT, AT(window_bytes), 0, INT32_MAX},
    {"--record-bytes", FLAG_INT, AT(record_bytes), 1, 16384},
    {"--retry-after", FLAG_INT, AT(retry_after_s), 0, DAY_S},
    {"--retry-after-ms", FLAG_INT, AT(retry_after_ms), 0, DAY_S * 1000},
    {"--fault", FLAG_TEXT, AT(fault), 0, 0},
    {"--redirect-to", FLAG_TEXT, AT(redirect_to), 0, 0},
    {"--require-header", FLAG_TEXT, AT(require_header), 0, 0},
    {"--require-query", FLAG_TEXT, AT(require_query), 0, 0},
    {"--require-body", FLAG_TEXT, AT(require_body), 0, 0},
    {"--fault-after", FLAG_INT, AT(fault_after), 0, 10000000},
    {"--fault-times", FLAG_INT, AT(fault_times), 0, 10000000},
    {"--first-token-ms", FLAG_MS, AT(first_token_us), 0, DAY_S * 1000},
    {"--flap-ms", FLAG_MS, AT(flap_us), 1, DAY_S * 1000},
    {"--restore-ms", FLAG_MS, AT(restore_us), 0, DAY_S * 1000},
    {"--body-file", FLAG_TEXT, AT(body_file), 0, 0},
    {"--body-type", FLAG_TEXT, AT(body_type), 0, 0},
    {"--body-status", FLAG_INT, AT(body_status), 200, 599},
    {"--body-split", FLAG_INT, AT(body_split), 0, 16384},
    {"--body-cut", FLAG_BOOL, AT(body_cut), 0, 0},
    {"--json-stats", FLAG_BOOL, AT(json_stats), 0, 0},
    {"--help", FLAG_BOOL, AT(help), 0, 0},
};

static const char help_text[] =
    "usage: chatmux-relay (--make-ca DIR | --cert F --key-file F | --plain) [flags]\n"
    "An OpenAI-style relay on loopback over HTTP/2 and TLS 1.3, for tests and benchmarks.\n"
    "\n"
    "where    --port N (0 = any)  --listen ADDR (default 127.0.0.1 and ::1)\n"
    "         --listen-fd N (a listening socket from whoever started this, instead of both)\n"
    "         --ready-file F (\"PORT\\n\" once listening)  --duration-s N (default 3600, 0 = "
    "never)\n"
    "the end  --drain-s N (0: a signal stops at once; else it stops listening, says GOAWAY twice\n"
    "         and ends with the last stream, after N seconds or at a second signal)\n"
    "TLS      --make-ca DIR (writes ca.pem cert.pem key.pem)  --cert F --key-file F  --plain\n"
    "         --no-h2  --alpn-alert  --wrong-host  --expired  --tls12\n"
    "         --ask-cert (a client certificate; none will do)  --need-cert (none will not)\n"
    "answers  --tokens N (64)  --gap-ms G (0 = full speed)  --jitter-pct P (20)\n"
    "         --latency-ms L  --tick-us N (1000; what falls due within a tick leaves together)\n"
    "         --events-per-frame N (1)  --token-text S  --seed N\n"
    "         --stamp (token text is \"t=<CLOCK_MONOTONIC microseconds> \")\n"
    "asks     --require-header 'name: value'  --require-query S\n"
    "         --require-body S (somewhere in a chat's; 400 without any of them)\n"
    "limits   --key K  --max-streams N (1000)  --window N (65535)  --record-bytes N (16384)\n"
    "faults   --fault NAME (for every chat; otherwise the model's name decides)\n"
    "         NAME-once, as --fault-times 1: the first N chats that meet it suffer, then all is "
    "well\n"
    "         --fault-after K (tokens; default half)  --retry-after S (1)  --fault-times N\n"
    "         --retry-after-ms N (retry-after-ms instead)\n"
    "  heads  fault-401 fault-404 fault-429 fault-500 fault-503 fault-html fault-context "
    "fault-filter\n"
    "         fault-empty (200 and nothing)  fault-flap (503 for --flap-ms (1000), then well as "
    "long ...)\n"
    "         fault-redirect, with --fault for every path  --redirect-to URL (its location)\n"
    "  none   fault-hang (no head)  fault-mute (the connection falls silent)  fault-reset-head\n"
    "         fault-refuse (REFUSED_STREAM)  fault-drop-head (the connection is reset)\n"
    "  after K tokens  fault-truncate (END_STREAM)  fault-reset (INTERNAL_ERROR)  fault-stall\n"
    "         fault-reset-mid (within an event)  fault-reset-none (NO_ERROR)  fault-inband\n"
    "         fault-drop, fault-close (the connection)  fault-window (comments without end)\n"
    "         fault-ping (silence, and no PING is acknowledged)\n"
    "  other  fault-nodone  fault-malformed (tenth event)  fault-trailers\n"
    "         fault-slow (first token after --first-token-ms (20000))\n"
    "  GOAWAY fault-goaway (graceful)  fault-goaway-lower (this stream is above the last id)\n"
    "         fault-goaway-repeat  fault-goaway-calm (ENHANCE_YOUR_CALM)  fault-goaway-pings\n"
    "  limit  fault-max-1, fault-max-0 (MAX_CONCURRENT_STREAMS; 0 ends after --restore-ms (500),\n"
    "         0 = never)\n"
    "bytes    --body-file F (every chat is answered with its bytes, read anew each time)\n"
    "         --body-type T (text/event-stream)  --body-status N (200)\n"
    "         --body-split N (bytes of a DATA frame at most; 0 = as many as fit)\n"
    "         --body-cut (RST_STREAM at the end instead of END_STREAM)\n"
    "counts   one line on stdout at the end; --json-stats prints it as a JSON object; each fault\n"
    "         that happened is counted under its name\n"
    "         --counts-file F (holds that line at any time, even if this process is killed)\n"
    "         --bills F (usage is drawn for each chat, and F gets a line of JSON for each chat "
    "that\n"
    "         came whole and for each usage that was written)\n";

static void set_defaults(relay_options *options)
{
    memset(options, 0, sizeof *options);
    options->listen_fd = -1;
    options->duration_s = 3600;
    options->tokens = 64;
    options->jitter_pct = 20;
    options->events_per_frame = 1;
    options->tick_us = 1000;
    options->seed = 1;
    options->streams_max = 1000;
    options->window_bytes = 65535;
    options->record_bytes = 16384;
    options->retry_after_s = 1;
    options->retry_after_ms = -1;
    options->fault_after = -1;
    options->fault_times = -1;
    options->first_token_us = 20000000;
    options->flap_us = 1000000;
    options->restore_us = 500000;
    options->body_status = 200;
    options->body_type = "text/event-stream";
    options->redirect_to = "https://elsewhere.invalid/v1";
}

static const flag *find_flag(const char *name)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].name, name) == 0) {
            return &flags[i];
        }
    }
    return NULL;
}

static bool parse_number(const flag *def, const char *text, int64_t *out)
{
    char *end;

    errno = 0;
    if (def->kind == FLAG_MS) {
        const double ms = strtod(text, &end);

        if (end == text || *end != '\0' || errno != 0 || !(ms >= (double)def->min) ||
            ms > (double)def->max) {
            return false;
        }
        *out = (int64_t)(ms * 1000.0 + 0.5);
        return true;
    }
    *out = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && *out >= def->min && *out <= def->max;
}

static bool store_value(relay_options *options, const flag *def, const char *value)
{
    char *field = (char *)options + def->offset;

    switch (def->kind) {
    case FLAG_BOOL:
        *(bool *)(void *)field = true;
        return true;
    case FLAG_TEXT:
        *(const char **)(void *)field = value;
        return *value != '\0';
    case FLAG_INT:
    case FLAG_MS:
        return parse_number(def, value, (int64_t *)(void *)field);
    }
    return false;
}

static const char *find_conflict(const relay_options *options)
{
    const int sources = (options->ca_dir != NULL) + (options->cert_file != NULL) + options->plain;

    if (sources != 1) {
        return "give exactly one of --make-ca, --cert with --key-file, --plain";
    }
    if ((options->cert_file != NULL) != (options->key_file != NULL)) {
        return "--cert and --key-file go together";
    }
    if ((options->wrong_host || options->expired) && options->ca_dir == NULL) {
        return "--wrong-host and --expired need --make-ca";
    }
    if (options->body_file != NULL && options->fault != NULL) {
        return "--body-file and --fault exclude each other";
    }
    if (options->stamp && options->token_text != NULL) {
        return "--stamp and --token-text exclude each other";
    }
    if (options->token_text != NULL && strlen(options->token_text) > 200) {
        return "--token-text is longer than 200 bytes";
    }
    return NULL;
}

bool relay_options_parse(relay_options *options, int argc, char **argv, char *problem,
                         unsigned problem_capacity)
{
    const char *conflict;

    set_defaults(options);
    for (int i = 1; i < argc; i++) {
        const flag *def = find_flag(argv[i]);
        const char *value = "";

        if (def == NULL) {
            (void)snprintf(problem, problem_capacity, "unknown flag %s", argv[i]);
            return false;
        }
        if (def->kind != FLAG_BOOL) {
            if (i + 1 == argc) {
                (void)snprintf(problem, problem_capacity, "%s needs a value", def->name);
                return false;
            }
            value = argv[++i];
        }
        if (!store_value(options, def, value)) {
            (void)snprintf(problem, problem_capacity, "bad value for %s: '%s'", def->name, value);
            return false;
        }
    }
    if (options->help) {
        return true;
    }
    conflict = find_conflict(options);
    if (conflict != NULL) {
        (void)snprintf(problem, problem_capacity, "%s", conflict);
        return false;
    }
    return true;
}

const char *relay_options_help(void)
{
    return help_text;
}
