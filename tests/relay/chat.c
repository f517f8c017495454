/* SPDX-License-Identifier: MIT */
/*
 * Takes model, stream, stream_options.include_usage, the token limits, whether tools are offered
 * and the presence of messages from a chat request; everything else is checked for syntax only. In:
 * a body. Out: relay_chat. Must not answer.
 */
#include "chat.h"

#include <string.h>

static int64_t parse_count(relay_json_text raw)
{
    int64_t value = 0;

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.data[i] < '0' || raw.data[i] > '9' || value > INT32_MAX) {
            return -1;
        }
        value = value * 10 + (raw.data[i] - '0');
    }
    return value;
}

static void take_member(relay_chat *chat, const relay_json_value *value)
{
    if (relay_json_is(value->outer, "model") && value->kind == RELAY_JSON_STRING) {
        chat->model = value->raw;
    } else if (relay_json_is(value->outer, "stream")) {
        chat->stream = value->kind == RELAY_JSON_TRUE;
    } else if (relay_json_is(value->outer, "messages")) {
        chat->has_messages = value->kind == RELAY_JSON_ARRAY && value->count > 0;
    } else if (relay_json_is(value->outer, "tools")) {
        chat->wants_call = value->kind == RELAY_JSON_ARRAY && value->count > 0;
    } else if ((relay_json_is(value->outer, "max_tokens") ||
                relay_json_is(value->outer, "max_completion_tokens")) &&
               value->kind == RELAY_JSON_NUMBER) {
        chat->tokens_max = parse_count(value->raw);
    }
}

static void visit_value(void *context, const relay_json_value *value)
{
    relay_chat *chat = context;

    if (value->inner.data == NULL) {
        take_member(chat, value);
    } else if (relay_json_is(value->outer, "stream_options") &&
               relay_json_is(value->inner, "include_usage")) {
        chat->include_usage = value->kind == RELAY_JSON_TRUE;
    }
}

/* Quotes inside a string are escaped, so that this can only be a member of a message. */
static bool has_tool_result(const char *body, size_t body_len)
{
    static const char member[] = "\"role\":\"tool\"";

    return memmem(body, body_len, member, sizeof member - 1) != NULL;
}

const char *relay_chat_parse(relay_chat *chat, const char *body, size_t body_len)
{
    memset(chat, 0, sizeof *chat);
    chat->tokens_max = -1;
    if (!relay_json_walk(body, body_len, visit_value, chat)) {
        return "We could not parse the JSON body of your request.";
    }
    chat->wants_call = chat->wants_call && !has_tool_result(body, body_len);
    if (chat->model.data == NULL || chat->model.len == 0) {
        return "you must provide a model parameter";
    }
    if (chat->model.len > RELAY_MODEL_MAX) {
        return "the model parameter is too long";
    }
    if (!chat->has_messages) {
        return "Missing required parameter: 'messages'.";
    }
    return NULL;
}
