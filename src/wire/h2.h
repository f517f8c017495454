/* SPDX-License-Identifier: MIT */
/*
 * One HTTP/2 session: frames in, frames out, what happened to each stream. It knows no socket, no
 * TLS, no clock and no meaning of a body. The library's DATA callback pauses, so that a body chunk
 * is lent where it lies; all other callbacks only record, and the caller takes the records after
 * the library has returned.
 */
#ifndef CMX_WIRE_H2_H
#define CMX_WIRE_H2_H

#include "wire/h2_library.h"
#include "wire/h2_request.h"
#include "wire/h2_stream.h"

#include "chatmux/limits.h"

enum {
    CMX_H2_UNSENT_HEADERS_MAX =
        CMX_LIMIT_UNSENT_HEADERS, /* HEADERS waiting in the library, about 430 bytes each */
};

typedef struct cmx_h2_limits {
    uint32_t stream_window_bytes;     /* SETTINGS_INITIAL_WINDOW_SIZE */
    uint32_t connection_window_bytes; /* raised at once if above 65,535 */
    uint32_t head_bytes_max;          /* SETTINGS_MAX_HEADER_LIST_SIZE, enforced here */
    uint32_t region_owner;            /* to whom the session's memory is charged */
    bool tables_whole;                /* header tables of HTTP/2's own size, not the library's */
} cmx_h2_limits;

/* Opens a client session in `region` and queues preface, SETTINGS and window. `h2` must not move
 * until cmx_h2_close().
 *
 * Returns CMX_OK, or CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_h2_open(cmx_h2 *h2, const cmx_h2_library *library, cmx_region *region,
                               const cmx_h2_limits *limits);

/* Returns how many HEADERS may wait in the library of one session where there are so many requests:
 * half of them, so that a few requests need little memory. */
static inline uint32_t cmx_h2_unsent_max(uint32_t requests)
{
    uint32_t half = requests / 2 + requests % 2;
    return half < CMX_H2_UNSENT_HEADERS_MAX ? half : CMX_H2_UNSENT_HEADERS_MAX;
}

/* Bounds what waits in the session's library; at first CMX_H2_UNSENT_HEADERS_MAX and nothing else.
 *
 * unsent_max  HEADERS that may wait in it
 * resets      `capacity` rows for resets that wait beside it, borrowed until close; while they are
 *             full it queues further ones */
static inline void cmx_h2_bound(cmx_h2 *h2, uint32_t unsent_max, cmx_h2_reset *resets,
                                uint32_t capacity)
{
    h2->unsent_max = unsent_max;
    h2->resets = resets;
    h2->resets_capacity = capacity;
}

/* Releases the session; streams that were not ended are forgotten without a report. */
void cmx_h2_close(cmx_h2 *h2);

/* Starts a stream; everything but the source and literals is copied, and the source is rewound. The
 * caller has checked cmx_h2_room(): a request is never queued inside the library.
 *
 * Returns CMX_OK, or CMX_ERR_NO_MEMORY, CMX_ERR_GOAWAY (no stream id left or the peer leaves). */
CMX_MUST_CHECK int cmx_h2_start(cmx_h2 *h2, cmx_h2_stream *stream, const cmx_h2_request *request);

/* Resets a stream with CANCEL and forgets it: nothing is reported for it any more, its source is
 * not read again, late frames are credited. Allowed before and after its END was taken. */
void cmx_h2_cancel(cmx_h2 *h2, cmx_h2_stream *stream);

/* Feeds received bytes until all are used or a chunk of DATA is lent. Not while one is lent. After
 * a pause it must be called even if there are no more bytes (len 0): an END may be due.
 *
 * bytes  must stay in place while a chunk is lent
 * used   out: bytes done with; the lent chunk lies before bytes + used
 *
 * Returns CMX_OK, or CMX_ERR_HTTP2 (the session is broken; one more cmx_h2_write() tells the
 * server why), CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_h2_feed(cmx_h2 *h2, const uint8_t *bytes, size_t len, size_t *used);

enum cmx_h2_item_kind {
    CMX_H2_ITEM_HEAD, /* stream->head is valid */
    CMX_H2_ITEM_DATA, /* item->data is lent until cmx_h2_release() */
    CMX_H2_ITEM_END,  /* last item of the stream: see the functions below */
};

typedef struct cmx_h2_item {
    enum cmx_h2_item_kind kind;
    cmx_h2_stream *stream;
    cmx_view data;
} cmx_h2_item;

/* Takes the next record. Per stream the order is HEAD, DATA..., END. cmx_h2_write() may leave
 * records as well: an END for what it could not send.
 *
 * Returns CMX_OK, or CMX_AGAIN (none: feed more; or a chunk is lent: release it first). */
CMX_MUST_CHECK int cmx_h2_next(cmx_h2 *h2, cmx_h2_item *item);

/* Ends the lending of the DATA chunk, if any, and credits its bytes to stream and connection
 * window. */
void cmx_h2_release(cmx_h2 *h2);

/* The same for a chunk whose last bytes were copied: the connection's window is credited with all
 * of it, the stream's with the others until cmx_h2_credit(). So the server can send no more of this
 * stream than a place of the window's size holds, and everything of the others.
 *
 * kept  bytes that were copied, at most as many as the chunk has */
void cmx_h2_release_kept(cmx_h2 *h2, size_t kept);

/* Credits bytes that were kept to their stream's window; nothing happens if it has ended. */
void cmx_h2_credit(cmx_h2 *h2, cmx_h2_stream *stream, size_t len);

/* Writes queued frames to `out`.
 *
 * Returns CMX_OK (*len may be 0), or CMX_ERR_HTTP2, CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_h2_write(cmx_h2 *h2, uint8_t *out, size_t capacity, size_t *len);

/* Returns true if cmx_h2_write() would write something. */
bool cmx_h2_wants_write(const cmx_h2 *h2);

/* Returns how many more streams may be started now: the peer's MAX_CONCURRENT_STREAMS, its GOAWAY
 * and the limit on unsent HEADERS respected; before the first SETTINGS `streams_before_settings`.
 * One stream below a limit above 1 is left out: the server may see an end later than we do. */
uint32_t cmx_h2_room(const cmx_h2 *h2);

/* Replaces streams_before_settings by what is known of the server from an earlier connection.
 * Before its SETTINGS came. */
void cmx_h2_assume(cmx_h2 *h2, uint32_t streams);

/* Returns the peer's MAX_CONCURRENT_STREAMS as known, or assumed, now. */
uint32_t cmx_h2_peer_streams(const cmx_h2 *h2);

/* Queues GOAWAY(NO_ERROR): the orderly end of an idle connection. */
void cmx_h2_goodbye(cmx_h2 *h2);

/* Queues a PING; its ACK is counted in pings_acked. Returns CMX_OK or CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_h2_ping(cmx_h2 *h2);

#endif
