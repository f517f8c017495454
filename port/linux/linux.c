/* SPDX-License-Identifier: MIT */
/*
 * The table of the Linux port, and the life of one client's state: what is opened first and closed
 * last. Knows which file does what, not how.
 */
#define _GNU_SOURCE 1

#include "linux.h"

static int init_state(void *ctx, void *state, size_t state_bytes, uint32_t sockets)
{
    cmx_linux *client = state;

    (void)ctx;
    if (sockets >= CMX_LINUX_WAKE || state_bytes < sizeof(*client) ||
        (state_bytes - sizeof(*client)) / sizeof(client->sockets[0]) < sockets) {
        return CMX_ERR_NO_MEMORY;
    }
    if (!cmx_linux_clock_check()) {
        return CMX_ERR_PORT;
    }
    client->is_interest_lost = false;
    client->socket_count = sockets;
    client->names = NULL;
    for (uint32_t i = 0; i < sockets; i++) {
        client->sockets[i].descriptor = -1;
    }
    return cmx_linux_wait_open(client);
}

/* In the child of a fork the epoll set and the lock of the names belong to the parent: closing the
 * child's copies of the descriptors is all that leaves the parent alone. */
static void deinit_state(void *state, bool abandon)
{
    cmx_linux *client = state;

    if (!abandon) {
        cmx_linux_names_close(client);
    }
    for (uint32_t i = 0; i < client->socket_count; i++) {
        if (abandon) {
            client->sockets[i].interest = 0; /* as if epoll did not know it */
        }
        cmx_linux_socket_close(client, i);
    }
    cmx_linux_wait_close(client);
}

const cmx_port *cmx_port_linux(void)
{
    static const cmx_port table = {
        .ctx = NULL,
        .init = init_state,
        .deinit = deinit_state,
        .now_ms = cmx_linux_now_ms,
        .wall_clock = cmx_linux_wall_clock,
        .entropy = cmx_linux_entropy,
        .file_read = cmx_linux_file_read,
        .dir_entry = cmx_linux_dir_entry,
        .system_trust = cmx_linux_system_trust,
        .resolve_start = cmx_linux_resolve_start,
        .resolve_poll = cmx_linux_resolve_poll,
        .resolve_cancel = cmx_linux_resolve_cancel,
        .socket_open = cmx_linux_socket_open,
        .socket_connected = cmx_linux_socket_connected,
        .socket_recv = cmx_linux_socket_recv,
        .socket_send = cmx_linux_socket_send,
        .socket_close = cmx_linux_socket_close,
        .socket_want = cmx_linux_socket_want,
        .wait = cmx_linux_wait,
        .wakeup = cmx_linux_wakeup,
        .descriptor = cmx_linux_descriptor,
        .log = NULL,
    };

    return &table;
}
