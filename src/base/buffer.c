/* SPDX-License-Identifier: MIT */
/*
 * What moves a buffer's ends. See buffer.h.
 */
#include "base/buffer.h"

#include <string.h>

void cmx_buffer_skip(cmx_buffer *buffer, size_t len)
{
    CMX_ASSERT(len <= cmx_buffer_len(buffer));
    buffer->start += len;
    if (buffer->start == buffer->end) {
        cmx_buffer_clear(buffer);
    }
}

void cmx_buffer_compact(cmx_buffer *buffer)
{
    size_t len = cmx_buffer_len(buffer);
    if (buffer->start > 0) {
        memmove(buffer->data, buffer->data + buffer->start, len);
        buffer->start = 0;
        buffer->end = len;
    }
}

void cmx_buffer_filled(cmx_buffer *buffer, size_t len)
{
    CMX_ASSERT(len <= cmx_buffer_room(buffer));
    buffer->end += len;
}

void cmx_buffer_append(cmx_buffer *buffer, const void *bytes, size_t len)
{
    uint8_t *tail = cmx_buffer_tail(buffer);
    cmx_buffer_filled(buffer, len);
    if (len > 0) {
        memcpy(tail, bytes, len);
    }
}
