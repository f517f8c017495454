/* SPDX-License-Identifier: MIT */
/*
 * The request body of a chat completion, generated piece by piece from what the caller lent: it
 * can be read at any pace, down to one byte at a time, and from its start again, so that a long
 * prompt is never copied and a replay costs nothing. It knows JSON and the caller's struct, and
 * nothing of where the bytes go.
 *
 * What is borrowed may change under it, by the caller's mistake. Then the rule is: where a text or
 * JSON text begins, it is measured again, once; every byte above 0x7f that leaves is checked to be
 * UTF-8 again; and the body ends exactly at its announced length or as CMX_ERR_BODY_CHANGED. A
 * change that keeps all of this is not noticed: the caller sends what it wrote.
 */
#ifndef CMX_CHAT_BODY_H
#define CMX_CHAT_BODY_H

#include "chat/body_fields.h"
#include "text/utf8.h"

enum { CMX_BODY_BYTES_MAX = 1 << 28 }; /* of the whole body */

/* Of the caller's struct only what is written is kept: there is one body per request. */
typedef struct cmx_body {
    const char *model;           /* borrowed until the end, as all below */
    const cmx_message *messages; /* and their texts */
    const char *jsons[CMX_BODY_FIELDS_JSONS];
    const char *extra_json;
    const uint8_t *source; /* the piece being written; NULL = made when it is read */
    uint32_t source_len;   /* bytes of the piece, before escaping */
    uint32_t offset;       /* bytes of it that are written */
    uint32_t length;       /* bytes of the whole body, from the dry run */
    uint32_t read_bytes;   /* handed out since the start */
    uint32_t numbers[CMX_BODY_FIELDS_NUMBERS];
    uint16_t message_last; /* index of the last message */
    uint16_t item;         /* index of the message or option being written */
    uint8_t stream;        /* enum cmx_body_stream */
    uint8_t step;          /* which piece, enum step of body.c */
    uint8_t kind;          /* of the piece, enum kind of body.c */
    uint8_t quotes;        /* of a text: how many of its two quotes are written */
    uint8_t escape_at;     /* bytes already written of the current character's escape */
    cmx_utf8 utf8;         /* of the piece being written */
} cmx_body;

/* Checks every field and text of `chat` and computes the body's length.
 *
 * chat   what it points to is borrowed until the body is not read any more
 * fault  out: where it is wrong, all zero on CMX_OK; may be NULL
 *
 * Returns what cmx_chat_check() returns. */
CMX_MUST_CHECK int cmx_body_init(cmx_body *body, const cmx_chat *chat, cmx_chat_fault *fault);

/* Leaves `stream_options` out from now on, for a server that does not know it. Returns false if it
 * was not sent anyway; nothing has changed then. */
bool cmx_body_drop_stream_options(cmx_body *body);

/* Names another model from now on, which also changes the length.
 *
 * model  UTF-8, borrowed as the one before, which may have been NULL in the chat */
void cmx_body_set_model(cmx_body *body, const char *model);

/* As cmx_source.read; `ctx` is the cmx_body. CMX_ERR_BODY_CHANGED: what was borrowed is not what it
 * was at init; nothing of this body may be called complete. */
CMX_MUST_CHECK int cmx_body_read(void *ctx, uint8_t *out, size_t capacity, size_t *got);

/* As cmx_source.rewind; `ctx` is the cmx_body. */
void cmx_body_rewind(void *ctx);

#endif
