/* SPDX-License-Identifier: MIT */
/*
 * TCP in the Linux port: non-blocking sockets in a fixed table, and the one place where errno
 * becomes a status. In: addresses and bytes. Out: bytes and statuses. Knows neither readiness nor
 * names.
 */
#define _GNU_SOURCE 1

#include "linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Any family, in the form that connect takes. */
typedef union cmx_linux_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} cmx_linux_sockaddr;

static bool is_would_block(int error)
{
    /* An interrupted call has done nothing; the socket is still ready and the next wait says so. */
    return error == EAGAIN || error == EINTR;
}

/* Turns what the system says into a status of chatmux. */
static int status_of(int error)
{
    static const struct {
        int16_t error;
        int16_t status;
    } rows[] = {
        {ECONNREFUSED, CMX_ERR_REFUSED},
        {ECONNRESET, CMX_ERR_RESET},
        {ECONNABORTED, CMX_ERR_RESET},
        {EPIPE, CMX_ERR_RESET},
        {ENETUNREACH, CMX_ERR_UNREACHABLE},
        {EHOSTUNREACH, CMX_ERR_UNREACHABLE},
        {ENETDOWN, CMX_ERR_UNREACHABLE},
        {EHOSTDOWN, CMX_ERR_UNREACHABLE},
        {EADDRNOTAVAIL, CMX_ERR_UNREACHABLE}, /* no address of ours reaches that family */
        {EAFNOSUPPORT, CMX_ERR_UNREACHABLE},  /* a kernel without IPv6 */
        {EACCES, CMX_ERR_UNREACHABLE},        /* a firewall */
        {EPERM, CMX_ERR_UNREACHABLE},
        {ETIMEDOUT, CMX_ERR_UNREACHABLE}, /* an open connection whose peer acknowledges nothing */
        {EMFILE, CMX_ERR_BUSY},
        {ENFILE, CMX_ERR_BUSY},
        {ENOBUFS, CMX_ERR_BUSY},
        {ENOMEM, CMX_ERR_BUSY},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].error == error) {
            return rows[i].status;
        }
    }
    return CMX_ERR_NETWORK;
}

/* The same while a connection is made, where silence is what the limit for it tells. */
static int connect_status_of(int error)
{
    return error == ETIMEDOUT ? CMX_ERR_TIMEOUT_CONNECT : status_of(error);
}

/* The same for a transfer, where lack of memory is no reason to try again elsewhere. */
static int transfer_status_of(int error)
{
    int status = status_of(error);

    return status == CMX_ERR_BUSY || status == CMX_ERR_REFUSED ? CMX_ERR_NETWORK : status;
}

static socklen_t fill_sockaddr(cmx_linux_sockaddr *out, const cmx_address *from)
{
    memset(out, 0, sizeof(*out));
    if (from->family == 4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(from->port);
        memcpy(&out->v4.sin_addr, from->ip, sizeof(out->v4.sin_addr));
        return (socklen_t)sizeof(out->v4);
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(from->port);
    out->v6.sin6_scope_id = from->scope_id;
    memcpy(&out->v6.sin6_addr, from->ip, sizeof(out->v6.sin6_addr));
    return (socklen_t)sizeof(out->v6);
}

static int call_hook(const cmx_socket_options *options, int descriptor, const cmx_address *to)
{
    int status = options->hook == NULL ? CMX_OK : options->hook(options->hook_user, descriptor, to);

    /* A hook knows "fine" and "failed"; anything between would be taken for "wait". */
    return status > 0 ? CMX_ERR_PORT : status;
}

/* Starts to connect; an interrupted connect goes on by itself. */
static int start_connect(int descriptor, const cmx_address *to, bool *is_connected)
{
    cmx_linux_sockaddr address;
    socklen_t address_len = fill_sockaddr(&address, to);

    *is_connected = connect(descriptor, &address.any, address_len) == 0;
    if (*is_connected || errno == EINPROGRESS || errno == EINTR) {
        return CMX_OK;
    }
    return connect_status_of(errno);
}

/* Not before: the system counts the connecting as well, and that has a clock of its own. */
static void note_connected(cmx_linux_socket *entry)
{
    entry->is_connected = true;
    if (entry->user_timeout_ms > 0) {
        /* A system without it still has the clocks of the streams. */
        (void)setsockopt(entry->descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &entry->user_timeout_ms,
                         (socklen_t)sizeof(entry->user_timeout_ms));
    }
}

static cmx_linux_socket *find_unused(cmx_linux *client, uint32_t *socket)
{
    for (uint32_t i = 0; i < client->socket_count; i++) {
        if (client->sockets[i].descriptor < 0) {
            *socket = i;
            return &client->sockets[i];
        }
    }
    return NULL;
}

cmx_linux_socket *cmx_linux_socket_find(cmx_linux *client, uint32_t socket)
{
    if (socket >= client->socket_count || client->sockets[socket].descriptor < 0) {
        return NULL;
    }
    return &client->sockets[socket];
}

int cmx_linux_socket_open(void *state, const cmx_address *to, const cmx_socket_options *options,
                          uint32_t *socket_number)
{
    cmx_linux_socket *entry = find_unused(state, socket_number);
    const int on = 1;
    bool is_connected = false;
    int descriptor, status;

    if (entry == NULL) {
        return CMX_ERR_BUSY;
    }
    descriptor = socket(to->family == 4 ? AF_INET : AF_INET6,
                        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0) {
        return status_of(errno);
    }
    /* Only speed depends on it, so a system that refuses is no reason to give up. */
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, (socklen_t)sizeof(on));
    status = call_hook(options, descriptor, to);
    if (status == CMX_OK) {
        status = start_connect(descriptor, to, &is_connected);
    }
    if (status != CMX_OK) {
        (void)close(descriptor);
        return status;
    }
    entry->descriptor = descriptor;
    entry->interest = 0;
    entry->failure = CMX_OK;
    entry->user_timeout_ms = options->user_timeout_ms;
    entry->is_connected = false;
    if (is_connected) {
        note_connected(entry);
    }
    return CMX_OK;
}

