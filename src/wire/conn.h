/* SPDX-License-Identifier: MIT */
/*
 * One connection's life and memory: resolve, connect, TLS, SETTINGS, open, draining, closed. It is
 * the only caller of the port's sockets. The dial is in conn_dial.c, the moving of bytes in
 * conn_pump.c; this file owns states, deadlines and buffers. It knows streams only as the HTTP/2
 * session reports them and never what a body means.
 */
#ifndef CMX_WIRE_CONN_H
#define CMX_WIRE_CONN_H

#include "base/buffer.h"
#include "base/lines.h"
#include "base/url.h"
#include "chatmux/config.h"
#include "chatmux/port.h"
#include "wire/h2.h"
#include "wire/tls.h"

enum {
    CMX_CONN_ADDRESSES_MAX = 8,    /* of one host that are tried, in the resolver's order */
    CMX_CONN_WRITES_PER_TICK = 16, /* records or sends before others get a turn */
    CMX_CONN_SOCKET_NONE = -1,
};

/* Where a connection goes; one per origin, borrowed by its connections. */
typedef struct cmx_conn_target {
    cmx_url url;            /* scheme, host, port */
    cmx_address address;    /* where to connect without resolving; port filled in */
    bool address_known;     /* the host is a literal, or the caller pinned an address */
    cmx_tls_context *trust; /* NULL for plain http */
    cmx_socket_hook hook;   /* NULL = none */
    void *hook_user;
    cmx_view key;      /* what a trace must never show; empty = none */
    cmx_view key_name; /* header under which it is sent */
} cmx_conn_target;

/* What all connections of a client share. */
typedef struct cmx_conn_env {
    const cmx_port *port;          /* borrowed */
    void *port_state;              /* borrowed */
    const cmx_config *config;      /* borrowed: timeouts and window sizes */
    const cmx_h2_library *library; /* borrowed */
    cmx_region *region;            /* borrowed */
    uint8_t *frames;               /* room for frames to be encrypted; used within a call */
    size_t frames_capacity;        /* bytes at frames */
    cmx_lines *lines;              /* borrowed: the trace; NULL = none */
    uint64_t connections_total;    /* sockets opened */
    uint64_t handshakes;           /* TLS handshakes that succeeded */
    uint64_t bytes_received;       /* from sockets */
    uint64_t bytes_sent;           /* to sockets */
} cmx_conn_env;

enum cmx_conn_state {
    CMX_CONN_CLOSED,          /* no socket, no session; the row is free */
    CMX_CONN_AWAIT_ADDRESS,   /* a resolution is pending */
    CMX_CONN_AWAIT_CONNECT,   /* a socket is connecting */
    CMX_CONN_AWAIT_HANDSHAKE, /* connected; TLS is not finished */
    CMX_CONN_AWAIT_SETTINGS,  /* HTTP/2 preface queued; a few streams may start */
    CMX_CONN_OPEN,            /* the server's SETTINGS came */
    CMX_CONN_DRAINING,        /* no new streams; those open finish */
    CMX_CONN_STATE_COUNT
};

typedef struct cmx_conn {
    uint32_t index;                /* row in the pool's table */
    uint32_t origin;               /* row of the origin; valid unless CLOSED */
    uint8_t state;                 /* enum cmx_conn_state; written only by set_state() */
    bool readable;                 /* the port said so and it was not read dry since */
    bool unread;                   /* input may wait for the caller to pull it */
    bool writable;                 /* the socket took all it was given last time */
    cmx_conn_env *env;             /* borrowed */
    const cmx_conn_target *target; /* borrowed; valid unless CLOSED */

    int64_t socket; /* the port's number, or CMX_CONN_SOCKET_NONE */
    uint32_t query; /* the port's number while AWAIT_ADDRESS */
    cmx_address addresses[CMX_CONN_ADDRESSES_MAX];
    uint32_t address_count;
    uint32_t address_next; /* index of the one to try next */

    cmx_tls tls;         /* native NULL for plain http */
    cmx_h2 h2;           /* session NULL until AWAIT_SETTINGS */
    cmx_buffer received; /* from the socket; cipher text with TLS */
    cmx_buffer plain;    /* decrypted, being fed to h2; `received` serves without TLS */
    cmx_buffer to_send;  /* for the socket */

    uint64_t dialed_ms;       /* when the dial began */
    uint64_t due_ms;          /* deadline of the state, UINT64_MAX = none */
    uint64_t unread_since_ms; /* input waits for the caller since then; only with `unread` */
    uint64_t unread_total_ms; /* how long input waited in all: clocks of streams stood still */
    uint64_t drained_ms;      /* all that had come by then was pulled */
    int last_error;           /* of the address tried last, while others remain */
    int send_error;    /* sending failed; what was received is still read, then this ends it */
    int feed_error;    /* HTTP/2 broke; its reports are still taken, then this ends it */
    int32_t tls_error; /* the TLS library's number, kept after the session is gone */
} cmx_conn;

/* Returns the bytes that one connection's buffers take; see cmx_conn_init(). */
size_t cmx_conn_memory_bytes(const cmx_config *config);

/* Prepares a row once. `memory` is cmx_conn_memory_bytes(), borrowed for good. */
void cmx_conn_init(cmx_conn *conn, uint32_t index, cmx_conn_env *env, uint8_t *memory);

/* Moves to another state and arms its deadline; asserts that the move is legal. */
void cmx_conn_set_state(cmx_conn *conn, enum cmx_conn_state state, uint64_t now_ms);

/* Releases socket, sessions and pending resolution in any state; the row is free again. Streams
 * that were not ended are forgotten: the pool ends them. */
void cmx_conn_close(cmx_conn *conn);

/* Releases the sessions only: in the child of a fork the sockets are the port's to close. */
void cmx_conn_abandon(cmx_conn *conn);

/* To be called when the port reported the socket ready. */
void cmx_conn_on_ready(cmx_conn *conn, uint32_t ready, uint64_t now_ms);

/* To be called when input may have come without the port's report: bytes behind a handshake. */
void cmx_conn_on_input(cmx_conn *conn, uint64_t now_ms);

/* To be called when no input is left for the caller to pull. */
void cmx_conn_on_drained(cmx_conn *conn, uint64_t now_ms);

/* Returns for how long in all input waited unread; clocks of its streams do not run meanwhile. */
uint64_t cmx_conn_unread_ms(const cmx_conn *conn, uint64_t now_ms);

/* To be called when `due_ms` has passed. Returns the status that ends the connection, or CMX_OK if
 * it was an idle connection that should end in good order. */
CMX_MUST_CHECK int cmx_conn_on_expiry(const cmx_conn *conn);

/* Returns true if streams can be started: cmx_h2_room() then says how many. */
bool cmx_conn_usable(const cmx_conn *conn);

/* Returns true between dial and the first moment that streams can start. */
bool cmx_conn_dialing(const cmx_conn *conn);

/* Returns true if there may be something to pull: received bytes, or that sending failed. */
bool cmx_conn_has_input(const cmx_conn *conn);

/* Returns true if frames or cipher bytes wait to be sent and the socket is not known to be full,
 * or if a flush would tell that the session is dead. */
bool cmx_conn_has_output(const cmx_conn *conn);

/* Reports an event to the port's log, if it has one, and to the trace. */
void cmx_conn_log(const cmx_conn *conn, enum cmx_log_code code, uint64_t a, uint64_t b);

#endif
