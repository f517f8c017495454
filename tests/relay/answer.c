/* SPDX-License-Identifier: MIT */
/*
 * Renders answers. What repeats in every event of a stream is rendered once, at its start, because
 * the emulator shares two cores with the client that is being measured.
 * In: relay_answer. Out: bytes. Must not look at the connection.
 */
#include "answer.h"

#include "bill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT_TOKENS 9
#define STAMP_MAX 32
#define FLOOD_LEN 1024
#define MALFORMED_AT 9 /* tokens: with the role before them the tenth event */

/* As they stand inside a JSON string: an escape and a few multi-byte characters are there on
 * purpose. */
static const char *const words[] = {
    "Connection",
    " pool",
    "ing",
    " keeps",
    " a",
    " few",
    " connections",
    " open",
    " and",
    " lends",
    " them",
    " to",
    " many",
    " requests",
    ",",
    " so",
    " that",
    " nobody",
    " pays",
    " for",
    " a",
    " new",
    " handshake",
    " each",
    " time",
    ".",
    " With",
    " HTTP",
    "/",
    "2",
    ",",
    " two",
    " connections",
    " carry",
    " hundreds",
    " of",
    " answers",
    " at",
    " once",
    " \xe2\x80\x94",
    " every",
    " one",
    " in",
    " its",
    " own",
    " \\\"",
    "stream",
    "\\\"",
    ",",
    " none",
    " waiting",
    " behind",
    " another",
    ".",
    " D\xc3\xa9j\xc3\xa0",
    " vu",
    "?",
    " No",
    ":",
    " flow",
    " control",
    ".",
    "\\n",
    "\\n",
};

/* Two calls in pieces, as they stand in "tool_calls": a token each. */
static const char *const call_pieces[] = {
    "{\"index\":0,\"id\":\"call_relay0\",\"type\":\"function\","
    "\"function\":{\"name\":\"add\",\"arguments\":\"\"}}",
    "{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":17\"}}",
    "{\"index\":0,\"function\":{\"arguments\":\",\\\"b\\\":\"}}",
    "{\"index\":0,\"function\":{\"arguments\":\"25}\"}}",
    "{\"index\":1,\"id\":\"call_relay1\",\"type\":\"function\","
    "\"function\":{\"name\":\"say\",\"arguments\":\"\"}}",
    "{\"index\":1,\"function\":{\"arguments\":\"{\\\"text\\\":\\\"D\xc3\xa9j\xc3\xa0\"}}",
    "{\"index\":1,\"function\":{\"arguments\":\" vu\\\\n\\\"}\"}}",
};

bool relay_answer_prepare(relay_env *env)
{
    const char *text = env->options.token_text;
    size_t len = 0;

    if (text == NULL) {
        return true;
    }
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        char *out = env->token_json + len;

        if (len + 8 > sizeof env->token_json) {
            return false;
        }
        if (c == '"' || c == '\\') {
            out[0] = '\\';
            out[1] = (char)c;
            len += 2;
        } else if (c < 0x20) {
            len += (size_t)snprintf(out, 8, "\\u%04x", c);
        } else {
            out[0] = (char)c;
            len++;
        }
    }
    env->token_json_len = len;
    return true;
}

static void render_id(relay_answer *answer)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char head[] = "chatcmpl-";
    size_t len = sizeof head - 1;

    memcpy(answer->id, head, len);
    for (int i = 0; i < 29; i++) {
        answer->id[len++] = alphabet[relay_rng_below(&answer->env->rng, sizeof alphabet - 1)];
    }
    answer->id[len] = '\0';
}

static void render_prefix(relay_answer *answer, const relay_chat *chat)
{
    int len =
        snprintf(answer->prefix, sizeof answer->prefix,
                 "data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%" PRId64
                 ",\"model\":\"%.*s\",\"service_tier\":\"default\","
                 "\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[",
                 answer->id, (int64_t)time(NULL), (int)chat->model.len, chat->model.data);

    answer->envelope_len = (size_t)len;
    len += snprintf(answer->prefix + len, sizeof answer->prefix - (size_t)len,
                    "{\"index\":0,\"delta\":{\"content\":\"");
    answer->prefix_len = (size_t)len;
}

void relay_answer_init(relay_answer *answer, relay_env *env, const relay_chat *chat,
                       const relay_fault *fault)
{
    memset(answer, 0, offsetof(relay_answer, id));
    answer->env = env;
    answer->fault = fault;
    answer->include_usage = chat->include_usage;
    answer->tokens_total = env->options.tokens;
    if (chat->tokens_max >= 0 && chat->tokens_max < answer->tokens_total) {
        answer->tokens_total = chat->tokens_max;
        answer->shortened = true;
    }
    if (chat->wants_call && chat->stream) {
        answer->calls = true;
        answer->shortened = false;
        answer->tokens_total = sizeof call_pieces / sizeof call_pieces[0];
    }
    memcpy(answer->model, chat->model.data, chat->model.len);
    answer->model[chat->model.len] = '\0';
    render_id(answer);
    render_prefix(answer, chat);
}

