/* SPDX-License-Identifier: MIT */
/*
 * Links of the simulated network; see net.h. A link lives until the end of its world, so that an
 * event on its way never finds it gone.
 */
#include "net.h"

#include <stdlib.h>
#include <string.h>

enum { SEND_CAPACITY_DEFAULT = 1 << 20, PIPE_BYTES_MAX = 1 << 26 };

static void pipe_append(sim_pipe *pipe, const void *bytes, size_t len)
{
    if (pipe->head > 0 && pipe->head == pipe->len) {
        pipe->head = 0;
        pipe->visible = 0;
        pipe->len = 0;
    }
    if (pipe->len + len > pipe->capacity) {
        pipe->capacity = 2 * (pipe->len + len);
        pipe->bytes = realloc(pipe->bytes, pipe->capacity);
        if (pipe->bytes == NULL || pipe->capacity > PIPE_BYTES_MAX) {
            abort();
        }
    }
    if (len > 0) {
        memcpy(pipe->bytes + pipe->len, bytes, len);
    }
    pipe->len += len;
}

/* Returns the delay after which something sent now arrives, behind all that was sent before. */
static uint64_t arrival_ms(sim_link *link, sim_pipe *pipe, uint64_t extra_ms)
{
    sim_world *world = link->world;
    uint64_t due_ms = world->now_ms + link->net.delay_ms + extra_ms;

    if (link->net.jitter_ms > 0) {
        due_ms += sim_choose(world, SIM_STREAM_NET, link->net.jitter_ms + 1);
    }
    if (due_ms < pipe->last_due_ms) {
        due_ms = pipe->last_due_ms;
    }
    pipe->last_due_ms = due_ms;
    return due_ms - world->now_ms;
}

static void on_settled(void *ctx, uint64_t arg)
{
    sim_link *link = ctx;
    int status = -(int)arg;

    sim_note(link->world, "connect", link->number, arg);
    link->world->progress++;
    if (!link->is_open) {
        return;
    }
    if (status != CMX_OK) {
        link->state = SIM_LINK_FAILED;
        link->failure = status;
        return;
    }
    link->state = SIM_LINK_CONNECTED;
    if (link->peer.opened != NULL) {
        link->peer.opened(link->peer.ctx, link);
    }
}

static void on_bytes_for_client(void *ctx, uint64_t arg)
{
    sim_link *link = ctx;

    if (!link->is_hole && link->is_open) {
        link->to_client.visible += (size_t)arg;
    }
}

static void on_end_for_client(void *ctx, uint64_t arg)
{
    sim_link *link = ctx;

    if (link->is_hole || !link->is_open || link->failure == CMX_ERR_RESET) {
        return;
    }
    link->is_ended = true;
    link->failure = -(int)arg;
    /* A reset may or may not leave the bytes that had arrived. */
    if (link->failure == CMX_ERR_RESET && sim_chance(link->world, SIM_STREAM_NET, 500)) {
        link->to_client.head = link->to_client.visible;
    }
}

static void drain_to_server(sim_link *link)
{
    sim_pipe *pipe = &link->to_server;
    size_t len = pipe->visible - pipe->head;
    uint8_t *copy;

    if (len == 0 || link->is_peer_stopped) {
        return;
    }
    /* The peer may answer at once and so change the pipe. */
    copy = malloc(len);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, pipe->bytes + pipe->head, len);
    pipe->head = pipe->visible;
    if (link->is_fin_sent && !link->is_abrupt) {
        free(copy); /* a good server reads on until the client closes, too */
        return;
    }
    if (link->is_fin_sent) {
        sim_world_after(link->world, arrival_ms(link, &link->to_client, 0), on_end_for_client, link,
                        (uint64_t)-CMX_ERR_RESET);
    } else if (link->peer.received != NULL) {
        link->peer.received(link->peer.ctx, copy, len);
    }
    free(copy);
}

static void on_bytes_for_server(void *ctx, uint64_t arg)
{
    sim_link *link = ctx;

    if (!link->is_hole) {
        link->to_server.visible += (size_t)arg;
        drain_to_server(link);
    }
}

static void on_unblocked(void *ctx, uint64_t arg)
{
    sim_link *link = ctx;

    (void)arg;
    link->world->progress++;
}

static void on_closed_for_server(void *ctx, uint64_t arg)
{
    sim_link *link = ctx;

    (void)arg;
    if (!link->is_hole && !link->is_fin_sent) {
        link->is_fin_sent = true;
        if (link->peer.closed != NULL) {
            link->peer.closed(link->peer.ctx);
        }
    }
}

sim_link *sim_link_open(sim_world *world, sim_link **list, const sim_net *net, const sim_peer *peer)
{
    sim_link *link = calloc(1, sizeof *link);

    if (link == NULL) {
        abort();
    }
    link->world = world;
    link->net = *net;
    link->peer = *peer;
    link->is_open = true;
    link->next = *list;
    *list = link;
    return link;
}

void sim_link_free_all(sim_link **list)
{
    while (*list != NULL) {
        sim_link *link = *list;
        *list = link->next;
        free(link->to_client.bytes);
        free(link->to_server.bytes);
        free(link);
    }
}

void sim_link_settle(sim_link *link, uint64_t delay_ms, int status)
{
    sim_world_after(link->world, delay_ms, on_settled, link, (uint64_t)-status);
}

