/* SPDX-License-Identifier: MIT */
/*
 * The conformance test of the Linux port: the peer is made of plain sockets on the loopback
 * interface, names are scripted, and another thread does the waking. Link with
 * -Wl,--wrap=getaddrinfo.
 */
#define _GNU_SOURCE 1

#include "port_conformance.h"
#include "port_linux_names.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PEER_CONNECTIONS 16
#define PEER_WAIT_MS 5000

typedef struct linux_peer {
    int listener;
    int refusing; /* bound, but nobody listens: the system refuses for us */
    int connections[PEER_CONNECTIONS];
    pthread_t thread;
    void (*run)(void *argument);
    void *argument;
} linux_peer;

/* Binds a socket to a free port of the loopback interface; tells its address. */
static int bind_loopback(cmx_address *at)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t address_len = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(descriptor, (const struct sockaddr *)&address, address_len) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &address_len) != 0) {
        perror("bind");
        return -1;
    }
    memset(at, 0, sizeof(*at));
    memcpy(at->ip, &address.sin_addr, sizeof(address.sin_addr));
    at->family = 4;
    at->port = ntohs(address.sin_port);
    return descriptor;
}

static void close_one(int *descriptor)
{
    if (*descriptor >= 0) {
        (void)close(*descriptor);
    }
    *descriptor = -1;
}

static bool peer_listen(void *ctx, cmx_address *at)
{
    linux_peer *peer = ctx;

    peer->listener = bind_loopback(at);
    return peer->listener >= 0 && listen(peer->listener, PEER_CONNECTIONS) == 0;
}

static bool peer_refuse(void *ctx, cmx_address *at)
{
    linux_peer *peer = ctx;

    peer->refusing = bind_loopback(at);
    return peer->refusing >= 0;
}

static int peer_accept(void *ctx)
{
    linux_peer *peer = ctx;
    struct pollfd waiting = {.fd = peer->listener, .events = POLLIN};

    (void)poll(&waiting, 1, PEER_WAIT_MS);
    for (int i = 0; i < PEER_CONNECTIONS; i++) {
        if (peer->connections[i] < 0) {
            peer->connections[i] =
                accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
            return peer->connections[i] < 0 ? -1 : i;
        }
    }
    return -1;
}

static bool peer_send(void *ctx, int connection, const void *bytes, size_t len)
{
    linux_peer *peer = ctx;

    return send(peer->connections[connection], bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static int peer_recv(void *ctx, int connection, void *out, size_t capacity)
{
    linux_peer *peer = ctx;
    ssize_t got = recv(peer->connections[connection], out, capacity, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    return got > 0 ? (int)got : -1;
}

static void peer_close(void *ctx, int connection)
{
    linux_peer *peer = ctx;

    close_one(&peer->connections[connection]);
}

static void peer_reset(void *ctx, int connection)
{
    linux_peer *peer = ctx;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(peer->connections[connection], SOL_SOCKET, SO_LINGER, &at_once,
                     (socklen_t)sizeof(at_once));
    close_one(&peer->connections[connection]);
}

static void peer_finish(void *ctx)
{
    linux_peer *peer = ctx;

    close_one(&peer->listener);
    close_one(&peer->refusing);
    for (int i = 0; i < PEER_CONNECTIONS; i++) {
        close_one(&peer->connections[i]);
    }
    names_hold();
}

static void wait_slow(void *ctx)
{
    (void)ctx;
    names_wait_held();
}

static void release_slow(void *ctx)
{
    (void)ctx;
    names_release();
}

static int count_descriptors(void *ctx)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    (void)ctx;
    if (dir == NULL) {
        return -1;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static bool is_readable(void *ctx, int descriptor)
{
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};

    (void)ctx;
    return poll(&readable, 1, 0) == 1;
}

static void *run_thread(void *argument)
{
    const struct timespec moment = {.tv_sec = 0, .tv_nsec = 20 * 1000 * 1000};
    linux_peer *peer = argument;

    /* Only so that the wait has most likely begun; the check holds either way. */
    (void)nanosleep(&moment, NULL);
    peer->run(peer->argument);
    return NULL;
}

static bool start_thread(void *ctx, void (*run)(void *argument), void *argument)
{
    linux_peer *peer = ctx;

    peer->run = run;
    peer->argument = argument;
    return pthread_create(&peer->thread, NULL, run_thread, peer) == 0;
}

static void join_thread(void *ctx)
{
    linux_peer *peer = ctx;

    (void)pthread_join(peer->thread, NULL);
}

/* qemu-user before 8.0 hands out SO_ERROR in the numbers of the machine that it runs on, which on
 * MIPS mean something else. Asks the system, not the port. */
static bool errors_are_foreign(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(int);
    cmx_address at;
    int error = 0;
    int refusing = bind_loopback(&at);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd waiting = {.fd = descriptor, .events = POLLOUT};

    memcpy(&address.sin_addr, at.ip, sizeof(address.sin_addr));
    address.sin_port = htons(at.port);
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)poll(&waiting, 1, PEER_WAIT_MS);
        (void)getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    (void)close(descriptor);
    (void)close(refusing);
    return error != 0 && error != ECONNREFUSED;
}

int main(void)
{
    static linux_peer sockets;
    const conformance_peer peer = {
        .ctx = &sockets,
        .listen = peer_listen,
        .refuse = peer_refuse,
        .accept = peer_accept,
        .send = peer_send,
        .recv = peer_recv,
        .close = peer_close,
        .reset = peer_reset,
        .finish = peer_finish,
        .local_name = NAMES_TWO,
        .missing_name = NAMES_MISSING,
        .slow_name = NAMES_SLOW,
        .slow_begun = wait_slow,
        .slow_release = release_slow,
        .count_descriptors = count_descriptors,
        .is_readable = is_readable,
        .thread_start = start_thread,
        .thread_join = join_thread,
    };

    if (errors_are_foreign()) {
        printf("the emulator's SO_ERROR is not of this CPU: a refused connection is not judged\n");
        cmocka_set_skip_filter("test_port_refused_connect_*");
    }
    sockets.listener = -1;
    sockets.refusing = -1;
    for (int i = 0; i < PEER_CONNECTIONS; i++) {
        sockets.connections[i] = -1;
    }
    return port_conformance_run(cmx_port_linux(), &peer) == 0 ? 0 : 1;
}
