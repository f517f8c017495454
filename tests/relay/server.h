/* SPDX-License-Identifier: MIT */
/*
 * The loop: listening sockets, readiness, deadlines, the end.
 * In: an environment and a TLS context. Out: a port that serves until told to stop.
 * Must not know what is served.
 */
#ifndef RELAY_SERVER_H
#define RELAY_SERVER_H

#include "conn.h"
#include "env.h"

#include <stdbool.h>

#define RELAY_LISTENERS_MAX 2

typedef struct relay_server {
    relay_conn_set conns;
    int listeners[RELAY_LISTENERS_MAX];
    int listener_count;
    int64_t drain_end_us;
    int counts_fd;          /* of --counts-file, -1 = none */
    uint64_t counts_marked; /* when they were last written */
    int port;
} relay_server;

/* false: *problem says what failed, errno why. Blocks SIGINT and SIGTERM outside the wait. */
bool relay_server_open(relay_server *server, relay_env *env, SSL_CTX *tls, const char **problem);
/* Returns at a signal, drained if so told, or when the duration is over; false: the loop itself
 * failed. */
bool relay_server_run(relay_server *server);
void relay_server_close(relay_server *server);

#endif
