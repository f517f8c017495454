/* SPDX-License-Identifier: MIT */
/*
 * The pump. Frames of one connection that are ready in the same turn leave in one record of up to
 * 16 KiB; a turn sends at most TURN_RECORDS of them, so that connections share the loop.
 * In: epoll events and wakes from streams. Out: SSL_read, SSL_write (or recv, send).
 * Must not look into frames.
 */
#include "conn.h"

#include "h2.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_RECORDS 16
#define TURN_READS 16
#define READ_MAX 16384

enum io_status { IO_DONE, IO_AGAIN, IO_ENDED };

static void mark_busy(relay_conn *conn)
{
    if (!conn->busy) {
        conn->busy = true;
        conn->next_busy = conn->set->busy;
        conn->set->busy = conn;
    }
}

static void wake(void *owner)
{
    mark_busy(owner);
}

static enum io_status classify(relay_conn *conn, int rc)
{
    const int error = SSL_get_error(conn->ssl, rc);

    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? IO_AGAIN : IO_ENDED;
}

static enum io_status read_some(relay_conn *conn, uint8_t *data, size_t *len)
{
    ssize_t count;

    if (conn->ssl != NULL) {
        const int rc = SSL_read_ex(conn->ssl, data, READ_MAX, len);

        return rc == 1 ? IO_DONE : classify(conn, rc);
    }
    count = recv(conn->fd, data, READ_MAX, 0);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_ENDED;
    }
    *len = (size_t)count;
    return count > 0 ? IO_DONE : IO_ENDED;
}

/* With TLS the record goes whole or must be tried again with the same bytes; `out` keeps them. */
static enum io_status write_record(relay_conn *conn)
{
    size_t sent = 0;
    ssize_t count;

    if (conn->ssl != NULL) {
        const int rc = SSL_write_ex(conn->ssl, conn->out, conn->out_len, &sent);

        if (rc != 1) {
            return classify(conn, rc);
        }
    } else {
        count = send(conn->fd, conn->out, conn->out_len, MSG_NOSIGNAL);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_ENDED;
        }
        sent = (size_t)count;
    }
    conn->set->env->stats.bytes_sent += sent;
    conn->out_len -= sent;
    memmove(conn->out, conn->out + sent, conn->out_len);
    return conn->out_len == 0 ? IO_DONE : IO_AGAIN;
}

static void watch_writes(relay_conn *conn, bool wanted)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

    if (conn->write_shut == wanted) {
        return;
    }
    if (wanted) {
        event.events |= EPOLLOUT;
    }
    conn->write_shut = wanted;
    conn->broken |= epoll_ctl(conn->set->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) != 0;
}

/* Fills the record from the session; stops when it is full or the session has nothing to say. */
static void fill_record(relay_conn *conn)
{
    const size_t record_max = (size_t)conn->set->env->options.record_bytes;

    while (conn->phase == RELAY_CONN_H2 && conn->out_len < record_max) {
        size_t len = record_max - conn->out_len;

        if (conn->frame_len == 0 &&
            !relay_h2_next_output(&conn->link, &conn->frame, &conn->frame_len)) {
            conn->broken = true;
            return;
        }
        if (conn->frame_len == 0) {
            return;
        }
        if (len > conn->frame_len) {
            len = conn->frame_len;
        }
        memcpy(conn->out + conn->out_len, conn->frame, len);
        conn->out_len += len;
        conn->frame += len;
        conn->frame_len -= len;
    }
}

/* true: stopped by the turn's budget, more is ready */
static bool pump_out(relay_conn *conn)
{
    for (int i = 0; i < TURN_RECORDS && !conn->broken; i++) {
        if (!conn->write_shut) {
            fill_record(conn);
        }
        if (conn->out_len == 0) {
            return false;
        }
        switch (write_record(conn)) {
        case IO_DONE:
            watch_writes(conn, false);
            break;
        case IO_AGAIN:
            watch_writes(conn, true);
            return false;
        case IO_ENDED:
            conn->broken = true;
            return false;
        }
    }
    return !conn->broken;
}

static void refuse_http1(relay_conn *conn)
{
    static const char text[] =
        "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

    if (!conn->ending) {
        memcpy(conn->out, text, sizeof text - 1);
        conn->out_len = sizeof text - 1;
        conn->ending = true;
    }
}

static void pump_in(relay_conn *conn)
{
    uint8_t data[READ_MAX];
    size_t len = 0;

    conn->read_more = false;
    for (int i = 0; i < TURN_READS; i++) {
        switch (read_some(conn, data, &len)) {
        case IO_AGAIN:
            return;
        case IO_ENDED:
            conn->broken = true;
            return;
        case IO_DONE:
            break;
        }
        conn->set->env->stats.bytes_received += len;
        if (conn->phase == RELAY_CONN_HTTP1) {
            refuse_http1(conn);
            return;
        }
        if (!relay_h2_receive(&conn->link, data, len)) {
            conn->ending = true;
            return;
        }
    }
    conn->read_more = true;
}

static void start_protocol(relay_conn *conn)
{
    const unsigned char *chosen = NULL;
    unsigned chosen_len = 0;

    conn->read_more = true; /* the read-ahead may hold the first frames already */
    if (conn->ssl != NULL) {
        SSL_get0_alpn_selected(conn->ssl, &chosen, &chosen_len);
        if (chosen_len != 2 || memcmp(chosen, "h2", 2) != 0) {
            conn->phase = RELAY_CONN_HTTP1;
            return;
        }
    }
    if (!relay_h2_open(&conn->link, conn->set->env, wake, conn)) {
        conn->broken = true;
        return;
    }
    conn->phase = RELAY_CONN_H2;
    if (conn->set->draining) {
        relay_h2_drain(&conn->link);
    }
}

