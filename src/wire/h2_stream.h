/* SPDX-License-Identifier: MIT */
/*
 * What one HTTP/2 session and each of its streams remember between two calls, and how a stream's
 * records come and go. The library's callbacks write here, the caller reads through wire/h2.h.
 * Knows no frame format and no body.
 */
#ifndef CMX_WIRE_H2_STREAM_H
#define CMX_WIRE_H2_STREAM_H

#include "base/region.h"
#include "base/source.h"
#include "base/view.h"
#include "policy/rate_headers.h"
#include "policy/retry_after.h"
#include "wire/h2_trace.h"

#include "chatmux/limits.h"

enum {
    CMX_H2_REQUEST_ID_BYTES_MAX = CMX_LIMIT_REQUEST_ID_BYTES,
    CMX_H2_HEAD_TEXT_BYTES = 123, /* so that a head is 136 bytes */
    CMX_H2_DEBUG_BYTES = 16,      /* of a GOAWAY: longer than any word that means something */
    CMX_H2_ACKS_MAX = 16,         /* of SETTINGS and PING, waiting; more are a flood */
    CMX_H2_QUEUED_MAX = CMX_LIMIT_UNSENT_HEADERS + 8, /* frames in the library: heads, and credits
                                                       * and resets; those beyond wait here */
};

/* The one code of RFC 9113, 7, that more than the library must know. */
#define CMX_H2_ENHANCE_YOUR_CALM 11u

enum cmx_h2_content {
    CMX_H2_CONTENT_OTHER,
    CMX_H2_CONTENT_EVENT_STREAM, /* text/event-stream */
    CMX_H2_CONTENT_JSON,         /* application/json, +json */
};

/* What is kept of a response head. The texts share one room, the id first; bytes that are not
 * visible ASCII or a space are '?', because neither has any business there. */
typedef struct cmx_h2_head {
    uint16_t status;                   /* 100..999; 0 = no final head yet */
    uint8_t content;                   /* enum cmx_h2_content */
    uint8_t request_id_len;            /* bytes: x-request-id, cut to fit */
    uint8_t location_len;              /* bytes: location of a 3xx, cut to fit */
    char text[CMX_H2_HEAD_TEXT_BYTES]; /* request id, location */
    cmx_retry_after after;             /* of an error: when and whether to try again */
} cmx_h2_head;

/* Each list has its own link, because a stream may be in one list of each kind. */
enum cmx_h2_link {
    CMX_H2_LINK_NEWS,   /* streams with a HEAD or END to report */
    CMX_H2_LINK_WAIT,   /* streams whose HEADERS did not leave yet, or whose upload gave way */
    CMX_H2_LINK_CREDIT, /* streams whose credit waits for room in the library's queue */
    CMX_H2_LINK_COUNT,
};

enum cmx_h2_stream_flag {
    CMX_H2_STREAM_HAS_HEAD = 1 << 0,  /* in the news: HEAD */
    CMX_H2_STREAM_HAS_END = 1 << 1,   /* in the news: END */
    CMX_H2_STREAM_HEAD_SEEN = 1 << 2, /* the final head came; what follows are trailers */
    CMX_H2_STREAM_ENDED = 1 << 3,     /* the library does not know it any more */
    CMX_H2_STREAM_COMPLETE = 1 << 4,  /* the server said END_STREAM */
    CMX_H2_STREAM_UNSENT = 1 << 5,    /* in the list `unsent_streams` */
    CMX_H2_STREAM_DEFERRED = 1 << 6,  /* in the list `deferred` */
    CMX_H2_STREAM_OWED = 1 << 7,      /* in the list `owed` */
};

/* One stream's part of a slot; the pool embeds it. Zero it before cmx_h2_start(). */
typedef struct cmx_h2_stream {
    struct cmx_h2_stream *next[CMX_H2_LINK_COUNT];
    const cmx_source *source; /* borrowed until the stream ended; NULL = no body */
    uint64_t uploaded_bytes;  /* of the source */
    uint32_t upload_round;    /* last round of the session in which it sent DATA */
    uint32_t tag;             /* the pool's own index */
    int32_t id;               /* HTTP/2 stream id; 0 = none */
    uint32_t error_code;      /* of RST_STREAM or the library; valid with END */
    uint32_t credit;          /* bytes done with that the library was not told of yet */
    int source_error;    /* why we reset it: status of the source, CMX_ERR_HEAD_LARGE, CMX_OK */
    uint8_t flags;       /* enum cmx_h2_stream_flag */
    uint32_t head_bytes; /* all heads and trailers so far, RFC 9113 6.5.2 counting */
    cmx_h2_head head;    /* valid after the HEAD item */
} cmx_h2_stream;

/* A RST_STREAM that waits for room in the library's queue: its stream's record is gone. */
typedef struct cmx_h2_reset {
    int32_t id;
    uint32_t error_code;
} cmx_h2_reset;

typedef struct cmx_h2_list {
    cmx_h2_stream *first; /* oldest */
    cmx_h2_stream *last;
} cmx_h2_list;