int cmx_linux_socket_connected(void *state, uint32_t socket)
{
    cmx_linux_socket *entry = cmx_linux_socket_find(state, socket);
    struct pollfd writable = {.fd = -1, .events = POLLOUT};
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (entry == NULL) {
        return CMX_ERR_PORT;
    }
    if (entry->is_connected) {
        return CMX_OK;
    }
    if (entry->failure != CMX_OK) {
        return entry->failure;
    }
    writable.fd = entry->descriptor;
    if (poll(&writable, 1, 0) <= 0) {
        return CMX_AGAIN;
    }
    if (getsockopt(entry->descriptor, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0) {
        error = errno;
    }
    if (error != 0) {
        /* Reading the error clears it, so it is kept for who asks again. */
        entry->failure = connect_status_of(error);
        return entry->failure;
    }
    note_connected(entry);
    return CMX_OK;
}

int cmx_linux_socket_recv(void *state, uint32_t socket, void *out, size_t capacity, size_t *got)
{
    cmx_linux_socket *entry = cmx_linux_socket_find(state, socket);
    ssize_t bytes;

    *got = 0;
    if (entry == NULL || capacity == 0) {
        return CMX_ERR_PORT;
    }
    bytes = recv(entry->descriptor, out, capacity, 0);
    if (bytes > 0) {
        *got = (size_t)bytes;
        return CMX_OK;
    }
    if (bytes < 0 && is_would_block(errno)) {
        return CMX_AGAIN;
    }
    if (entry->failure == CMX_OK) {
        entry->failure = bytes == 0 ? CMX_ERR_CLOSED : transfer_status_of(errno);
    }
    /* Not always what recv says: after a send took the error away, the system reports an orderly
     * end, and a torn answer would pass for a whole one. */
    return entry->failure;
}

int cmx_linux_socket_send(void *state, uint32_t socket, const void *bytes, size_t len, size_t *sent)
{
    cmx_linux_socket *entry = cmx_linux_socket_find(state, socket);
    ssize_t taken;
    int status;

    *sent = 0;
    if (entry == NULL || len == 0) {
        return CMX_ERR_PORT;
    }
    taken = send(entry->descriptor, bytes, len, MSG_NOSIGNAL);
    if (taken >= 0) {
        *sent = (size_t)taken;
        return taken > 0 ? CMX_OK : CMX_AGAIN;
    }
    if (is_would_block(errno)) {
        return CMX_AGAIN;
    }
    status = transfer_status_of(errno);
    if (entry->failure == CMX_OK) {
        entry->failure = status;
    }
    return status;
}

void cmx_linux_socket_close(void *state, uint32_t socket)
{
    cmx_linux *client = state;
    cmx_linux_socket *entry = cmx_linux_socket_find(client, socket);

    if (entry == NULL) {
        return;
    }
    cmx_linux_wait_forget(client, entry);
    (void)close(entry->descriptor);
    entry->descriptor = -1;
}
