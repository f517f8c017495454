/* SPDX-License-Identifier: MIT */
/*
 * The optional members of a request body, each described once: what it is called in the caller's
 * struct and on the wire, where it lies, and what it may hold. Checking and writing both read it
 * here, so that no field can be written unchecked.
 */
#ifndef CMX_CHAT_BODY_FIELDS_H
#define CMX_CHAT_BODY_FIELDS_H

#include "base/view.h"
#include "chatmux/chat.h"
#include "chatmux/limits.h"

enum {
    CMX_BODY_MODEL_BYTES_MAX = CMX_LIMIT_MODEL_BYTES,
    CMX_BODY_MESSAGES_MAX = CMX_LIMIT_MESSAGES,
    CMX_BODY_TEMPERATURE_MAX = 2000,
    CMX_BODY_TOP_P_MAX = 1000,
    CMX_BODY_CHOICES_MAX = CMX_LIMIT_CHOICES,
};

enum {
    CMX_BODY_FIELDS_NUMBERS = 5,
    CMX_BODY_FIELDS_JSONS = 4,
};

/* How the answer is asked for; all but the first two send `stream_options`. */
enum cmx_body_stream {
    CMX_BODY_STREAM_OFF,
    CMX_BODY_STREAM_ON,
    CMX_BODY_STREAM_USAGE, /* include_usage */
    CMX_BODY_STREAM_BARE,  /* no padding against guessing texts by their lengths */
    CMX_BODY_STREAM_BARE_USAGE,
};

/* Kinds of JSON values, to be joined. */
enum {
    CMX_BODY_FIELDS_STRING = 1,
    CMX_BODY_FIELDS_STRINGS = 2, /* an array of nothing but strings */
    CMX_BODY_FIELDS_ARRAY = 4,
    CMX_BODY_FIELDS_OBJECT = 8,
    CMX_BODY_FIELDS_ANY = 16,
};

/* A number, sent unless CMX_UNSET. */
typedef struct cmx_body_number {
    const char *field; /* of cmx_chat */
    size_t at;         /* offset in cmx_chat */
    const char *name;  /* in the body */
    uint32_t least;
    uint32_t most;
    bool milli; /* in thousandths */
} cmx_body_number;

/* A JSON text, sent unless NULL. */
typedef struct cmx_body_json {
    const char *field; /* of cmx_chat */
    size_t at;         /* offset in cmx_chat */
    const char *name;  /* in the body */
    unsigned kinds;    /* that it may be */
} cmx_body_json;

/* Returns the descriptions of all numbers, in the order in which they are written. */
const cmx_body_number *cmx_body_fields_numbers(void);

/* Returns the descriptions of all JSON texts, in the order in which they are written. */
const cmx_body_json *cmx_body_fields_jsons(void);

/* Returns what the caller set. */
uint32_t cmx_body_fields_number(const cmx_chat *chat, const cmx_body_number *number);
const char *cmx_body_fields_json(const cmx_chat *chat, const cmx_body_json *json);

/* Returns how the answer is asked for. */
enum cmx_body_stream cmx_body_fields_stream(const cmx_chat *chat);

#endif
