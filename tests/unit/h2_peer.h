/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/2 server in the same process: a library session that reads what the client writes, notes
 * it and answers on request. Bodies are a pattern that depends on stream and offset, so that a byte
 * on the wrong stream shows. Frames that no honest server sends are built byte by byte.
 */
#ifndef H2_PEER_H
#define H2_PEER_H

#include <nghttp2/nghttp2.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    H2_PEER_STREAMS_MAX = 256,
    H2_PEER_ORDER_MAX = 1024,
    H2_PEER_OUT_BYTES = 1024 * 1024,
};

typedef struct h2_peer_stream {
    int32_t id;
    bool ended; /* END_STREAM came */
    bool reset; /* RST_STREAM came */
    uint32_t reset_code;
    long content_length; /* -1 = not announced */
    bool secret_is_safe; /* api-key came as a never-indexed field */
    uint64_t body_bytes;
    uint64_t wrong_bytes; /* of the body */
    uint64_t reply_bytes; /* still to send */
    uint64_t reply_offset;
} h2_peer_stream;

typedef struct h2_peer {
    nghttp2_session *session;
    h2_peer_stream streams[H2_PEER_STREAMS_MAX];
    size_t stream_count;
    int32_t data_order[H2_PEER_ORDER_MAX]; /* stream of each DATA frame received */
    size_t data_frames;
    bool goaway_received;
    uint32_t goaway_code;
    uint32_t initial_window; /* SETTINGS of the client */
    uint32_t push_allowed;
    uint32_t head_bytes_max;
    uint64_t connection_credit;         /* bytes of WINDOW_UPDATE on stream 0 */
    uint8_t out[H2_PEER_OUT_BYTES + 1]; /* for the client */
    size_t out_len;
} h2_peer;

/* Bodies in both directions. */
uint8_t h2_peer_pattern(int32_t stream_id, uint64_t offset);

void h2_peer_open(h2_peer *peer, const nghttp2_settings_entry *settings, size_t count);
void h2_peer_close(h2_peer *peer);

/* Reads what the client wrote. */
void h2_peer_receive(h2_peer *peer, const uint8_t *bytes, size_t len);

/* Puts queued frames into `out`. Returns true if there were any. */
bool h2_peer_send(h2_peer *peer);

h2_peer_stream *h2_peer_find(h2_peer *peer, int32_t id);

/* Queues an answer of `body_bytes`; 0 = headers only. */
void h2_peer_answer(h2_peer *peer, int32_t id, uint64_t body_bytes);

/* Puts one frame into `out`, right or wrong. */
void h2_peer_frame(h2_peer *peer, uint8_t type, uint8_t flags, int32_t id, const char *payload);
void h2_peer_frame_bytes(h2_peer *peer, const uint8_t head[9], const void *payload, size_t len);

/* Puts HEADERS (END_HEADERS added to `flags`) into `out`; status NULL = none, name NULL = no field.
 */
void h2_peer_head(h2_peer *peer, int32_t id, uint8_t flags, const char *status,
                  const char *const field[2]);

void h2_peer_reset(h2_peer *peer, int32_t id, uint32_t code);
void h2_peer_goaway(h2_peer *peer, int32_t last_id, uint32_t code);

#endif