void sim_link_send(sim_link *link, const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    if (link->is_fin_sent || !link->is_open) {
        return;
    }
    pipe_append(&link->to_client, bytes, len);
    while (at < len) {
        size_t piece = len - at;
        uint64_t extra_ms = 0;
        if (link->net.bytes_per_ms > 0) {
            uint64_t busy_ms = link->to_client.last_due_ms > link->world->now_ms
                                   ? link->to_client.last_due_ms - link->world->now_ms
                                   : 0;
            piece = piece < link->net.bytes_per_ms ? piece : link->net.bytes_per_ms;
            extra_ms = busy_ms + 1 > link->net.delay_ms ? busy_ms + 1 - link->net.delay_ms : 1;
        }
        sim_world_after(link->world, arrival_ms(link, &link->to_client, extra_ms),
                        on_bytes_for_client, link, piece);
        at += piece;
    }
}

void sim_link_fin(sim_link *link)
{
    if (!link->is_fin_sent) {
        link->is_fin_sent = true;
        sim_world_after(link->world, arrival_ms(link, &link->to_client, 0), on_end_for_client, link,
                        (uint64_t)-CMX_ERR_CLOSED);
    }
}

void sim_link_reset(sim_link *link)
{
    if (!link->is_fin_sent) {
        link->is_fin_sent = true;
        sim_world_after(link->world, arrival_ms(link, &link->to_client, 0), on_end_for_client, link,
                        (uint64_t)-CMX_ERR_RESET);
    }
}

void sim_link_stop_reading(sim_link *link, bool is_stopped)
{
    link->is_peer_stopped = is_stopped;
    drain_to_server(link);
}

size_t sim_link_peer_take(sim_link *link, void *out, size_t capacity)
{
    sim_pipe *pipe = &link->to_server;
    size_t len = pipe->visible - pipe->head;

    len = len < capacity ? len : capacity;
    if (len > 0) {
        memcpy(out, pipe->bytes + pipe->head, len);
        pipe->head += len;
        link->world->progress++;
    }
    return len;
}

int sim_link_recv(sim_link *link, void *out, size_t capacity, size_t *got)
{
    sim_pipe *pipe = &link->to_client;
    size_t len = pipe->visible - pipe->head;

    *got = 0;
    if (link->state != SIM_LINK_CONNECTED) {
        return link->state == SIM_LINK_FAILED ? link->failure : CMX_AGAIN;
    }
    if (len == 0) {
        return link->is_ended ? link->failure : CMX_AGAIN;
    }
    if (sim_chance(link->world, SIM_STREAM_NET, link->net.again_per_mille)) {
        return CMX_AGAIN;
    }
    len = len < capacity ? len : capacity;
    if (link->net.recv_bytes_max > 0) {
        size_t most = 1 + (size_t)sim_choose(link->world, SIM_STREAM_NET, link->net.recv_bytes_max);
        len = len < most ? len : most;
    }
    memcpy(out, pipe->bytes + pipe->head, len);
    pipe->head += len;
    link->world->progress++;
    sim_note(link->world, "recv", link->number, len);
    *got = len;
    return CMX_OK;
}

static size_t send_room(const sim_link *link)
{
    size_t most = link->net.send_capacity > 0 ? link->net.send_capacity : SEND_CAPACITY_DEFAULT;
    size_t held = link->to_server.len - link->to_server.head;

    return held < most ? most - held : 0;
}

/* The socket is full for a moment, although nothing shows it. */
static bool stalls_now(sim_link *link)
{
    if (!sim_chance(link->world, SIM_STREAM_NET, link->net.again_per_mille)) {
        return false;
    }
    link->blocked_until_ms = link->world->now_ms + 1;
    sim_world_after(link->world, 1, on_unblocked, link, 0);
    return true;
}

int sim_link_take(sim_link *link, const void *bytes, size_t len, size_t *sent)
{
    sim_world *world = link->world;
    size_t room = send_room(link);

    *sent = 0;
    if (link->state != SIM_LINK_CONNECTED) {
        return link->state == SIM_LINK_FAILED ? link->failure : CMX_AGAIN;
    }
    if (link->is_ended && link->failure == CMX_ERR_RESET) {
        return CMX_ERR_RESET;
    }
    if (room == 0 || world->now_ms < link->blocked_until_ms || stalls_now(link)) {
        return CMX_AGAIN;
    }
    if (link->net.send_bytes_max > 0) {
        size_t most = 1 + (size_t)sim_choose(world, SIM_STREAM_NET, link->net.send_bytes_max);
        room = room < most ? room : most;
    }
    len = len < room ? len : room;
    pipe_append(&link->to_server, bytes, len);
    sim_world_after(world, arrival_ms(link, &link->to_server, 0), on_bytes_for_server, link, len);
    world->progress++;
    sim_note(world, "send", link->number, len);
    *sent = len;
    return CMX_OK;
}

void sim_link_close(sim_link *link)
{
    link->is_open = false;
    link->interest = 0;
    sim_note(link->world, "close", link->number, 0);
    if (link->state == SIM_LINK_CONNECTED) {
        sim_world_after(link->world, arrival_ms(link, &link->to_server, 0), on_closed_for_server,
                        link, 0);
    }
}

uint32_t sim_link_ready(const sim_link *link)
{
    uint32_t ready = 0;

    if (link->state == SIM_LINK_CONNECTING) {
        return 0;
    }
    if (link->state == SIM_LINK_FAILED || (link->is_ended && link->failure == CMX_ERR_RESET)) {
        return CMX_SOCKET_READ | CMX_SOCKET_WRITE;
    }
    if (link->to_client.visible > link->to_client.head || link->is_ended) {
        ready |= CMX_SOCKET_READ;
    }
    if (send_room(link) > 0 && link->world->now_ms >= link->blocked_until_ms) {
        ready |= CMX_SOCKET_WRITE;
    }
    return ready;
}
