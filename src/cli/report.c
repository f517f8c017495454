/* SPDX-License-Identifier: MIT */
/*
 * Printing. See report.h.
 */
#include "cli/report.h"

#include "cli/system.h"

#include <string.h>

enum { DOLLAR_DIGITS = 12 }; /* amounts are picodollars */

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
}

/* The C1 controls, which some terminals obey: U+0080 to U+009F. */
static bool is_control_pair(const char *at, const char *end)
{
    return end - at >= 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] >= 0x80 &&
           (unsigned char)at[1] <= 0x9f;
}

void cli_report_text(cli_out *out, cmx_text text, bool filter)
{
    if (!filter) {
        cli_out_bytes(out, text.data, text.len);
        return;
    }
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end; at++) {
        if (is_control_pair(at, end)) {
            at++;
        } else if (!is_control((unsigned char)*at)) {
            cli_out_byte(out, *at);
        }
    }
}

void cli_report_json(cli_out *out, cmx_text text)
{
    cli_out_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            cli_out_print(out, "\\u%04x", byte);
            continue;
        }
        if (byte == '"' || byte == '\\') {
            cli_out_byte(out, '\\');
        }
        cli_out_byte(out, (char)byte);
    }
    cli_out_byte(out, '"');
}

/* A double would round. */
void cli_report_dollars(cli_out *out, uint64_t amount)
{
    cli_out_decimal(out, amount, DOLLAR_DIGITS);
}

/* A line of its own, if there is something to say. */
static void say_text(const char *what, cmx_text text)
{
    if (text.len > 0) {
        cli_out_print(&cli_out_error, "chatmux: %s: ", what);
        cli_report_text(&cli_out_error, text, true);
        cli_out_print(&cli_out_error, "\n");
    }
}

void cli_report_failure(const cli_relay *relay, const cmx_done *done)
{
    if (cmx_verdict_complete(done->verdict)) {
        return;
    }
    cli_out_print(&cli_out_error, "chatmux: %s: %s", cmx_verdict_name(done->verdict),
                  cmx_error_text(done->error));
    if (done->http_status >= 300) {
        cli_out_print(&cli_out_error, " [HTTP %u]", done->http_status);
    }
    if (done->h2_error != 0) {
        cli_out_print(&cli_out_error, " [HTTP/2 error %u]", done->h2_error);
    }
    cli_out_print(&cli_out_error, "\nchatmux: %s (%s)\n", relay->url, cmx_error_name(done->error));
    say_text(done->error == CMX_ERR_REDIRECT ? "it redirects to" : "the server says",
             done->message);
    say_text("request id", done->request_id);
}

static void add_text(const char *name, cmx_text text)
{
    if (text.len > 0) {
        cli_out_print(&cli_out_error, " %s=", name);
        cli_report_text(&cli_out_error, text, true);
    }
}

static void add_time(const char *name, uint64_t time_ms)
{
    if (time_ms != CMX_TIME_NEVER) {
        cli_out_print(&cli_out_error, " %s=%llu", name, (unsigned long long)time_ms);
    }
}

static void add_count(const char *name, uint64_t count)
{
    add_time(name, count > 0 ? count : CMX_TIME_NEVER);
}