static void shake_hands(relay_conn *conn)
{
    relay_stats *stats = &conn->set->env->stats;

    if (conn->ssl != NULL) {
        const int rc = SSL_accept(conn->ssl);
        if (rc != 1) {
            watch_writes(conn, SSL_want_write(conn->ssl));
            if (classify(conn, rc) == IO_ENDED) {
                stats->handshakes_failed++;
                conn->broken = true;
            }
            return;
        }
        watch_writes(conn, false);
        stats->handshakes++;
        stats->resumed += SSL_session_reused(conn->ssl) == 1;
    }
    start_protocol(conn);
}

/* The next close resets the connection instead of ending it. */
static void drop(relay_conn *conn)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    conn->broken = true;
}

/* A close with bytes unread would reset the connection, and with it what the client has not read:
 * the end of its last answers. */
static void linger(relay_conn *conn)
{
    relay_h2_close(&conn->link);
    conn->phase = RELAY_CONN_LINGER;
    if (conn->ssl != NULL) {
        (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
    }
    conn->broken |= shutdown(conn->fd, SHUT_WR) != 0;
}

static void throw_away(relay_conn *conn)
{
    uint8_t data[READ_MAX];
    ssize_t count = 1;

    for (int i = 0; i < TURN_READS && count > 0; i++) {
        count = recv(conn->fd, data, sizeof data, 0);
    }
    if (count > 0) {
        mark_busy(conn);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        relay_conn_close(conn);
    }
}

/* true: another turn is wanted at once. Closes the connection when it is over. */
static bool run_turn(relay_conn *conn)
{
    bool again = false;

    if (conn->phase == RELAY_CONN_LINGER) {
        throw_away(conn);
        return false;
    }
    if (conn->phase == RELAY_CONN_HANDSHAKE) {
        shake_hands(conn);
    }
    if (conn->phase != RELAY_CONN_HANDSHAKE && !conn->broken) {
        if (conn->read_more) {
            pump_in(conn);
        }
        again = pump_out(conn) || conn->read_more;
    }
    if (conn->phase == RELAY_CONN_H2 && (relay_h2_done(&conn->link) || conn->link.finish)) {
        conn->ending = true;
    }
    if (conn->link.drop && conn->out_len == 0) {
        drop(conn);
    }
    if (conn->set->draining && conn->phase == RELAY_CONN_H2 && !conn->broken && conn->ending &&
        conn->out_len == 0) {
        linger(conn);
        mark_busy(conn);
        return true;
    }
    if (conn->broken || (conn->ending && conn->out_len == 0)) {
        relay_conn_close(conn);
        return false;
    }
    if (again) {
        mark_busy(conn);
    }
    return again;
}

bool relay_conn_open(relay_conn_set *set, int fd)
{
    relay_conn *conn = malloc(sizeof *conn);
    struct epoll_event event = {.events = EPOLLIN};

    if (conn == NULL) {
        (void)close(fd);
        return false;
    }
    memset(conn, 0, offsetof(relay_conn, out));
    conn->set = set;
    conn->fd = fd;
    conn->next = set->all;
    if (conn->next != NULL) {
        conn->next->previous = conn;
    }
    set->all = conn;
    set->env->stats.connections++;
    event.data.ptr = conn;
    if (set->tls != NULL) {
        conn->ssl = SSL_new(set->tls);
        if (conn->ssl == NULL || SSL_set_fd(conn->ssl, fd) != 1) {
            relay_conn_close(conn);
            return false;
        }
    }
    if (epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        relay_conn_close(conn);
        return false;
    }
    mark_busy(conn);
    return true;
}

static void leave_busy(relay_conn *conn)
{
    relay_conn **at = &conn->set->busy;

    while (conn->busy && *at != NULL) {
        if (*at == conn) {
            *at = conn->next_busy;
            conn->busy = false;
        } else {
            at = &(*at)->next_busy;
        }
    }
}

void relay_conn_close(relay_conn *conn)
{
    leave_busy(conn);
    if (conn->phase == RELAY_CONN_H2) {
        relay_h2_close(&conn->link);
    }
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        conn->set->all = conn->next;
    }
    if (conn->ssl != NULL) {
        if (!conn->broken && conn->phase != RELAY_CONN_HANDSHAKE &&
            conn->phase != RELAY_CONN_LINGER) {
            (void)SSL_shutdown(conn->ssl);
        }
        ERR_clear_error();
        SSL_free(conn->ssl);
    }
    (void)close(conn->fd);
    free(conn);
}

void relay_conn_on_ready(relay_conn *conn, uint32_t epoll_events)
{
    conn->read_more |= (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    mark_busy(conn);
}

bool relay_conn_run_busy(relay_conn_set *set)
{
    relay_conn *busy = set->busy;
    bool again = false;

    /* those that ask again while they run come into a new list: everybody has a turn first */
    set->busy = NULL;
    while (busy != NULL) {
        relay_conn *conn = busy;

        busy = conn->next_busy;
        conn->busy = false;
        again |= run_turn(conn);
    }
    return again || set->busy != NULL;
}

void relay_conn_drain_all(relay_conn_set *set)
{
    set->draining = true;
    for (relay_conn *conn = set->all; conn != NULL; conn = conn->next) {
        if (conn->phase == RELAY_CONN_H2 && !conn->broken) {
            relay_h2_drain(&conn->link);
        }
    }
}

void relay_conn_stop_all(relay_conn_set *set)
{
    while (set->all != NULL) {
        relay_conn *conn = set->all;

        if (conn->phase == RELAY_CONN_H2 && !conn->broken) {
            relay_h2_stop(&conn->link);
            (void)pump_out(conn);
        }
        relay_conn_close(conn);
    }
}
