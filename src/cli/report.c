/* SPDX-License-Identifier: MIT */
/*
 * Printing. See report.h.
 */
#include "cli/report.h"

#include <errno.h>
#include <string.h>

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

void cli_report_text(FILE *out, cmx_text text, bool filter)
{
    if (!filter) {
        fwrite(text.data, 1, text.len, out);
        return;
    }
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end; at++) {
        if (is_control_pair(at, end)) {
            at++;
        } else if (!is_control((unsigned char)*at)) {
            fputc(*at, out);
        }
    }
}

void cli_report_json(FILE *out, cmx_text text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\') {
            fputc('\\', out);
            fputc(byte, out);
        } else if (byte < 0x20 || byte == 0x7f) {
            fprintf(out, "\\u%04x", byte);
        } else {
            fputc(byte, out);
        }
    }
    fputc('"', out);
}

/* A double would round. */
void cli_report_dollars(FILE *out, uint64_t amount)
{
    fprintf(out, "%llu.%012llu", (unsigned long long)(amount / CMX_PICODOLLARS),
            (unsigned long long)(amount % CMX_PICODOLLARS));
}

void cli_report_failure(const cli_relay *relay, const cmx_done *done)
{
    if (cmx_verdict_complete(done->verdict)) {
        return;
    }
    fprintf(stderr, "chatmux: %s: %s", cmx_verdict_name(done->verdict),
            cmx_error_text(done->error));
    if (done->http_status >= 300) {
        fprintf(stderr, " [HTTP %u]", done->http_status);
    }
    if (done->h2_error != 0) {
        fprintf(stderr, " [HTTP/2 error %u]", done->h2_error);
    }
    fprintf(stderr, "\nchatmux: %s (%s)\n", relay->url, cmx_error_name(done->error));
    if (done->message.len > 0) {
        fprintf(stderr, "chatmux: %s: ",
                done->error == CMX_ERR_REDIRECT ? "it redirects to" : "the server says");
        cli_report_text(stderr, done->message, true);
        fputc('\n', stderr);
    }
    if (done->request_id.len > 0) {
        fprintf(stderr, "chatmux: request id: ");
        cli_report_text(stderr, done->request_id, true);
        fputc('\n', stderr);
    }
}

static void add_text(const char *name, cmx_text text)
{
    if (text.len > 0) {
        fprintf(stderr, " %s=", name);
        cli_report_text(stderr, text, true);
    }
}

static void add_count(const char *name, uint64_t count)
{
    if (count > 0) {
        fprintf(stderr, " %s=%llu", name, (unsigned long long)count);
    }
}

static void add_time(const char *name, uint64_t time_ms)
{
    if (time_ms != CMX_TIME_NEVER) {
        fprintf(stderr, " %s=%llu", name, (unsigned long long)time_ms);
    }
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
    fprintf(stderr, "chatmux: %s", cmx_verdict_name(done->verdict));
    add_count("http_status", done->http_status);
    add_text("finish_reason", done->finish_reason);
    add_text("request_id", done->request_id);
    if (relay->name != NULL) {
        fprintf(stderr, " relay=%s", relay->name);
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
        fputs(is_estimated ? " cost_estimated_usd=" : " cost_usd=", stderr);
        cli_report_dollars(stderr, done->cost.amount);
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
    fputc('\n', stderr);
}

static void add_member(FILE *out, const char *name, cmx_text text)
{
    fprintf(out, ",\"%s\":", name);
    cli_report_json(out, text);
}

static void add_number(FILE *out, const char *name, uint64_t number)
{
    fprintf(out, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void add_time_member(FILE *out, const char *name, uint64_t time_ms)
{
    if (time_ms == CMX_TIME_NEVER) {
        fprintf(out, ",\"%s\":null", name);
    } else {
        add_number(out, name, time_ms);
    }
}

static void add_usage(FILE *out, const cmx_usage *usage)
{
    fprintf(out, ",\"usage\":{\"prompt_tokens\":%llu", (unsigned long long)usage->prompt_tokens);
    add_number(out, "completion_tokens", usage->completion_tokens);
    add_number(out, "total_tokens", usage->total_tokens);
    add_number(out, "cached_tokens", usage->cached_tokens);
    add_number(out, "reasoning_tokens", usage->reasoning_tokens);
    fputc('}', out);
}

void cli_report_retry(const cli_relay *relay, const cli_relay *next, const cmx_retry *retry)
{
    fprintf(stderr, "chatmux: retry in %.1f s: ", (double)retry->wait_ms / 1000);
    if (retry->http_status >= 300) {
        fprintf(stderr, "status %u", retry->http_status);
    } else {
        fputs(cmx_error_text(retry->error), stderr);
    }
    fprintf(stderr, " [attempts %u, replays %u]", retry->attempts, retry->replays);
    if (next != relay) {
        fprintf(stderr, " at %s", next->name != NULL ? next->name : next->url);
    }
    fputc('\n', stderr);
}

void cli_report_done_json(FILE *out, const cli_relay *relay, const cmx_done *done)
{
    fprintf(out, "{\"event\":\"done\",\"verdict\":\"%s\",\"error\":\"%s\"",
            cmx_verdict_name(done->verdict), cmx_error_name(done->error));
    add_number(out, "http_status", done->http_status);
    add_member(out, "finish_reason", done->finish_reason);
    if (relay->name != NULL) {
        add_member(out, "relay", (cmx_text){relay->name, strlen(relay->name)});
    }
    add_member(out, "asked_model", done->asked_model);
    add_member(out, "model", done->model);
    add_member(out, "request_id", done->request_id);
    add_member(out, "message", done->message);
    if (done->has_usage) {
        add_usage(out, &done->usage);
    }
    if (has_cost(done)) {
        fputs(",\"cost_usd\":", out);
        cli_report_dollars(out, done->cost.amount);
        fprintf(out, ",\"cost_estimated\":%s",
                done->cost.kind == CMX_COST_ESTIMATED ? "true" : "false");
    }
    add_number(out, "deltas", done->deltas);
    add_number(out, "bytes", done->bytes);
    add_number(out, "tool_calls", done->tool_calls);
    add_number(out, "malformed", done->malformed);
    add_number(out, "skipped", done->skipped);
    add_number(out, "replaced", done->replaced);
    add_number(out, "attempts", done->attempts);
    add_number(out, "replays", done->replays);
    add_time_member(out, "sent_ms", done->times.sent_ms);
    add_time_member(out, "head_ms", done->times.head_ms);
    add_time_member(out, "first_token_ms", done->times.first_token_ms);
    add_time_member(out, "last_token_ms", done->times.last_token_ms);
    add_number(out, "total_ms", done->times.done_ms);
    fputs("}\n", out);
}

int cli_report_flush(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    fprintf(stderr, "chatmux: standard output: %s\n", strerror(errno));
    return CLI_EXIT_FAILED;
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