static size_t render_stamp(char *out)
{
    char digits[STAMP_MAX];
    uint64_t value = (uint64_t)relay_now_us();
    size_t count = 0;
    size_t len = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    out[len++] = 't';
    out[len++] = '=';
    while (count > 0) {
        out[len++] = digits[--count];
    }
    out[len++] = ' ';
    return len;
}

static size_t render_token(const relay_answer *answer, char *out)
{
    const relay_env *env = answer->env;
    const char *word;
    size_t len;

    if (env->options.stamp) {
        return render_stamp(out);
    }
    if (env->options.token_text != NULL) {
        memcpy(out, env->token_json, env->token_json_len);
        return env->token_json_len;
    }
    word = words[(size_t)answer->tokens_sent % (sizeof words / sizeof words[0])];
    len = strlen(word);
    memcpy(out, word, len);
    return len;
}

static size_t append(char *event, size_t len, const char *text)
{
    const size_t text_len = strlen(text);

    memcpy(event + len, text, text_len);
    return len + text_len;
}

static size_t close_event(const relay_answer *answer, char *event, size_t len)
{
    return append(event, len, answer->include_usage ? ",\"usage\":null}\n\n" : "}\n\n");
}

static size_t render_envelope(const relay_answer *answer, char *event)
{
    memcpy(event, answer->prefix, answer->envelope_len);
    return answer->envelope_len;
}

static size_t render_role(const relay_answer *answer, char *event)
{
    size_t len = render_envelope(answer, event);

    len =
        append(event, len,
               "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
               "\"logprobs\":null,\"finish_reason\":null}]");
    return close_event(answer, event, len);
}

static size_t render_call(const relay_answer *answer, char *event)
{
    size_t len = render_envelope(answer, event);

    len = append(event, len, "{\"index\":0,\"delta\":{\"tool_calls\":[");
    len = append(event, len, call_pieces[answer->tokens_sent]);
    return append(event, len, "]");
}

static size_t render_text(const relay_answer *answer, char *event)
{
    size_t len = answer->prefix_len;

    memcpy(event, answer->prefix, len);
    len += render_token(answer, event + len);
    return append(event, len, "\"");
}

static size_t render_delta(relay_answer *answer, char *event)
{
    size_t len = answer->calls ? render_call(answer, event) : render_text(answer, event);

    len = append(event, len, "},\"logprobs\":null,\"finish_reason\":null}]");
    answer->tokens_sent++;
    answer->env->stats.tokens++;
    return close_event(answer, event, len);
}

static size_t render_finish(const relay_answer *answer, char *event)
{
    size_t len = render_envelope(answer, event);

    len = append(event, len, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"");
    len = append(event, len,
                 answer->calls       ? "tool_calls\"}]"
                 : answer->shortened ? "length\"}]"
                                     : "stop\"}]");
    return close_event(answer, event, len);
}

static size_t render_usage_object(const relay_answer *answer, char *out, size_t capacity)
{
    if (answer->env->bills != NULL) {
        return relay_bill_usage(answer->env, answer->model, out, capacity);
    }
    return (size_t)snprintf(
        out, capacity,
        "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%" PRId64
        ",\"total_tokens\":%" PRId64
        ",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
        "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
        PROMPT_TOKENS, answer->tokens_total, answer->tokens_total + PROMPT_TOKENS);
}

static size_t render_usage(const relay_answer *answer, char *event)
{
    size_t len = append(event, render_envelope(answer, event), "],");

    len += render_usage_object(answer, event + len, RELAY_ANSWER_EVENT_MAX - len);
    return append(event, len, "}\n\n");
}

static bool reached_cut(const relay_answer *answer)
{
    int64_t cut_after = answer->env->options.fault_after;

    if (answer->fault == NULL || answer->fault->cut == RELAY_CUT_NONE) {
        return false;
    }
    if (cut_after < 0 || cut_after > answer->tokens_total) {
        cut_after = answer->tokens_total / 2;
    }
    return answer->tokens_sent >= cut_after;
}

