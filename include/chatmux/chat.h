/* SPDX-License-Identifier: MIT */
/*
 * A chat completion as the OpenAI API defines it: POST {base_url}/chat/completions, the answer as
 * server-sent events or as one JSON object. Either way it arrives as DELTA events.
 */
#ifndef CHATMUX_CHAT_H
#define CHATMUX_CHAT_H

#include "chatmux/request.h"

/* "Not sent": the server's own default applies. */
#define CMX_UNSET UINT32_MAX

enum cmx_role {
    CMX_ROLE_SYSTEM,
    CMX_ROLE_DEVELOPER,
    CMX_ROLE_USER,
    CMX_ROLE_ASSISTANT,
};

typedef struct cmx_message {
    enum cmx_role role;
    const char *text; /* UTF-8; borrowed until DONE or cancel */
    size_t text_len;  /* bytes; 0 = text ends at its NUL */
} cmx_message;

/* Fill with cmx_chat_default(), then override. The struct is copied; what it points to is borrowed
 * until DONE or until cmx_client_cancel() returned. */
typedef struct cmx_chat {
    cmx_origin_id origin;        /* default 0: the first one added */
    const char *model;           /* UTF-8, 1..128 bytes */
    const cmx_message *messages; /* at least one */
    size_t message_count;
    bool stream;                /* default true; false = one JSON object, needs `answer` */
    bool include_usage;         /* default true: ask for usage at the end of a stream */
    uint32_t temperature_milli; /* thousandths, 0..2000; default CMX_UNSET */
    uint32_t max_tokens;        /* 1..; default CMX_UNSET */
    void *answer;               /* room for an answer that is not streamed; DELTA texts lie in it */
    size_t answer_bytes;        /* bytes at `answer`; a larger answer ends as LIMIT */
    void *user;                 /* handed back with every event */
} cmx_chat;

/* Fills `chat` with the defaults named beside its fields; cannot fail. */
void cmx_chat_default(cmx_chat *chat);

/* What a delta belongs to. */
enum cmx_channel {
    CMX_CHANNEL_CONTENT,
    CMX_CHANNEL_REASONING, /* reasoning_content or reasoning */
    CMX_CHANNEL_REFUSAL,
};

/* A piece of the answer: whole UTF-8 characters, JSON escapes resolved. */
typedef struct cmx_delta {
    uint32_t choice; /* index of the choice */
    enum cmx_channel channel;
    cmx_text text; /* lent until the event dies; at least one byte */
} cmx_delta;

#endif
