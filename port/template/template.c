/* SPDX-License-Identifier: MIT */
/*
 * The port to start from: every function of the contract with its rules in short, none of them
 * working yet. Copy the folder, rename `template`, and fill in one function after the other until
 * tests/port_conformance.c passes; port/PORTING.md gives the order. chatmux/port.h has the rules
 * in full. Each function that is left as it is fails cleanly with CMX_ERR_PORT.
 */
#include "template.h"

/* One client's state, in the bytes that init is given. */
typedef struct template_state {
    uint32_t socket_count;
} template_state;

_Static_assert(sizeof(template_state) <= CMX_PORT_STATE_BYTES(0u), "must fit the lent bytes");

/* Prepares one client. `state` is zeroed and aligned to 16; needs room for `sockets` sockets.
 * Returns CMX_ERR_NO_MEMORY if the bytes do not suffice. */
static int init_state(void *ctx, void *state, size_t state_bytes, uint32_t sockets)
{
    template_state *client = state;

    (void)ctx;
    if (state_bytes < sizeof(*client)) {
        return CMX_ERR_NO_MEMORY;
    }
    client->socket_count = sockets;
    return CMX_ERR_PORT;
}

/* Gives everything back: open sockets are closed, pending names forgotten. Without fork on this
 * system `abandon` is never set. */
static void deinit_state(void *state, bool abandon)
{
    template_state *client = state;

    (void)abandon;
    client->socket_count = 0;
}

/* Milliseconds; never goes back, never wraps (64 bits), goes on during suspend. */
static uint64_t now_ms(void *state)
{
    (void)state;
    return 0;
}

/* Seconds since 1970, or CMX_AGAIN until the calendar was set. */
static int wall_clock(void *ctx, int64_t *unix_s)
{
    (void)ctx;
    *unix_s = 0;
    return CMX_ERR_PORT;
}

/* Fills all of `out` from a generator fit for keys, or fails; never a weaker source. */
static int entropy(void *ctx, void *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return CMX_ERR_PORT;
}

/* Reads up to `len` bytes at `offset` and says in `len` how many; 0 with CMX_OK is the end. Without
 * a file system: CMX_ERR_TRUST, and origins carry their certificates in memory. */
static int file_read(void *ctx, const char *path, uint64_t offset, void *out, size_t *len)
{
    (void)ctx;
    (void)path;
    (void)offset;
    (void)out;
    *len = 0;
    return CMX_ERR_PORT;
}

/* Names the index-th regular file of a directory, CMX_IDLE after the last. */
static int dir_entry(void *ctx, const char *path, uint32_t index, char *name, size_t capacity)
{
    (void)ctx;
    (void)path;
    (void)index;
    (void)name;
    (void)capacity;
    return CMX_ERR_PORT;
}

/* The system's CA bundle as a static string, or NULL. */
static const char *system_trust(void *ctx)
{
    (void)ctx;
    return NULL;
}

/* Starts to resolve `host` (copy it) without blocking. CMX_ERR_BUSY if too many are under way. */
static int resolve_start(void *state, const char *host, uint16_t port, uint32_t *query)
{
    (void)state;
    (void)host;
    (void)port;
    *query = 0;
    return CMX_ERR_PORT;
}

/* CMX_AGAIN until the answer is there; then addresses or an error, once. */
static int resolve_poll(void *state, uint32_t query, cmx_address *out, size_t capacity,
                        size_t *count)
{
    (void)state;
    (void)query;
    (void)out;
    (void)capacity;
    *count = 0;
    return CMX_ERR_PORT;
}

/* Forgets a query. Its late answer must not reach a newer one. */
static void resolve_cancel(void *state, uint32_t query)
{
    (void)state;
    (void)query;
}

/* Opens, calls the hook with the system's handle (its error is returned and nothing stays open),
 * starts to connect, does not wait. No room in the table: CMX_ERR_BUSY. Once connected, the user
 * timeout is set, if the system has one. */
static int socket_open(void *state, const cmx_address *to, const cmx_socket_options *options,
                       uint32_t *socket)
{
    (void)state;
    (void)to;
    (void)options;
    *socket = 0;
    return CMX_ERR_PORT;
}

/* CMX_AGAIN while connecting, then CMX_OK or why not: the same answer however often asked. */
static int socket_connected(void *state, uint32_t socket)
{
    (void)state;
    (void)socket;
    return CMX_ERR_PORT;
}

/* 1..capacity bytes, CMX_AGAIN if there are none now, CMX_ERR_CLOSED after the last byte of an
 * orderly end, CMX_ERR_RESET after any other end. */
static int socket_recv(void *state, uint32_t socket, void *out, size_t capacity, size_t *got)
{
    (void)state;
    (void)socket;
    (void)out;
    (void)capacity;
    *got = 0;
    return CMX_ERR_PORT;
}

/* 1..len bytes taken, CMX_AGAIN if there is no room now. Never a signal. */
static int socket_send(void *state, uint32_t socket, const void *bytes, size_t len, size_t *sent)
{
    (void)state;
    (void)socket;
    (void)bytes;
    (void)len;
    *sent = 0;
    return CMX_ERR_PORT;
}

/* Closes; the number is free for the next socket_open, and no readiness of the old one is left. */
static void socket_close(void *state, uint32_t socket)
{
    (void)state;
    (void)socket;
}

/* Replaces what the socket waits for; called often, so cheap if nothing changes. */
static void socket_want(void *state, uint32_t socket, uint32_t interest)
{
    (void)state;
    (void)socket;
    (void)interest;
}

/* The only function that may sleep. Level-triggered: reports what is ready as long as it is, and
 * in the end every ready socket, however small `capacity` is. */
static int wait(void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity,
                size_t *count)
{
    (void)state;
    (void)timeout_ms;
    (void)out;
    (void)capacity;
    *count = 0;
    return CMX_ERR_PORT;
}

/* Ends the wait under way, or else the next one. From any thread, interrupt or signal handler. */
static void wakeup(void *state)
{
    (void)state;
}

/* -1 if foreign loops have nothing to watch on this system. */
static int descriptor(void *state)
{
    (void)state;
    return -1;
}

const cmx_port *cmx_port_template(void)
{
    static const cmx_port table = {
        .ctx = NULL,
        .init = init_state,
        .deinit = deinit_state,
        .now_ms = now_ms,
        .wall_clock = wall_clock,
        .entropy = entropy,
        .file_read = file_read,
        .dir_entry = dir_entry,
        .system_trust = system_trust,
        .resolve_start = resolve_start,
        .resolve_poll = resolve_poll,
        .resolve_cancel = resolve_cancel,
        .socket_open = socket_open,
        .socket_connected = socket_connected,
        .socket_recv = socket_recv,
        .socket_send = socket_send,
        .socket_close = socket_close,
        .socket_want = socket_want,
        .wait = wait,
        .wakeup = wakeup,
        .descriptor = descriptor,
        .log = NULL, /* optional */
    };

    return &table;
}