static bool is_same(cmx_text a, cmx_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool has_cost(const cmx_done *done)
{
    return done->cost.kind != CMX_COST_UNKNOWN && done->cost.kind != CMX_COST_OVERFLOW;
}

void cli_report_summary(const cli_relay *relay, const cmx_done *done)
{
    cli_out_print(&cli_out_error, "chatmux: %s", cmx_verdict_name(done->verdict));
    add_count("http_status", done->http_status);
    add_text("finish_reason", done->finish_reason);
    add_text("request_id", done->request_id);
    if (relay->name != NULL) {
        cli_out_print(&cli_out_error, " relay=%s", relay->name);
    }
    if (!is_same(done->asked_model, done->model)) {
        add_text("asked_model", done->asked_model);
    }
    add_text("model", done->model);
    if (done->has_usage) {
        add_count("prompt_tokens", done->usage.prompt_tokens);
        add_count("cached_tokens", done->usage.cached_tokens);
        add_count("completion_tokens", done->usage.completion_tokens);
        add_count("reasoning_tokens", done->usage.reasoning_tokens);
    }
    if (has_cost(done)) {
        bool is_estimated = done->cost.kind == CMX_COST_ESTIMATED;
        cli_out_print(&cli_out_error, " cost%s_usd=", is_estimated ? "_estimated" : "");
        cli_report_dollars(&cli_out_error, done->cost.amount);
    }
    add_time("sent_ms", done->times.sent_ms);
    add_time("head_ms", done->times.head_ms);
    add_time("first_token_ms", done->times.first_token_ms);
    add_time("total_ms", done->times.done_ms);
    add_count("tool_calls", done->tool_calls);
    add_count("malformed", done->malformed);
    add_count("skipped", done->skipped);
    add_count("replaced", done->replaced);
    add_count("attempts", done->attempts > 1 ? done->attempts : 0);
    add_count("replays", done->replays);
    cli_out_print(&cli_out_error, "\n");
}

static void add_member(const char *name, cmx_text text)
{
    cli_out_print(&cli_out_standard, ",\"%s\":", name);
    cli_report_json(&cli_out_standard, text);
}

static void add_number(const char *name, uint64_t number)
{
    cli_out_print(&cli_out_standard, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void add_time_member(const char *name, uint64_t time_ms)
{
    if (time_ms == CMX_TIME_NEVER) {
        cli_out_print(&cli_out_standard, ",\"%s\":null", name);
    } else {
        add_number(name, time_ms);
    }
}

static void add_usage(const cmx_usage *usage)
{
    cli_out_print(&cli_out_standard, ",\"usage\":{\"prompt_tokens\":%llu",
                  (unsigned long long)usage->prompt_tokens);
    add_number("completion_tokens", usage->completion_tokens);
    add_number("total_tokens", usage->total_tokens);
    add_number("cached_tokens", usage->cached_tokens);
    add_number("reasoning_tokens", usage->reasoning_tokens);
    cli_out_byte(&cli_out_standard, '}');
}

void cli_report_retry(const cli_relay *relay, const cli_relay *next, const cmx_retry *retry)
{
    cli_out_print(&cli_out_error, "chatmux: retry in ");
    cli_out_decimal(&cli_out_error, ((uint64_t)retry->wait_ms + 50) / 100, 1);
    if (retry->http_status >= 300) {
        cli_out_print(&cli_out_error, " s: status %u", retry->http_status);
    } else {
        cli_out_print(&cli_out_error, " s: %s", cmx_error_text(retry->error));
    }
    cli_out_print(&cli_out_error, " [attempts %u, replays %u]", retry->attempts, retry->replays);
    if (next != relay) {
        cli_out_print(&cli_out_error, " at %s", next->name != NULL ? next->name : next->url);
    }
    cli_out_print(&cli_out_error, "\n");
}

void cli_report_done_json(const cli_relay *relay, const cmx_done *done)
{
    cli_out_print(&cli_out_standard, "{\"event\":\"done\",\"verdict\":\"%s\",\"error\":\"%s\"",
                  cmx_verdict_name(done->verdict), cmx_error_name(done->error));
    add_number("http_status", done->http_status);
    add_member("finish_reason", done->finish_reason);
    if (relay->name != NULL) {
        add_member("relay", (cmx_text){relay->name, strlen(relay->name)});
    }
    add_member("asked_model", done->asked_model);
    add_member("model", done->model);
    add_member("request_id", done->request_id);
    add_member("message", done->message);
    if (done->has_usage) {
        add_usage(&done->usage);
    }
    if (has_cost(done)) {
        cli_out_print(&cli_out_standard, ",\"cost_usd\":");
        cli_report_dollars(&cli_out_standard, done->cost.amount);
        cli_out_print(&cli_out_standard, ",\"cost_estimated\":%s",
                      done->cost.kind == CMX_COST_ESTIMATED ? "true" : "false");
    }
    add_number("deltas", done->deltas);
    add_number("bytes", done->bytes);
    add_number("tool_calls", done->tool_calls);
    add_number("malformed", done->malformed);
    add_number("skipped", done->skipped);
    add_number("replaced", done->replaced);
    add_number("attempts", done->attempts);
    add_number("replays", done->replays);
    add_time_member("sent_ms", done->times.sent_ms);
    add_time_member("head_ms", done->times.head_ms);
    add_time_member("first_token_ms", done->times.first_token_ms);
    add_time_member("last_token_ms", done->times.last_token_ms);
    add_number("total_ms", done->times.done_ms);
    cli_out_print(&cli_out_standard, "}\n");
}

int cli_report_flush(int code)
{
    cli_out_flush(&cli_out_error);
    int error = cli_out_standard.error;
    if (error == 0) {
        return code;
    }
    return cli_out_say(CLI_EXIT_FAILED, "standard output: %s", cli_system_text(error));
}

int cli_report_exit(const cmx_done *done)
{
    switch (done->verdict) {
    case CMX_VERDICT_DONE:
    case CMX_VERDICT_DONE_NO_SENTINEL:
        return CLI_EXIT_OK;
    case CMX_VERDICT_ERROR_INBAND:
    case CMX_VERDICT_ERROR_HTTP:
        return CLI_EXIT_SERVER;
    case CMX_VERDICT_CANCELLED:
        return CLI_EXIT_INTERRUPTED;
    case CMX_VERDICT_TRUNCATED:
    case CMX_VERDICT_STALLED:
    case CMX_VERDICT_EMPTY:
    case CMX_VERDICT_TIMEOUT:
    case CMX_VERDICT_LIMIT:
    case CMX_VERDICT_NETWORK:
        break;
    }
    return done->bytes > 0 ? CLI_EXIT_PARTIAL : CLI_EXIT_FAILED;
}
