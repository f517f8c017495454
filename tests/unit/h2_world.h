/* SPDX-License-Identifier: MIT */
/*
 * A client session under test, its region and the peer it talks to, joined by byte queues. It
 * notes per stream the order of the records: "HDDE" is a head, two chunks and an end.
 */
#ifndef H2_WORLD_H
#define H2_WORLD_H

#include "wire/h2.h"

#include "unit/h2_peer.h"

enum {
    H2_WORLD_STREAMS = 128,
    H2_WORLD_REGION_BYTES = 1024 * 1024,
    H2_WORLD_LOG_BYTES = 32,
    H2_WORLD_TEXT_BYTES = 64,
    H2_WORLD_ALL = 1024 * 1024, /* a piece size that never splits */
};

typedef struct h2_world_stream {
    cmx_h2_stream h2;
    char log[H2_WORLD_LOG_BYTES + 1];   /* records, cut */
    char text[H2_WORLD_TEXT_BYTES + 1]; /* body, cut */
    uint64_t body_bytes;
    uint64_t wrong_bytes;
} h2_world_stream;

typedef struct h2_world {
    cmx_h2_library library;
    cmx_h2 h2;
    cmx_region *region;
    size_t region_baseline;
    h2_peer peer;
    h2_world_stream streams[H2_WORLD_STREAMS];
    int feed_rc; /* first error of cmx_h2_feed() */
    bool holds;  /* do not release a chunk: stop the delivery there */
    size_t delivered;
} h2_world;

typedef struct h2_world_options {
    uint32_t streams_before_settings; /* 0 = 100 */
    uint32_t stream_window_bytes;     /* 0 = 16384 */
    uint32_t head_bytes_max;          /* 0 = 16384 */
    uint32_t table_bytes;             /* 0 = the library's own */
    bool tables_whole;                /* as the limits have it */
    size_t region_bytes;              /* 0 = H2_WORLD_REGION_BYTES */
    nghttp2_settings_entry setting;   /* of the peer; id 0 = none */
    bool stays_silent;                /* no opening exchange */
} h2_world_options;

/* Opens both sides and lets them exchange their SETTINGS. The one world of a test process. */
h2_world *h2_world_open(const h2_world_options *options);

/* Closes both sides; the region must be as it was before. */
void h2_world_close(h2_world *world);

/* Starts POST /v1/chat/completions on the stream of this index. */
void h2_world_start(h2_world *world, size_t index, const cmx_source *source);

/* Moves the client's frames to the peer through writes of at most `capacity` bytes. */
void h2_world_flush(h2_world *world, size_t capacity);

/* Feeds the peer's output in pieces of at most `piece` bytes and takes all records. */
void h2_world_deliver(h2_world *world, size_t piece);

/* Takes all records; returns false if a chunk stayed lent. */
bool h2_world_take(h2_world *world);

/* Flush, answer, deliver, until nobody has anything to say. */
void h2_world_exchange(h2_world *world);

#endif
