/* SPDX-License-Identifier: MIT */
/*
 * The functions behind fake_port.h. Waiting moves the clock by exactly the time that was asked for
 * if no socket is ready, so that a deadline that is missed shows as a wrong time.
 */
#include "unit/fake_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

fake_port fake;

static int init_state(void *ctx, void *state, size_t state_bytes, uint32_t sockets)
{
    (void)ctx;
    assert_int_equal(state_bytes, CMX_PORT_STATE_BYTES(sockets));
    for (size_t i = 0; i < state_bytes; i++) {
        assert_int_equal(((uint8_t *)state)[i], 0);
    }
    return CMX_OK;
}

static void deinit_state(void *state, bool abandon)
{
    (void)state;
    fake.deinits++;
    fake.was_abandoned = abandon;
}

static uint64_t now_ms(void *state)
{
    (void)state;
    return fake.now_ms;
}

static int wall_clock(void *ctx, int64_t *unix_s)
{
    (void)ctx;
    *unix_s = 1800000000;
    return CMX_OK;
}

static int entropy(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 0x5a, len);
    return CMX_OK;
}

static int file_read(void *ctx, const char *path, uint64_t offset, void *out, size_t *len)
{
    (void)ctx;
    (void)path;
    (void)offset;
    (void)out;
    (void)len;
    return CMX_ERR_TRUST;
}

static int dir_entry(void *ctx, const char *path, uint32_t index, char *name, size_t capacity)
{
    (void)ctx;
    (void)path;
    (void)index;
    (void)name;
    (void)capacity;
    return CMX_ERR_TRUST;
}

static const char *system_trust(void *ctx)
{
    (void)ctx;
    return NULL;
}

static int resolve_start(void *state, const char *host, uint16_t port, uint32_t *query)
{
    (void)state;
    fake.resolves++;
    *query = fake.resolves;
    assert_true(strlen(host) < sizeof(fake.host));
    strcpy(fake.host, host);
    fake.host_port = port;
    fake.is_answer_due = fake.address_count > 0;
    return fake.address_count == 0 ? CMX_ERR_DNS_FAILED : CMX_OK;
}

static int resolve_poll(void *state, uint32_t query, cmx_address *out, size_t capacity,
                        size_t *count)
{
    (void)state;
    assert_int_equal(query, fake.resolves);
    fake.is_answer_due = false;
    *count = fake.address_count;
    assert_true(*count <= capacity);
    for (size_t i = 0; i < *count; i++) {
        out[i] = fake.addresses[i];
        out[i].port = fake.host_port;
    }
    return CMX_OK;
}

static void resolve_cancel(void *state, uint32_t query)
{
    (void)state;
    (void)query;
    fail();
}

static fake_socket *find(uint32_t socket)
{
    assert_true(socket < fake.opened);
    assert_true(fake.sockets[socket].is_open);
    return &fake.sockets[socket];
}

static int socket_open(void *state, const cmx_address *to, const cmx_socket_options *options,
                       uint32_t *socket)
{
    const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                             fake.streams_max};

    (void)state;
    assert_null(options->hook);
    fake.user_timeout_ms = options->user_timeout_ms;
    assert_true(to->port > 0);
    fake.open_calls++;
    assert_true(fake.open_calls < 1000); /* somebody dials in a loop */
    if (fake.open_status != CMX_OK) {
        return fake.open_status;
    }
    assert_true(fake.opened < FAKE_PORT_SOCKETS);
    *socket = fake.opened++;
    fake_socket *row = &fake.sockets[*socket];
    row->is_open = true;
    row->to = *to;
    row->opened_ms = fake.now_ms;
    row->recv_status = CMX_AGAIN;
    h2_peer_open(&row->peer, &settings, 1);
    return CMX_OK;
}

static int socket_connected(void *state, uint32_t socket)
{
    const fake_socket *row = find(socket);

    (void)state;
    if (row->is_silent) {
        return CMX_AGAIN;
    }
    return row->connect_status != CMX_OK ? row->connect_status : fake.connect_status;
}

/* Bytes of the proxy's answer that are still to come. */
static size_t answer_left(const fake_socket *row)
{
    if (!fake.is_proxy || fake.proxy_answer == NULL || strstr(row->request, "\r\n\r\n") == NULL) {
        return 0;
    }
    return strlen(fake.proxy_answer) - row->answer_taken;
}

