/* SPDX-License-Identifier: MIT */
/*
 * A chat request, read from its JSON body.
 * In: bytes. Out: the few fields the emulator obeys, or what is wrong in OpenAI's words.
 * Must not know HTTP.
 */
#ifndef RELAY_CHAT_H
#define RELAY_CHAT_H

#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_MODEL_MAX 128

typedef struct relay_chat {
    relay_json_text model; /* raw JSON string, inside the body */
    int64_t tokens_max;    /* -1: the request sets no limit */
    bool stream;
    bool include_usage;
    bool has_messages;
    bool wants_call; /* tools are offered, and no message is the result of one */
} relay_chat;

/* NULL: understood; else the message of a 400 */
const char *relay_chat_parse(relay_chat *chat, const char *body, size_t body_len);

#endif
