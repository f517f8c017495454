/* SPDX-License-Identifier: MIT */
/*
 * One thread, one epoll descriptor. Tokens that fall due within one tick (a flag) leave together;
 * the wait has nanosecond precision, so that the flag alone decides how many small writes become
 * one. In: relay_env. Out: calls into conn.c and timers.c. Must not look into connections.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define BACKLOG 1024
#define ACCEPTS_PER_TURN 64
#define PORT_TRIES 20
#define WAIT_MAX_US INT64_C(1000000)

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = stop_asked == 0 ? 1 : 2;
}

static int listen_on(const struct sockaddr *address, socklen_t address_len)
{
    const int one = 1;
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    if (bind(fd, address, address_len) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static int listen_ipv4(struct in_addr host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    address.sin_port = htons((uint16_t)port);
    address.sin_addr = host;
    return listen_on((const struct sockaddr *)&address, sizeof address);
}

static int listen_ipv6(struct in6_addr host, int port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};

    address.sin6_port = htons((uint16_t)port);
    address.sin6_addr = host;
    return listen_on((const struct sockaddr *)&address, sizeof address);
}

static int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    struct sockaddr_in v4;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return 0;
    }
    /* the port stands at the same place in both families */
    memcpy(&v4, &address, sizeof v4);
    return ntohs(v4.sin_port);
}

static void close_listeners(relay_server *server)
{
    for (int i = 0; i < server->listener_count; i++) {
        /* an inherited socket lives on elsewhere, and would go on telling this epoll */
        (void)epoll_ctl(server->conns.epoll_fd, EPOLL_CTL_DEL, server->listeners[i], NULL);
        (void)close(server->listeners[i]);
    }
    server->listener_count = 0;
}

static bool add_listener(relay_server *server, int fd)
{
    if (fd < 0) {
        return false;
    }
    server->listeners[server->listener_count++] = fd;
    return true;
}

/* 127.0.0.1 and ::1 with one port number, since "localhost" may mean either. */
static bool listen_both(relay_server *server, int port)
{
    const struct in_addr host = {.s_addr = htonl(INADDR_LOOPBACK)};

    for (int i = 0; i < PORT_TRIES; i++) {
        if (!add_listener(server, listen_ipv4(host, port))) {
            return false;
        }
        server->port = port_of(server->listeners[0]);
        if (add_listener(server, listen_ipv6(in6addr_loopback, server->port)) ||
            errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) {
            return true;
        }
        close_listeners(server);
        if (port != 0 || errno != EADDRINUSE) {
            return false;
        }
    }
    return false;
}

static bool listen_somewhere(relay_server *server, const relay_options *options,
                             const char **problem)
{
    const int port = (int)options->port;
    struct in_addr v4;
    struct in6_addr v6;
    int fd;

    *problem = "cannot listen";
    if (options->listen_fd >= 0) {
        fd = (int)options->listen_fd;
        server->port = port_of(fd);
        return server->port != 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && add_listener(server, fd);
    }
    if (options->listen == NULL) {
        return listen_both(server, port);
    }
    if (inet_pton(AF_INET, options->listen, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127) {
        fd = listen_ipv4(v4, port);
    } else if (inet_pton(AF_INET6, options->listen, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6)) {
        fd = listen_ipv6(v6, port);
    } else {
        *problem = "--listen takes a loopback address (127.x.x.x or ::1) only";
        errno = 0;
        return false;
    }
    if (!add_listener(server, fd)) {
        return false;
    }
    server->port = port_of(fd);
    return true;
}

static bool catch_signals(void)
{
    struct sigaction action;
    sigset_t blocked;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigaddset(&blocked, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &blocked, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0) {
        return false;
    }
    action.sa_handler = SIG_IGN;
    return sigaction(SIGPIPE, &action, NULL) == 0;
}

/* Written when something was counted that a test compares, not for every byte. */
static bool write_counts(relay_server *server, const relay_stats *stats, bool as_json)
{
    const uint64_t mark = stats->connections + stats->handshakes + stats->requests + stats->chats +
                          stats->completed + stats->goaways;

    if (server->counts_fd < 0 || mark == server->counts_marked) {
        return true;
    }
    server->counts_marked = mark;
    return relay_stats_keep(stats, as_json, server->counts_fd);
}

static bool keep_counts(relay_server *server, const relay_env *env)
{
    const char *path = env->options.counts_file;

    if (path == NULL) {
        return true;
    }
    server->counts_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    server->counts_marked = UINT64_MAX;
    return server->counts_fd >= 0 && write_counts(server, &env->stats, env->options.json_stats);
}

bool relay_server_open(relay_server *server, relay_env *env, SSL_CTX *tls, const char **problem)
{
    memset(server, 0, sizeof *server);
    server->conns.env = env;
    server->conns.tls = tls;
    server->conns.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->counts_fd = -1;
    *problem = "cannot set up the loop";
    if (server->conns.epoll_fd < 0 || !catch_signals()) {
        return false;
    }
    if (!keep_counts(server, env)) {
        *problem = "cannot write --counts-file";
        return false;
    }
    if (!listen_somewhere(server, &env->options, problem)) {
        return false;
    }
    for (int i = 0; i < server->listener_count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->listeners[i]};

        if (epoll_ctl(server->conns.epoll_fd, EPOLL_CTL_ADD, server->listeners[i], &event) != 0) {
            return false;
        }
    }
    return true;
}