/* What is often looked at comes first: CPUs have shorter instructions for what is near. */
typedef struct cmx_h2 {
    void *session;           /* owned: the library's session; NULL = closed */
    int failure;             /* the library can only be closed any more; else CMX_OK */
    uint32_t active;         /* streams started and not ended */
    uint32_t unsent_headers; /* HEADERS still in the library, cancelled ones included */
    uint32_t unsent_max;     /* HEADERS that may be in the library */
    bool starved;            /* the region refused it memory */
    bool data_taken;         /* the chunk was given out by cmx_h2_next() */
    bool paused;             /* the library stopped inside a DATA frame */
    bool settings_received;  /* the peer's first SETTINGS came */
    bool goaway_received;
    bool leaving;               /* we sent GOAWAY(NO_ERROR) */
    bool terminated;            /* we sent a GOAWAY with an error */
    bool tables_broken;         /* the error was in the compression of header fields */
    cmx_h2_stream *data_stream; /* whose chunk is lent; NULL = none */
    cmx_h2_stream *found;       /* by the last callback, and not ended since; or NULL */
    cmx_h2_list news;           /* streams with a HEAD or END to report */
    cmx_view data;              /* the chunk: lies in the bytes being fed */
    cmx_view unsent;            /* frame bytes of the library that did not fit the last write */
    uint32_t goaway_code;       /* first non-zero code, else 0 */
    uint32_t resets_count;
    cmx_h2_trace trace;
    cmx_h2_list unsent_streams; /* streams whose HEADERS are still in the library */
    cmx_h2_list deferred;       /* streams whose upload gave way to others */
    cmx_h2_list owed;           /* streams whose `credit` waits for room in the library */
    cmx_region *region;         /* borrowed */
    cmx_h2_reset *resets;       /* borrowed: what waits for room in the library */
    uint32_t resets_capacity;   /* as many as there may be streams */
    uint32_t region_owner;      /* to whom its memory is charged */
    uint32_t credit;            /* bytes done with that the library was not told of yet */
    uint32_t credit_min;        /* it is told of at least so many */
    uint32_t stream_credit_min; /* the same for one stream */
    uint32_t upload_round;      /* each stream sends at most one DATA frame in a round */
    uint32_t head_bytes_max;    /* copied from the limits */
    int32_t goaway_last_id;     /* lowest seen; INT32_MAX = none */
    uint32_t streams_assumed;   /* the peer's MAX_CONCURRENT_STREAMS until its SETTINGS come */
    uint32_t resets_sent;       /* RST_STREAM of streams whose HEADERS had left */
    uint8_t goaway_debug[CMX_H2_DEBUG_BYTES]; /* with goaway_code, cut to fit */
    uint8_t goaway_debug_len;                 /* bytes */
    uint64_t frames_received;                 /* any frame: proof of life */
    uint64_t pings_acked;
    int64_t now_unix_ms;    /* for dates in heads; 0 = not known; set by who owns a clock */
    int64_t date_unix_ms;   /* what the head of `date_stream` says it is */
    int32_t date_stream;    /* 0 = none */
    int32_t rates_stream;   /* whose head filled `rates`; 0 = none, or it was used */
    cmx_rate_headers rates; /* of the head that spoke of limits last */
} cmx_h2;

/* Returns the request id of a head; empty = none came. */
static inline cmx_view cmx_h2_head_request_id(const cmx_h2_head *head)
{
    return (cmx_view){(const uint8_t *)head->text, head->request_id_len};
}

/* Returns where a head redirects to; empty = nowhere. */
static inline cmx_view cmx_h2_head_location(const cmx_h2_head *head)
{
    return (cmx_view){(const uint8_t *)head->text + head->request_id_len, head->location_len};
}

void cmx_h2_stream_push(cmx_h2_list *list, cmx_h2_stream *stream, enum cmx_h2_link link);

/* Returns the oldest stream of the list, now out of it, or NULL. */
cmx_h2_stream *cmx_h2_stream_pop(cmx_h2_list *list, enum cmx_h2_link link);

/* Takes a stream out of every list it is in. */
void cmx_h2_stream_unlink(cmx_h2 *h2, cmx_h2_stream *stream);

/* Takes a stream out of the list where it waits for its turn to send. */
void cmx_h2_stream_unwait(cmx_h2 *h2, cmx_h2_stream *stream);

/* Puts the final head into the news. */
void cmx_h2_stream_note_head(cmx_h2 *h2, cmx_h2_stream *stream);

/* Returns whether the library's queue takes another frame: each costs memory until it has left. */
bool cmx_h2_stream_may_queue(const cmx_h2 *h2);

/* Queues RST_STREAM; a request that did not leave yet is withdrawn instead. */
void cmx_h2_stream_reset(cmx_h2 *h2, const cmx_h2_stream *stream, uint32_t error_code);

/* Cuts the library's reference to a stream: no callback finds it any more. */
void cmx_h2_stream_detach(cmx_h2 *h2, cmx_h2_stream *stream);

/* Detaches a stream and puts its END into the news. */
void cmx_h2_stream_end(cmx_h2 *h2, cmx_h2_stream *stream, uint32_t error_code);

/* Returns true after END if the server finished the stream with END_STREAM. RST_STREAM(NO_ERROR)
 * before END_STREAM is not an end: RFC 9113, 8.1. */
bool cmx_h2_stream_complete(const cmx_h2_stream *stream);

/* Returns true after END if the server provably did not process it: REFUSED_STREAM, or an id above
 * GOAWAY's last one (RFC 9113, 8.7), or HEADERS that never left. */
bool cmx_h2_stream_unprocessed(const cmx_h2_stream *stream);

#endif