static enum relay_answer_step cut_off(relay_answer *answer, char *event, size_t *len)
{
    switch (answer->fault->cut) {
    case RELAY_CUT_ERROR_EVENT:
        *len = (size_t)snprintf(event, RELAY_ANSWER_EVENT_MAX,
                                "data: {\"error\":{\"message\":\"%s\",\"type\":\"%s\","
                                "\"param\":null,\"code\":%s}}\n\n",
                                answer->fault->message, answer->fault->error_type,
                                answer->fault->error_code);
        answer->stage = RELAY_STAGE_END;
        return RELAY_STEP_EVENT;
    case RELAY_CUT_MID:
        if (answer->cut) {
            return RELAY_STEP_END;
        }
        answer->cut = true;
        memcpy(event, answer->prefix, answer->prefix_len);
        *len = append(event, answer->prefix_len, "Conn");
        return RELAY_STEP_EVENT;
    case RELAY_CUT_FLOOD:
        memset(event, '.', FLOOD_LEN);
        memcpy(event, ": ", 2);
        memcpy(event + FLOOD_LEN - 2, "\n\n", 2);
        *len = FLOOD_LEN;
        return RELAY_STEP_EVENT;
    case RELAY_CUT_STALL:
        return RELAY_STEP_WAIT;
    case RELAY_CUT_RESET:
    case RELAY_CUT_DROP:
    case RELAY_CUT_CLOSE:
    case RELAY_CUT_END_STREAM:
    case RELAY_CUT_NONE:
        break;
    }
    return RELAY_STEP_END;
}

static enum relay_answer_step next_token(relay_answer *answer, char *event, size_t *len)
{
    if (answer->tokens_sent >= answer->tokens_due) {
        return RELAY_STEP_WAIT;
    }
    *len = render_delta(answer, event);
    if (answer->fault != NULL && answer->fault->malformed && answer->tokens_sent == MALFORMED_AT) {
        *len = append(event, *len / 2, "\n\n");
    }
    if (reached_cut(answer)) {
        answer->stage = RELAY_STAGE_CUT;
    } else if (answer->tokens_sent == answer->tokens_total) {
        answer->stage = RELAY_STAGE_FINISH;
    }
    return RELAY_STEP_EVENT;
}

enum relay_answer_step relay_answer_next(relay_answer *answer, char *event, size_t *len)
{
    switch (answer->stage) {
    case RELAY_STAGE_ROLE:
        *len = render_role(answer, event);
        answer->stage = reached_cut(answer)         ? RELAY_STAGE_CUT
                        : answer->tokens_total == 0 ? RELAY_STAGE_FINISH
                                                    : RELAY_STAGE_TOKENS;
        return RELAY_STEP_EVENT;
    case RELAY_STAGE_TOKENS:
        return next_token(answer, event, len);
    case RELAY_STAGE_FINISH:
        *len = render_finish(answer, event);
        answer->stage = answer->include_usage ? RELAY_STAGE_USAGE : RELAY_STAGE_SENTINEL;
        return RELAY_STEP_EVENT;
    case RELAY_STAGE_USAGE:
        *len = render_usage(answer, event);
        answer->stage = RELAY_STAGE_SENTINEL;
        return RELAY_STEP_EVENT;
    case RELAY_STAGE_SENTINEL:
        answer->stage = RELAY_STAGE_END;
        if (answer->fault != NULL && answer->fault->no_done) {
            return RELAY_STEP_END;
        }
        *len = append(event, 0, "data: [DONE]\n\n");
        return RELAY_STEP_EVENT;
    case RELAY_STAGE_CUT:
        return cut_off(answer, event, len);
    case RELAY_STAGE_END:
        break;
    }
    return RELAY_STEP_END;
}

char *relay_answer_plain(relay_answer *answer, const relay_chat *chat, size_t *len)
{
    const size_t capacity =
        RELAY_ANSWER_EVENT_MAX + (size_t)answer->tokens_total * (answer->env->token_json_len + 32);
    char *out = malloc(capacity);
    size_t at;

    if (out == NULL) {
        return NULL;
    }
    at = (size_t)snprintf(out, capacity,
                          "{\n  \"id\": \"%s\",\n  \"object\": \"chat.completion\",\n"
                          "  \"created\": %" PRId64 ",\n  \"model\": \"%.*s\",\n  \"choices\": [\n"
                          "    {\n      \"index\": 0,\n      \"message\": {\n"
                          "        \"role\": \"assistant\",\n        \"content\": \"",
                          answer->id, (int64_t)time(NULL), (int)chat->model.len, chat->model.data);
    for (answer->tokens_sent = 0; answer->tokens_sent < answer->tokens_total;
         answer->tokens_sent++) {
        at += render_token(answer, out + at);
    }
    answer->env->stats.tokens += (uint64_t)answer->tokens_total;
    at += (size_t)snprintf(out + at, capacity - at,
                           "\",\n        \"refusal\": null\n      },\n      \"logprobs\": null,\n"
                           "      \"finish_reason\": \"%s\"\n    }\n  ],\n  ",
                           answer->shortened ? "length" : "stop");
    at += render_usage_object(answer, out + at, capacity - at);
    at += (size_t)snprintf(out + at, capacity - at,
                           ",\n  \"service_tier\": \"default\",\n"
                           "  \"system_fingerprint\": \"fp_44709d6fcb\"\n}\n");
    *len = at;
    return out;
}
