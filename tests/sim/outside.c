/* SPDX-License-Identifier: MIT */
/*
 * The way out of a client: what it calls of the simulated port is the world, whose links, timers
 * and servers use the heap. It is allowed while they run, and what held before holds afterwards.
 */
#include "memory/heap.h"
#include "sim_port.h"

/* The functions behind the table: all simulated ports have the same. */
static cmx_port inner;

#define PORT(type, name, parameters, arguments) \
    static type outside_##name parameters       \
    {                                           \
        const char *before = heap_enter(NULL);  \
        type result = inner.name arguments;     \
        heap_leave(before);                     \
        return result;                          \
    }

/* clang-format off */
PORT(int, wall_clock, (void *ctx, int64_t *unix_s), (ctx, unix_s))
PORT(int, entropy, (void *ctx, void *out, size_t len), (ctx, out, len))
PORT(int, resolve_start, (void *state, const char *host, uint16_t port, uint32_t *query),
     (state, host, port, query))
PORT(int, resolve_poll,
     (void *state, uint32_t query, cmx_address *out, size_t capacity, size_t *count),
     (state, query, out, capacity, count))
PORT(int, socket_open,
     (void *state, const cmx_address *to, const cmx_socket_options *options, uint32_t *socket),
     (state, to, options, socket))
PORT(int, socket_connected, (void *state, uint32_t socket), (state, socket))
PORT(int, socket_recv, (void *state, uint32_t socket, void *out, size_t capacity, size_t *got),
     (state, socket, out, capacity, got))
PORT(int, socket_send,
     (void *state, uint32_t socket, const void *bytes, size_t len, size_t *sent),
     (state, socket, bytes, len, sent))
PORT(int, wait,
     (void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity, size_t *count),
     (state, timeout_ms, out, capacity, count))
/* clang-format on */

static void outside_resolve_cancel(void *state, uint32_t query)
{
    const char *before = heap_enter(NULL);
    inner.resolve_cancel(state, query);
    heap_leave(before);
}

static void outside_socket_close(void *state, uint32_t socket)
{
    const char *before = heap_enter(NULL);
    inner.socket_close(state, socket);
    heap_leave(before);
}

static void outside_deinit(void *state, bool abandon)
{
    const char *before = heap_enter(NULL);
    inner.deinit(state, abandon);
    heap_leave(before);
}

void sim_port_outside(cmx_port *table)
{
    inner = *table;
    table->deinit = outside_deinit;
    table->wall_clock = outside_wall_clock;
    table->entropy = outside_entropy;
    table->resolve_start = outside_resolve_start;
    table->resolve_poll = outside_resolve_poll;
    table->resolve_cancel = outside_resolve_cancel;
    table->socket_open = outside_socket_open;
    table->socket_connected = outside_socket_connected;
    table->socket_recv = outside_socket_recv;
    table->socket_send = outside_socket_send;
    table->socket_close = outside_socket_close;
    table->wait = outside_wait;
}