static void accept_some(relay_server *server, int listener)
{
    const int one = 1;

    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)relay_conn_open(&server->conns, fd);
    }
}

static int wait_ready(const relay_server *server, struct epoll_event *events, int64_t wait_us)
{
    const struct timespec timeout = {.tv_sec = (time_t)(wait_us / 1000000),
                                     .tv_nsec = (long)(wait_us % 1000000) * 1000};
    sigset_t open_mask;
    int count;

    (void)sigemptyset(&open_mask);
    count = epoll_pwait2(server->conns.epoll_fd, events, EVENTS_MAX, &timeout, &open_mask);
    if (count < 0 && errno == ENOSYS) {
        /* kernels before 5.11: rounded up, so that nothing fires early and spins */
        count = epoll_pwait(server->conns.epoll_fd, events, EVENTS_MAX,
                            (int)((wait_us + 999) / 1000), &open_mask);
    }
    return count;
}

static void dispatch(relay_server *server, const struct epoll_event *event)
{
    for (int i = 0; i < server->listener_count; i++) {
        if (event->data.ptr == &server->listeners[i]) {
            accept_some(server, server->listeners[i]);
            return;
        }
    }
    relay_conn_on_ready(event->data.ptr, event->events);
}

/* To the end of the tick in which the next deadline falls, or a second: the duration is watched
 * too. */
static int64_t wait_for_us(const relay_env *env, int64_t now_us)
{
    const int64_t tick_us = env->options.tick_us;
    const int64_t due_us = relay_timers_next_us(&env->timers);

    if (due_us >= now_us + WAIT_MAX_US) {
        return WAIT_MAX_US;
    }
    /* never negative: what fell due in an earlier tick has been fired */
    return due_us <= now_us / tick_us * tick_us
               ? 0
               : (due_us + tick_us - 1) / tick_us * tick_us - now_us;
}

/* Who waits in the queue of a socket of our own would be refused; an inherited one has heirs. */
static void begin_drain(relay_server *server)
{
    for (int i = 0; i < server->listener_count && server->conns.env->options.listen_fd < 0; i++) {
        accept_some(server, server->listeners[i]);
    }
    close_listeners(server);
    relay_conn_drain_all(&server->conns);
}

/* true: a signal said so, and what it wanted finished has finished. */
static bool is_over(relay_server *server, int64_t now_us)
{
    relay_conn_set *conns = &server->conns;
    const int64_t drain_us = conns->env->options.drain_s * 1000000;

    if (stop_asked != 0 && drain_us > 0 && !conns->draining) {
        server->drain_end_us = now_us + drain_us;
        begin_drain(server);
    }
    return stop_asked != 0 && (!conns->draining || stop_asked > 1 || conns->all == NULL ||
                               now_us >= server->drain_end_us);
}

bool relay_server_run(relay_server *server)
{
    relay_env *env = server->conns.env;
    const int64_t duration_s = env->options.duration_s;
    const int64_t tick_us = env->options.tick_us;
    const int64_t end_us = duration_s == 0 ? INT64_MAX : relay_now_us() + duration_s * 1000000;
    struct epoll_event events[EVENTS_MAX];
    bool again = false;

    while (true) {
        const int64_t now_us = relay_now_us();
        int count;

        if (now_us >= end_us || is_over(server, now_us)) {
            return true;
        }
        count = wait_ready(server, events, again ? 0 : wait_for_us(env, now_us));
        if (count < 0 && errno != EINTR) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            dispatch(server, &events[i]);
        }
        relay_timers_fire_due(&env->timers, relay_now_us() / tick_us * tick_us);
        again = relay_conn_run_busy(&server->conns);
        if (!write_counts(server, &env->stats, env->options.json_stats)) {
            return false;
        }
    }
}

void relay_server_close(relay_server *server)
{
    relay_conn_stop_all(&server->conns);
    close_listeners(server);
    if (server->counts_fd >= 0) {
        (void)close(server->counts_fd);
    }
    if (server->conns.epoll_fd >= 0) {
        (void)close(server->conns.epoll_fd);
    }
}
