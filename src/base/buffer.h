/* SPDX-License-Identifier: MIT */
/*
 * A linear byte buffer between two layers: bytes are appended at the end and taken from the start.
 * It never grows and never allocates; the owner gives it its array.
 */
#ifndef CMX_BASE_BUFFER_H
#define CMX_BASE_BUFFER_H

#include "base/base.h"

typedef struct cmx_buffer {
    uint8_t *data;   /* owned by whoever set it; `capacity` bytes */
    size_t capacity; /* bytes at data */
    size_t start;    /* first unread byte; <= end */
    size_t end;      /* one after the last unread byte; <= capacity */
} cmx_buffer;

static inline size_t cmx_buffer_len(const cmx_buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline const uint8_t *cmx_buffer_head(const cmx_buffer *buffer)
{
    return buffer->data + buffer->start;
}

/* Forgets `len` bytes at the start. */
void cmx_buffer_skip(cmx_buffer *buffer, size_t len);

/* Moves unread bytes to the front, so that all free room is behind them. */
void cmx_buffer_compact(cmx_buffer *buffer);

static inline uint8_t *cmx_buffer_tail(cmx_buffer *buffer)
{
    return buffer->data + buffer->end;
}

static inline size_t cmx_buffer_room(const cmx_buffer *buffer)
{
    return buffer->capacity - buffer->end;
}

/* Tells the buffer that `len` bytes were written at its tail. */
void cmx_buffer_filled(cmx_buffer *buffer, size_t len);

/* Copies `len` bytes to its tail; there is room for them. */
void cmx_buffer_append(cmx_buffer *buffer, const void *bytes, size_t len);

static inline void cmx_buffer_clear(cmx_buffer *buffer)
{
    buffer->start = 0;
    buffer->end = 0;
}

#endif
