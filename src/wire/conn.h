/* SPDX-License-Identifier: MIT */
/*
 * One connection's life and memory: resolve, connect, proxy, TLS, SETTINGS, open, draining, closed.
 * It is the only caller of the port's sockets. The dial is in conn_dial.c, the moving of bytes in
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
#include "wire/eyeballs.h"
#include "wire/h2.h"
#include "wire/tls.h"

enum {
    CMX_CONN_ADDRESSES_MAX = CMX_EYEBALLS_ADDRESSES_MAX, /* of one host that are tried */
    CMX_CONN_RACING_MAX = CMX_EYEBALLS_RACING_MAX, /* sockets of one dial; later there is one */
    CMX_CONN_WRITES_PER_TICK = 16,                 /* records or sends before others get a turn */
    CMX_CONN_SOCKET_NONE = -1,
};

/* A proxy that is asked for a tunnel. */
typedef struct cmx_conn_proxy {
    bool is_on;                              /* false: direct, nothing below counts */
    uint16_t port;                           /* of the proxy */
    char host[CMX_URL_HOST_BYTES];           /* of the proxy: this is what is resolved */
    char authority[CMX_URL_AUTHORITY_BYTES]; /* of the origin, with its port: the tunnel's end */
    cmx_view credentials;                    /* user:password in base64, a secret; empty = none */
} cmx_conn_proxy;

/* Where a connection goes; one per origin, borrowed by its connections. The long texts come last:
 * what is often looked at is then near, for which CPUs have shorter instructions. */
typedef struct cmx_conn_target {
    cmx_tls_context *trust; /* NULL for plain http */
    cmx_socket_hook hook;   /* NULL = none */
    void *hook_user;
    cmx_view key;         /* what a trace must never show; empty = none */
    cmx_view key_name;    /* header under which it is sent */
    cmx_address address;  /* where to connect without resolving; port filled in */
    bool address_known;   /* the host (or the proxy) is a literal, or the caller pinned one */
    uint8_t family_won;   /* of the last socket that connected, tried first; 0 = none yet */
    bool tables_whole;    /* the server does not heed the size that is asked for */
    cmx_conn_proxy proxy; /* between here and there */
    cmx_url url;          /* scheme, host, port */
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
    CMX_CONN_AWAIT_CONNECT,   /* one or two sockets are connecting */
    CMX_CONN_AWAIT_PROXY,     /* connected to the proxy; it has not agreed to the tunnel */
    CMX_CONN_AWAIT_HANDSHAKE, /* connected; TLS is not finished */
    CMX_CONN_AWAIT_SETTINGS,  /* HTTP/2 preface queued; a few streams may start */
    CMX_CONN_OPEN,            /* the server's SETTINGS came */
    CMX_CONN_DRAINING,        /* no new streams; those open finish */
    CMX_CONN_STATE_COUNT
};

/* A socket of the race for the fastest address. */
typedef struct cmx_conn_try {
    int64_t socket; /* the port's number, or CMX_CONN_SOCKET_NONE: the place is free */
    uint32_t index; /* of its address */
    bool is_ready;  /* the port said so: ask how the connect ended */
} cmx_conn_try;

