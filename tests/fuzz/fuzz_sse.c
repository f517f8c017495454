/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on server-sent events: the stream in one piece, and with one byte more at each call as
 * a decoder keeps it, must hold the same events.
 */
#include "text/sse.h"

#include <stdlib.h>

enum { STREAM_BYTES_MAX = 4096 };

struct seen {
    uint64_t hash;
    size_t events;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_byte(struct seen *seen, uint8_t byte)
{
    seen->hash = (seen->hash ^ byte) * UINT64_C(0x100000001b3);
}

static void note(struct seen *seen, const cmx_sse_event *event)
{
    seen->events++;
    for (size_t i = 0; i < event->len; i++) {
        add_byte(seen, event->data[i]);
    }
    add_byte(seen, 0xff);
    for (size_t i = 0; i < event->type.len; i++) {
        add_byte(seen, event->type.data[i]);
    }
    add_byte(seen, event->is_error ? 1 : 0);
}

/* Hands over `step` more bytes at a time, and again what is not used up. */
static struct seen read_stream(const uint8_t *data, size_t size, size_t step)
{
    struct seen seen = {UINT64_C(0xcbf29ce484222325), 0};
    uint8_t *kept = malloc(size + 1);
    size_t len = 0;
    cmx_sse sse;
    cmx_sse_init(&sse);
    if (kept == NULL) {
        abort();
    }
    for (size_t at = 0; at < size;) {
        size_t more = size - at < step ? size - at : step;
        memcpy(kept + len, data + at, more);
        len += more;
        at += more;
        cmx_sse_event event;
        size_t used;
        int rc;
        do {
            rc = cmx_sse_next(&sse, kept, len, &used, &event);
            if (rc == CMX_OK) {
                note(&seen, &event);
            }
            len -= used;
            memmove(kept, kept + used, len);
        } while (rc == CMX_OK);
    }
    cmx_sse_event last;
    if (cmx_sse_finish(&sse, kept, len, &last) == CMX_OK) {
        note(&seen, &last);
    }
    free(kept);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > STREAM_BYTES_MAX) {
        return -1;
    }
    struct seen whole = read_stream(data, size, STREAM_BYTES_MAX);
    struct seen bytes = read_stream(data, size, 1);
    if (whole.events != bytes.events || whole.hash != bytes.hash) {
        abort();
    }
    return 0;
}
