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
    CMX_ROLE_TOOL,
};

/* How hard the work is; the caller knows. */
enum cmx_tier {
    CMX_TIER_ANY,
    CMX_TIER_LOW,
    CMX_TIER_MEDIUM,
    CMX_TIER_HIGH,
};

typedef struct cmx_message {
    enum cmx_role role;
    const char *text;         /* UTF-8; borrowed until DONE or cancel; NULL = see content_json */
    size_t text_len;          /* bytes; 0 = text ends at its NUL */
    const char *content_json; /* used where text is NULL: the content as JSON, such as an array of
                                 parts; NULL, too = null, allowed if extra_json is given */
    const char *tool_call_id; /* UTF-8: the call that a TOOL message answers; NULL = none */
    const char *extra_json;   /* object whose members join the message, such as
                                 {"tool_calls":[...]}; NULL = none */
} cmx_message;

/* Fill with cmx_chat_default(), then override. The struct is copied; what it points to is borrowed
 * until DONE or until cmx_client_cancel() returned. */
typedef struct cmx_chat {
    cmx_origin_id origin;        /* default 0: the first one added; not used where model is NULL */
    const char *model;           /* UTF-8, 1..128 bytes; NULL = one of the targets, see route.h */
    enum cmx_tier tier;          /* of the targets that may serve it; default ANY */
    const cmx_message *messages; /* at least one */
    size_t message_count;
    bool stream;                    /* default true; false = one JSON object, needs `answer` */
    bool include_usage;             /* default true: ask for usage at the end of a stream */
    uint32_t temperature_milli;     /* thousandths, 0..2000; default CMX_UNSET */
    uint32_t top_p_milli;           /* thousandths, 0..1000; default CMX_UNSET */
    uint32_t max_tokens;            /* 1..; default CMX_UNSET */
    uint32_t max_completion_tokens; /* 1..; the newer name, for reasoning models; CMX_UNSET */
    uint32_t choices;               /* `n`: 1..8; default CMX_UNSET */
    bool no_obfuscation;            /* default false; true = ask for no padding in the stream */

    /* JSON texts, validated, NUL-terminated, borrowed until DONE or cancel; NULL = not sent. */
    const char *stop_json;            /* a string or an array of strings */
    const char *tools_json;           /* an array */
    const char *tool_choice_json;     /* a string or an object */
    const char *response_format_json; /* an object */
    const char *extra_json; /* an object whose members join the body; none that is sent already */

    void *answer;           /* room for an answer that is not streamed; DELTA texts lie in it */
    size_t answer_bytes;    /* bytes at `answer`; a larger answer ends as LIMIT */
    cmx_time_limits limits; /* copied; default all 0 */
    void *user;             /* handed back with every event */
} cmx_chat;

/* Fills `chat` with the defaults named beside its fields; cannot fail. */
void cmx_chat_default(cmx_chat *chat);

/* Where a chat is not what it must be. */
typedef struct cmx_chat_fault {
    const char *field; /* such as "messages.text"; a static string; NULL = no fault */
    size_t message;    /* index of the message, for fields of messages */
    size_t offset;     /* for UTF8 and JSON: the first byte of the value that cannot stand there;
                          its length if more had to come */
} cmx_chat_fault;

/* Checks a chat as cmx_chat_start() does, but for `origin`, and says where a fault is.
 *
 * fault  out: all zero on CMX_OK; may be NULL
 *
 * Returns CMX_OK, or
 *   CMX_ERR_ARGUMENT  a field is missing or out of range -> correct the field named
 *   CMX_ERR_UTF8      a text is not valid UTF-8 -> correct it at the offset
 *   CMX_ERR_JSON      a JSON text is not valid, is not of the kind it must be, or names a member
 *                     twice that chatmux sends itself -> correct it at the offset */
CMX_MUST_CHECK int cmx_chat_check(const cmx_chat *chat, cmx_chat_fault *fault);

/* What a delta belongs to. */
enum cmx_channel {
    CMX_CHANNEL_CONTENT,
    CMX_CHANNEL_REASONING, /* reasoning_content, reasoning, or parts of type thinking */
    CMX_CHANNEL_REFUSAL,
    CMX_CHANNEL_TOOL_CALL, /* the text is arguments of a call, pieces of one JSON text */
};

/* A piece of the answer: whole UTF-8 characters, JSON escapes resolved. */
typedef struct cmx_delta {
    uint32_t choice; /* index of the choice */
    enum cmx_channel channel;
    cmx_text text; /* lent until the event dies; at least one byte, but for a tool call's name */

    /* For TOOL_CALL. Id and name come once each, as soon as the server tells them, normally both
     * with the first delta of the call; empty in all others. Lent like the text. */
    uint32_t tool; /* number of the call within its choice, from 0 in order of appearance */
    cmx_text tool_id;
    cmx_text tool_name;
} cmx_delta;

#endif