/* What is often looked at comes first, as in cmx_conn_target. */
typedef struct cmx_conn {
    uint8_t state;     /* enum cmx_conn_state; written only by set_state() */
    bool readable;     /* the port said so and it was not read dry since */
    bool unread;       /* input may wait for the caller to pull it */
    bool writable;     /* the socket took all it was given last time */
    uint32_t index;    /* row in the pool's table */
    uint32_t origin;   /* row of the origin; valid unless CLOSED */
    int send_error;    /* sending failed; what was received is still read, then this ends it */
    cmx_conn_env *env; /* borrowed */
    cmx_conn_target *target; /* borrowed; valid unless CLOSED; `family_won` is written here */
    uint64_t due_ms;         /* deadline of the state, UINT64_MAX = none */
    uint64_t rest_ms;        /* the socket is left alone until then; UINT64_MAX = it is not */
    int64_t socket;       /* the port's number, or CMX_CONN_SOCKET_NONE: also while AWAIT_CONNECT */
    cmx_buffer to_send;   /* for the socket */
    cmx_h2 h2;            /* session NULL until AWAIT_SETTINGS */
    cmx_buffer received;  /* from the socket; cipher text with TLS */
    cmx_buffer plain;     /* decrypted, being fed to h2; `received` serves without TLS */
    cmx_tls tls;          /* native NULL for plain http */
    cmx_h2_reset *resets; /* borrowed: for `h2` */
    uint32_t resets_capacity;
    uint32_t unsent_max; /* for `h2` */

    uint64_t dialed_ms;       /* when the dial began */
    uint64_t unread_since_ms; /* input waits for the caller since then; only with `unread` */
    uint64_t unread_total_ms; /* how long input waited in all: clocks of streams stood still */
    uint64_t drained_ms;      /* all that had come by then was pulled */
    uint64_t rx_bytes;        /* received from the socket in all */
    uint64_t stalled_ms;      /* bytes wait and the socket takes none since then, less the unread
                                 time by then; UINT64_MAX = it takes them */
    uint64_t rested_bytes;    /* rx_bytes when it was last read dry */
    uint64_t came_ms;         /* when it was last read dry and some had come */
    int last_error;           /* of the address that failed last, while others remain */
    int feed_error;           /* HTTP/2 broke; its reports are still taken, then this ends it */
    int32_t tls_error;        /* the TLS library's number, kept after the session is gone */
    uint32_t query;           /* the port's number while AWAIT_ADDRESS */
    cmx_conn_try tries[CMX_CONN_RACING_MAX]; /* all free unless AWAIT_CONNECT */
    cmx_eyeballs race;                       /* which address is tried when */
    cmx_address addresses[CMX_CONN_ADDRESSES_MAX];
} cmx_conn;

/* Returns how many resets may wait beside the library of one connection. */
uint32_t cmx_conn_resets_max(const cmx_config *config);

/* Returns the bytes that one connection's buffers take; see cmx_conn_init(). */
size_t cmx_conn_memory_bytes(const cmx_config *config);

/* Prepares a row once. `memory` is cmx_conn_memory_bytes(), borrowed for good. */
void cmx_conn_init(cmx_conn *conn, uint32_t index, cmx_conn_env *env, uint8_t *memory);

/* Moves to another state and arms its deadline; asserts that the move is legal. */
void cmx_conn_set_state(cmx_conn *conn, enum cmx_conn_state state, uint64_t now_ms);

/* Closes a socket of the connection, if it is one, and notes that there is none. */
void cmx_conn_close_socket(cmx_conn *conn, int64_t *socket);

/* Closes the sockets that are connecting. */
void cmx_conn_close_tries(cmx_conn *conn);

/* Releases socket, sessions and pending resolution in any state; the row is free again. Streams
 * that were not ended are forgotten: the pool ends them. */
void cmx_conn_close(cmx_conn *conn);

/* Releases the sessions only: in the child of a fork the sockets are the port's to close. */
void cmx_conn_abandon(cmx_conn *conn);

/* To be called when the port reported the connection's socket ready. */
void cmx_conn_on_ready(cmx_conn *conn, uint32_t ready, uint64_t now_ms);

/* To be called when the port reported a socket ready; does nothing unless it is one of the
 * connection's, the connecting ones included. */
void cmx_conn_on_socket(cmx_conn *conn, const cmx_port_ready *ready, uint64_t now_ms);

/* To be called when input may have come without the port's report: bytes behind a handshake. */
void cmx_conn_on_input(cmx_conn *conn, uint64_t now_ms);

/* To be called when the rest is over, or when a deadline may have what waits in the socket. */
void cmx_conn_on_rested(cmx_conn *conn, uint64_t now_ms);

/* Tells the port what to report of the socket: room to write only while bytes wait for it. */
void cmx_conn_want(const cmx_conn *conn);

/* To be called when no input is left for the caller to pull. With coalesce_ms a socket that had
 * some is then left alone for a while, so that what comes meanwhile is read in one go. */
void cmx_conn_on_drained(cmx_conn *conn, uint64_t now_ms);

/* Returns for how long in all input waited unread; clocks of its streams do not run meanwhile. */
uint64_t cmx_conn_unread_ms(const cmx_conn *conn, uint64_t now_ms);

/* To be called when `due_ms` has passed. Returns the status that ends the connection, or CMX_OK if
 * it was an idle connection that should end in good order. */
CMX_MUST_CHECK int cmx_conn_on_expiry(const cmx_conn *conn);

/* Returns when the socket has taken nothing for write_timeout_ms, unread time not counted;
 * UINT64_MAX = it takes what it is given. */
uint64_t cmx_conn_stall_due_ms(const cmx_conn *conn, uint64_t now_ms);

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
