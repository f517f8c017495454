/* SPDX-License-Identifier: MIT */
/*
 * The request body of a chat completion, generated piece by piece from what the caller lent: it
 * can be read at any pace, down to one byte at a time, and from its start again, so that a long
 * prompt is never copied and a replay costs nothing. It knows JSON and the caller's struct, and
 * nothing of where the bytes go.
 */
#ifndef CMX_CHAT_BODY_H
#define CMX_CHAT_BODY_H

#include "chatmux/chat.h"
#include "text/utf8.h"

enum {
    CMX_BODY_MODEL_BYTES_MAX = 128,
    CMX_BODY_MESSAGES_MAX = 65536,
    CMX_BODY_BYTES_MAX = 1 << 28, /* of the whole body */
    CMX_BODY_TEMPERATURE_MAX = 2000,
};

typedef struct cmx_body {
    cmx_chat chat;       /* copied; its model, messages and texts are borrowed until the end */
    uint64_t length;     /* bytes of the whole body, from the dry run */
    uint64_t read_bytes; /* handed out since the start */
    size_t message;      /* index of the message being written */
    size_t offset;       /* within the current piece, in its source bytes */
    size_t text_len;     /* bytes of the text being written, measured when it began */
    cmx_utf8 utf8;       /* of the text being written */
    uint8_t step;        /* which piece, enum step of body.c */
    uint8_t escape_at;   /* bytes already written of the current character's escape */
    bool changed;        /* what was borrowed changed: every later read fails */
} cmx_body;

/* Checks every field and text of `chat` and computes the body's length.
 *
 * chat       copied; what it points to is borrowed until the body is not read any more
 * bad_field  out: the field that is wrong, a static string; NULL on CMX_OK; may itself be NULL
 *
 * Returns CMX_OK, CMX_ERR_ARGUMENT (a field is missing or out of range) or CMX_ERR_UTF8. */
CMX_MUST_CHECK int cmx_body_init(cmx_body *body, const cmx_chat *chat, const char **bad_field);

/* As cmx_source.read; `ctx` is the cmx_body. CMX_ERR_BODY_CHANGED: a borrowed text is not what it
 * was at init; nothing of this body may be called complete. */
CMX_MUST_CHECK int cmx_body_read(void *ctx, uint8_t *out, size_t capacity, size_t *got);

/* As cmx_source.rewind; `ctx` is the cmx_body. */
void cmx_body_rewind(void *ctx);

#endif
