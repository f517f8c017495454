/* SPDX-License-Identifier: MIT */
/*
 * The platform contract: everything that chatmux asks of the system, as one table of functions.
 * This header defines the contract, not the code; port/linux implements it on epoll, port/template
 * is the copy to start from, and tests/port_conformance.c judges every implementation.
 *
 * Rules for all functions: none blocks, except `wait` for as long as it is told. None calls back
 * into chatmux. All are called by the client's owner thread, except `wakeup`. A status is CMX_OK,
 * CMX_AGAIN (would block, ask again) or one of the errors named; anything else ends the connection
 * as CMX_ERR_PORT.
 *
 * `ctx` is the table's own context, shared by all clients that use the table. `state` belongs to
 * one client: CMX_PORT_STATE_BYTES() of its memory block, set up by `init`.
 */
#ifndef CHATMUX_PORT_H
#define CHATMUX_PORT_H

#include "chatmux/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a client's block that are lent to its port for a number of sockets. A port that needs
 * more keeps it elsewhere. */
#define CMX_PORT_STATE_BYTES(sockets) (1024u + 128u * (sockets))

/* An address to connect to. Bytes are in network order. */
typedef struct cmx_address {
    uint8_t ip[16];    /* IPv4 uses the first four */
    uint8_t family;    /* 4 or 6 */
    uint16_t port;     /* host order: 1..65535 */
    uint32_t scope_id; /* interface of an IPv6 link-local address, else 0 */
} cmx_address;

/* What a socket waits for and what it is ready for; bits. */
enum {
    CMX_SOCKET_READ = 1,  /* bytes, end of stream or an error can be received */
    CMX_SOCKET_WRITE = 2, /* bytes can be sent, or the connect has finished */
};

/* One ready socket, reported by `wait`. */
typedef struct cmx_port_ready {
    uint32_t socket; /* the number that socket_open gave */
    uint32_t ready;  /* CMX_SOCKET_READ, CMX_SOCKET_WRITE or both */
} cmx_port_ready;

/* Numeric log events; values mean what the comment says. Never text, never a secret. */
enum cmx_log_code {
    CMX_LOG_DIAL = 1,      /* connection index, address family, port */
    CMX_LOG_CONNECTED = 2, /* connection index, milliseconds, 0 */
    CMX_LOG_SECURE = 3,    /* connection index, milliseconds, TLS library's cipher number */
    CMX_LOG_OPEN = 4,      /* connection index, milliseconds, peer's MAX_CONCURRENT_STREAMS */
    CMX_LOG_CLOSED = 5,    /* connection index, minus the status, TLS library's error number */
    CMX_LOG_GOAWAY = 6,    /* connection index, last stream id, HTTP/2 error code */
    CMX_LOG_PROXY = 7,     /* connection index, milliseconds, the proxy's HTTP status, 0 = none */
};

/* Called on each new socket before it connects, for interface, mark, VRF or buffer sizes.
 *
 * native  in: the system's own handle (a file descriptor on Linux)
 *
 * Returns CMX_OK, or an error, which fails this connection attempt. */
typedef int (*cmx_socket_hook)(void *user, intptr_t native, const cmx_address *to);

/* What is asked of one socket. */
typedef struct cmx_socket_options {
    cmx_socket_hook hook; /* called before connecting; NULL = none */
    void *hook_user;
    uint32_t user_timeout_ms; /* a connection whose peer acknowledges nothing for so long fails
                                 (TCP_USER_TIMEOUT); does not shorten the connecting; 0, or where
                                 there is no such thing: as the system does */
} cmx_socket_options;

