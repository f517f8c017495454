/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events (WHATWG HTML, 9.2.6) found in borrowed bytes: an event that is whole is handed
 * out where it lies; of one that is not, the reader says from where on the bytes must be kept. It
 * copies nothing but the later lines of an event with several data lines, and joins those in place.
 * `id` and `retry` are ignored: a completion cannot be resumed. One addition: a field named `error`
 * with an object as its value is an event, too.
 */
#ifndef CMX_TEXT_SSE_H
#define CMX_TEXT_SSE_H

#include "base/view.h"

/* A longer value of `event` is cut: nothing that matters here has one. */
enum { CMX_SSE_TYPE_BYTES_MAX = 16 };

/* All offsets count from the first kept byte, which is the start of an event's first line. */
typedef struct cmx_sse {
    uint32_t line;     /* start of the line that is not finished */
    uint32_t scanned;  /* bytes from there on that are known to hold no line end */
    uint32_t data;     /* start of the data; meaningful with has_data */
    uint32_t data_len; /* bytes of data, lines joined */
    bool begun;        /* the start of the stream is behind us: no BOM any more */
    bool skip_lf;      /* the last line ended in CR: a LF right behind belongs to it */
    uint8_t ignoring;  /* 0 = nothing; else what is passed over: see sse.c */
    bool has_data;     /* at least one data line */
    bool is_error;     /* the data came from a field named `error` */
    uint8_t type_len;  /* 0 = none */
    uint8_t type[CMX_SSE_TYPE_BYTES_MAX]; /* value of `event`, copied: its line is not kept */
} cmx_sse;

typedef struct cmx_sse_event {
    uint8_t *data; /* lies in the bytes given; may be changed */
    size_t len;    /* 0 = an empty event, which the standard dispatches */
    cmx_view type; /* value of `event`, until the next call; empty = none */
    bool is_error; /* from a field named `error` */
    size_t size;   /* bytes of the whole event with its line ends */
} cmx_sse_event;

/* Starts a stream. */
void cmx_sse_init(cmx_sse *sse);

/* Looks for the next event.
 *
 * data   bytes that follow what earlier calls used; after CMX_AGAIN the same bytes again, perhaps
 *        at another place, with more behind them; less than 2 GiB
 * used   out: bytes at the front that are not needed any more. On CMX_OK they include the event,
 *        which is valid until they are overwritten
 * event  out: only on CMX_OK
 *
 * Returns CMX_OK, or CMX_AGAIN: no further event ends here. */
CMX_MUST_CHECK int cmx_sse_next(cmx_sse *sse, uint8_t *data, size_t len, size_t *used,
                                cmx_sse_event *event);

/* Gives up the event at hand: what was kept of it is not needed any more, its other lines are used
 * up as they come, and the event behind it is the next.
 *
 * len  bytes kept, all of which the last cmx_sse_next() has seen */
void cmx_sse_drop(cmx_sse *sse, size_t len);

/* Takes the kept bytes as if the stream had ended its last line and event. The standard drops such
 * an event; the caller decides. As cmx_sse_next(). */
CMX_MUST_CHECK int cmx_sse_finish(cmx_sse *sse, uint8_t *data, size_t len, cmx_sse_event *event);

#endif