static bool is_tunnel(const fake_socket *row)
{
    return !fake.is_proxy || (row->answer_taken > 0 && answer_left(row) == 0);
}

static bool has_input(fake_socket *row)
{
    if (!is_tunnel(row)) {
        return answer_left(row) > 0;
    }
    if (fake.is_mute) {
        return false;
    }
    (void)h2_peer_send(&row->peer);
    return row->peer.out_len > 0;
}

static size_t take_peer(fake_socket *row, void *out, size_t capacity)
{
    size_t got = row->peer.out_len < capacity ? row->peer.out_len : capacity;

    memcpy(out, row->peer.out, got);
    memmove(row->peer.out, row->peer.out + got, row->peer.out_len - got);
    row->peer.out_len -= got;
    return got;
}

static int socket_recv(void *state, uint32_t socket, void *out, size_t capacity, size_t *got)
{
    fake_socket *row = find(socket);
    size_t left = answer_left(row);

    (void)state;
    *got = 0;
    if (!has_input(row)) {
        return row->recv_status;
    }
    if (left == 0) {
        *got = take_peer(row, out, capacity);
        return CMX_OK;
    }
    *got = fake.proxy_piece > 0 && fake.proxy_piece < left ? fake.proxy_piece : left;
    *got = *got < capacity ? *got : capacity;
    memcpy(out, fake.proxy_answer + row->answer_taken, *got);
    row->answer_taken += *got;
    if (fake.proxy_piece == 0 && has_input(row)) {
        *got += take_peer(row, (char *)out + *got, capacity - *got);
    }
    return CMX_OK;
}

static int socket_send(void *state, uint32_t socket, const void *bytes, size_t len, size_t *sent)
{
    fake_socket *row = find(socket);

    (void)state;
    *sent = 0;
    if (row->send_status != CMX_OK) {
        return row->send_status;
    }
    if (row->is_deaf) {
        return CMX_AGAIN;
    }
    if (is_tunnel(row)) {
        h2_peer_receive(&row->peer, bytes, len);
    } else {
        assert_true(len < sizeof(row->request) - row->request_len);
        memcpy(row->request + row->request_len, bytes, len);
        row->request_len += len;
    }
    *sent = len;
    return CMX_OK;
}

static void socket_close(void *state, uint32_t socket)
{
    (void)state;
    find(socket)->closed_ms = fake.now_ms;
    find(socket)->is_open = false;
    fake.closes++;
}

static void socket_want(void *state, uint32_t socket, uint32_t interest)
{
    (void)state;
    find(socket)->interest = interest;
}

static uint32_t ready_of(fake_socket *row)
{
    uint32_t ready = row->is_deaf ? 0 : CMX_SOCKET_WRITE;

    if (row->is_silent) {
        return 0;
    }
    if (has_input(row) || row->recv_status != CMX_AGAIN) {
        ready |= CMX_SOCKET_READ;
    }
    return ready & row->interest;
}

static int wait_sockets(void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity,
                        size_t *count)
{
    (void)state;
    fake.waits++;
    *count = 0;
    for (uint32_t i = 0; i < fake.opened; i++) {
        fake_socket *row = &fake.sockets[i];
        uint32_t ready = row->is_open ? ready_of(row) : 0;
        if (ready != 0 && *count < capacity) {
            out[*count] = (cmx_port_ready){.socket = i, .ready = ready};
            ++*count;
        }
    }
    if (*count == 0 && !fake.is_answer_due) {
        assert_true(timeout_ms != UINT32_MAX); /* nothing would ever happen again */
        fake.now_ms += timeout_ms;
    }
    return CMX_OK;
}

static void wake(void *state)
{
    (void)state;
}

static int descriptor(void *state)
{
    (void)state;
    return -1;
}

void fake_port_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.now_ms = FAKE_PORT_START_MS;
    fake.streams_max = 100;
    fake.table = (cmx_port){.init = init_state,
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
                            .wait = wait_sockets,
                            .wakeup = wake,
                            .descriptor = descriptor};
}

void fake_port_deinit(void)
{
    for (uint32_t i = 0; i < fake.opened; i++) {
        h2_peer_close(&fake.sockets[i].peer);
    }
}