typedef struct cmx_port {
    void *ctx; /* handed to the functions that take `ctx`; may be NULL */

    /* Sets up one client's state.
     *
     * state    in-out: zeroed, aligned to 16 bytes, lent until deinit
     * sockets  most sockets open at once
     *
     * Returns CMX_OK, or CMX_ERR_NO_MEMORY, CMX_ERR_PORT (the system refused a descriptor). */
    int (*init)(void *ctx, void *state, size_t state_bytes, uint32_t sockets);

    /* Releases everything that `init` and later calls took; open sockets are closed, pending
     * resolutions cancelled. With `abandon` set only descriptors are closed: the child of a fork
     * may not touch threads. */
    void (*deinit)(void *state, bool abandon);

    /* Returns milliseconds of a clock that never goes back and counts suspend
     * (CLOCK_BOOTTIME on Linux). */
    uint64_t (*now_ms)(void *state);

    /* Tells the calendar time, for the dates of certificates.
     *
     * unix_s  out: seconds since 1970, only with CMX_OK
     *
     * Returns CMX_OK, or CMX_AGAIN while the clock is known not to be set. */
    int (*wall_clock)(void *ctx, int64_t *unix_s);

    /* Fills `out` with `len` unpredictable bytes for TLS keys.
     *
     * Returns CMX_OK, or CMX_ERR_PORT (nothing usable was written). */
    int (*entropy)(void *ctx, void *out, size_t len);

    /* Reads from a file of CA certificates, only while an origin is added.
     *
     * offset  where to read
     * len     in-out: room at `out`, then bytes read; 0 with CMX_OK means the end
     *
     * Returns CMX_OK, or CMX_ERR_TRUST (cannot be opened or read). */
    int (*file_read)(void *ctx, const char *path, uint64_t offset, void *out, size_t *len);

    /* Names the `index`-th regular file of a directory of CA certificates, in any fixed order.
     *
     * name  out: NUL-terminated, without the directory
     *
     * Returns CMX_OK, CMX_IDLE (no more), or CMX_ERR_TRUST (cannot be read). */
    int (*dir_entry)(void *ctx, const char *path, uint32_t index, char *name, size_t capacity);

    /* Names the place of the system's CA bundle, or NULL if there is none. Static string. */
    const char *(*system_trust)(void *ctx);

    /* Starts to resolve a host name; address literals never come here.
     *
     * host   borrowed during the call
     * query  out: number for the next two calls, only with CMX_OK
     *
     * Returns CMX_OK, or CMX_ERR_BUSY (too many at once), CMX_ERR_DNS_FAILED. */
    int (*resolve_start)(void *state, const char *host, uint16_t port, uint32_t *query);

    /* Asks for the addresses, best first; a final answer ends the query.
     *
     * count  out: 1..capacity with CMX_OK
     *
     * Returns CMX_OK, CMX_AGAIN, or CMX_ERR_DNS_NOT_FOUND (no such name), CMX_ERR_DNS_FAILED
     * (no answer now). The client's descriptor becomes ready when the answer is there. */
    int (*resolve_poll)(void *state, uint32_t query, cmx_address *out, size_t capacity,
                        size_t *count);

    /* Ends a query whose answer nobody wants; a late answer is dropped. */
    void (*resolve_cancel)(void *state, uint32_t query);

    /* Opens a non-blocking socket and starts to connect.
     *
     * options  borrowed during the call
     * socket   out: number for all other calls, only with CMX_OK; may be 0
     *
     * Returns CMX_OK, or CMX_ERR_REFUSED, CMX_ERR_UNREACHABLE, CMX_ERR_BUSY (no descriptor),
     * CMX_ERR_NETWORK, or what the hook returned. */
    int (*socket_open)(void *state, const cmx_address *to, const cmx_socket_options *options,
                       uint32_t *socket);

    /* Tells whether the connect has finished.
     *
     * Returns CMX_OK (connected), CMX_AGAIN, or CMX_ERR_REFUSED, CMX_ERR_UNREACHABLE,
     * CMX_ERR_RESET, CMX_ERR_TIMEOUT_CONNECT, CMX_ERR_NETWORK. */
    int (*socket_connected)(void *state, uint32_t socket);

    /* Receives what is there.
     *
     * got  out: 1..capacity with CMX_OK, else 0
     *
     * Returns CMX_OK, CMX_AGAIN (nothing now), or CMX_ERR_CLOSED (the peer ended its side:
     * final, all bytes were delivered), CMX_ERR_RESET, CMX_ERR_UNREACHABLE, CMX_ERR_NETWORK. */
    int (*socket_recv)(void *state, uint32_t socket, void *out, size_t capacity, size_t *got);

    /* Sends as much as the system takes.
     *
     * sent  out: 1..len with CMX_OK, else 0
     *
     * Returns CMX_OK, CMX_AGAIN (no room now), or the errors of socket_recv. Never raises a
     * signal. */
    int (*socket_send)(void *state, uint32_t socket, const void *bytes, size_t len, size_t *sent);

    /* Closes a socket; its number may be used again. */
    void (*socket_close)(void *state, uint32_t socket);

    /* Says what a socket waits for; level-triggered, starts with nothing. 0 = nothing. */
    void (*socket_want)(void *state, uint32_t socket, uint32_t interest);

    /* Waits until a socket is ready, an answer of a resolution is there, `wakeup` was called or
     * the time is over.
     *
     * timeout_ms  0 = do not wait, UINT32_MAX = no limit
     * out, count  out: up to `capacity` ready sockets; none is not an error; those left out are
     *             reported by the next call
     *
     * Returns CMX_OK, or CMX_ERR_PORT. A signal ends the wait early with CMX_OK. */
    int (*wait)(void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity,
                size_t *count);

    /* Ends a `wait` that is under way or the next one. May be called from any thread and from a
     * signal handler. */
    void (*wakeup)(void *state);

    /* Returns one descriptor that becomes readable when `wait` would return early, to be watched
     * by a foreign loop; close-on-exec, owned by the port. -1 = this system has none. */
    int (*descriptor)(void *state);

    /* Takes one numeric log event; may be NULL. Values as told by enum cmx_log_code. */
    void (*log)(void *ctx, enum cmx_log_code code, const uint64_t values[3]);
} cmx_port;

/* Returns the Linux port: epoll, non-blocking sockets, CLOCK_BOOTTIME, getrandom, and libc's
 * getaddrinfo in one worker thread per client that starts with the first host name. */
const cmx_port *cmx_port_linux(void);

#endif
