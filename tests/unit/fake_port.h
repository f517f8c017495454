/* SPDX-License-Identifier: MIT */
/*
 * A port without a system: a clock that the test moves, and sockets whose other end is an HTTP/2
 * session in the same process. A wait that would never end is a failed test. One per process.
 */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

#include "chatmux/port.h"

#include "unit/h2_peer.h"

enum {
    FAKE_PORT_SOCKETS = 12, /* opened in all, not at once */
    FAKE_PORT_ADDRESSES = 16,
    FAKE_PORT_REQUEST_BYTES = 1024,
    FAKE_PORT_START_MS = 5000,
};

/* Marked with "preset": may be set before the socket is opened. */
typedef struct fake_socket {
    bool is_open;
    bool is_deaf;       /* takes no bytes: full */
    bool is_silent;     /* the connect does not end; preset */
    int connect_status; /* how it ends; preset */
    int recv_status;    /* said when nothing is left to receive; CMX_AGAIN = connected */
    int send_status;    /* CMX_OK, or why sending fails */
    uint32_t interest;
    cmx_address to;
    uint64_t opened_ms;
    uint64_t closed_ms;
    char request[FAKE_PORT_REQUEST_BYTES]; /* what the proxy was sent, NUL-terminated */
    size_t request_len;
    size_t answer_taken; /* bytes of the proxy's answer that the client has */
    h2_peer peer;
} fake_socket;

typedef struct fake_port {
    cmx_port table; /* what the client gets */
    uint64_t now_ms;
    int open_status;      /* of the next socket_open */
    int connect_status;   /* of the sockets that connect */
    uint32_t streams_max; /* SETTINGS_MAX_CONCURRENT_STREAMS of new sockets */
    bool is_mute;         /* no server says anything */

    cmx_address addresses[FAKE_PORT_ADDRESSES]; /* of every name; the port is filled in */
    uint32_t address_count;                     /* 0 = no name can be resolved */
    char host[256];                             /* the name asked for last */
    uint16_t host_port;
    uint32_t resolves;  /* names asked for */
    bool is_answer_due; /* a name was asked for: the next wait ends at once */

    bool is_proxy;            /* sockets lead to a proxy, the server is behind it */
    const char *proxy_answer; /* to a whole request; NULL = it says nothing */
    size_t proxy_piece;       /* bytes of it that come at once; 0 = all, and what is behind */

    uint32_t opened;          /* sockets so far */
    uint32_t open_calls;      /* failed ones included */
    uint32_t user_timeout_ms; /* asked for by the last one */
    uint32_t closes;          /* calls of socket_close */
    uint32_t waits;           /* calls of wait */
    uint32_t deinits;
    bool was_abandoned;
    fake_socket sockets[FAKE_PORT_SOCKETS];
} fake_port;

extern fake_port fake;

/* Makes everything new: every connect succeeds and finds a server that allows 100 streams. */
void fake_port_reset(void);

/* Releases the servers. */
void fake_port_deinit(void);

#endif
