/* SPDX-License-Identifier: MIT */
/*
 * One connection: socket, TLS and the bytes between them and its HTTP/2 session.
 * In: readiness of a socket. Out: frames received and sent, several frames to a TLS record.
 * Must not wait, and must not know requests.
 */
#ifndef RELAY_CONN_H
#define RELAY_CONN_H

#include "env.h"
#include "stream.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_RECORD_MAX 16384

enum relay_conn_phase {
    RELAY_CONN_HANDSHAKE,
    RELAY_CONN_H2,
    RELAY_CONN_HTTP1,
    RELAY_CONN_LINGER /* all was said, what still comes is thrown away */
};

typedef struct relay_conn relay_conn;

/* A list of connections with something to do in this turn of the loop, and of all of them. */
typedef struct relay_conn_set {
    relay_env *env;
    SSL_CTX *tls; /* NULL: plain */
    int epoll_fd;
    bool draining; /* every connection is on its way to its end */
    relay_conn *all;
    relay_conn *busy;
} relay_conn_set;

struct relay_conn {
    relay_conn_set *set;
    relay_conn *next;
    relay_conn *previous;
    relay_conn *next_busy;
    bool busy;
    bool read_more;  /* bytes may wait inside TLS, where epoll does not see them */
    bool write_shut; /* the socket is full: waiting for EPOLLOUT */
    bool broken;     /* nothing can be sent any more */
    bool ending;     /* close when what is queued was sent */
    enum relay_conn_phase phase;
    int fd;
    SSL *ssl;
    relay_link link;
    const uint8_t *frame; /* rest of a frame that did not fit the record */
    size_t frame_len;
    size_t out_len;
    uint8_t out[RELAY_RECORD_MAX];
};

/* Takes the descriptor over; false: no memory, and it is closed. */
bool relay_conn_open(relay_conn_set *set, int fd);
void relay_conn_close(relay_conn *conn);
void relay_conn_on_ready(relay_conn *conn, uint32_t epoll_events);
/* Serves every connection that asked for it; true: some want another turn at once. */
bool relay_conn_run_busy(relay_conn_set *set);
/* Lets every connection end gracefully, those that are still shaking hands too. */
void relay_conn_drain_all(relay_conn_set *set);
/* GOAWAY on all, one try to send it, and the end. */
void relay_conn_stop_all(relay_conn_set *set);

#endif
