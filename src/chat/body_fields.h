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
    CMX_BODY_FIELDS = CMX_BODY_FIELDS_NUMBERS + CMX_BODY_FIELDS_JSONS,
};

/* How the answer is asked for; all but the first two send `stream_options`. */
enum cmx_body_stream {
    CMX_BODY_STREAM_OFF,
    CMX_BODY_STREAM_ON,
    CMX_BODY_STREAM_USAGE, /* include_usage */
    CMX_BODY_STREAM_BARE,  /* no padding against guessing texts by their lengths */
    CMX_BODY_STREAM_BARE_USAGE,
};

/* Kinds of values: of a number, or of JSON values, to be joined. */
enum {
    CMX_BODY_FIELDS_WHOLE = 0,
    CMX_BODY_FIELDS_MILLI = 1, /* in thousandths */

    CMX_BODY_FIELDS_STRING = 1,
    CMX_BODY_FIELDS_STRINGS = 2, /* an array of nothing but strings */
    CMX_BODY_FIELDS_ARRAY = 4,
    CMX_BODY_FIELDS_OBJECT = 8,
    CMX_BODY_FIELDS_ANY = 16,
};

/* Numbers of names in cmx_body_fields_names. */
enum {
    CMX_BODY_NAME_MAX_COMPLETION_TOKENS = 1,
    CMX_BODY_NAME_RESPONSE_FORMAT,
    CMX_BODY_NAME_STREAM_OPTIONS,
    CMX_BODY_NAME_TEMPERATURE,
    CMX_BODY_NAME_TOOL_CHOICE,
    CMX_BODY_NAME_MAX_TOKENS,
    CMX_BODY_NAME_MESSAGES,
    CMX_BODY_NAME_STREAM,
    CMX_BODY_NAME_MODEL,
    CMX_BODY_NAME_TOP_P,
    CMX_BODY_NAME_TOOLS,
    CMX_BODY_NAME_STOP,
    CMX_BODY_NAME_N,
};

/* All members of the body that chatmux may send itself, as cmx_json_text_which() has names. */
extern const char cmx_body_fields_names[];

/* An optional member: a number, sent unless CMX_UNSET, or a JSON text, sent unless NULL. */
typedef struct cmx_body_field {
    const char *field; /* of cmx_chat */
    const char *name;  /* in the body, with all that stands before the value */
    uint32_t most;     /* of a number */
    uint8_t least;     /* of a number */
    uint8_t kinds;     /* that it may be */
    uint8_t number;    /* CMX_BODY_NAME_... */
    uint8_t at;        /* offset in cmx_chat */
} cmx_body_field;

/* The numbers and behind them the JSON texts, in the order in which they are written. */
extern const cmx_body_field cmx_body_fields[CMX_BODY_FIELDS];

/* Returns what the caller set in a field that is a number, and in one that is JSON. */
uint32_t cmx_body_fields_number(const cmx_chat *chat, const cmx_body_field *field);
const char *cmx_body_fields_json(const cmx_chat *chat, const cmx_body_field *field);

/* Returns how the answer is asked for. */
enum cmx_body_stream cmx_body_fields_stream(const cmx_chat *chat);

#endif
