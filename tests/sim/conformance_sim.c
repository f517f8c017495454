/* SPDX-License-Identifier: MIT */
/*
 * The simulated port before the same judge as every other port: the peer's calls act on the
 * simulated network, and what takes time passes while the port waits. Only what a simulated system
 * does not have is left out: descriptors and threads.
 */
#include "../port_conformance.h"
#include "sim_port.h"

#include <stdio.h>
#include <string.h>

enum { PEER_LINKS_MAX = 256 };

typedef struct sim_conformance {
    sim_world world;
    sim_port port;
    sim_link *waiting[PEER_LINKS_MAX];
    size_t waiting_count;
    size_t accepted_count;
    bool is_gone[PEER_LINKS_MAX]; /* the client closed */
    uint16_t next_port;
} sim_conformance;

static sim_conformance sim;

static void peer_opened(void *ctx, sim_link *link)
{
    (void)ctx;
    if (sim.waiting_count < PEER_LINKS_MAX) {
        sim.waiting[sim.waiting_count++] = link;
        sim_link_stop_reading(link, true);
    }
}

static void peer_closed(void *ctx)
{
    for (size_t i = 0; i < sim.waiting_count; i++) {
        if (sim.waiting[i] == ctx) {
            sim.is_gone[i] = true;
        }
    }
}

static sim_peer accept_link(void *ctx, sim_link *link)
{
    const sim_peer peer = {.opened = peer_opened, .closed = peer_closed, .ctx = link};

    (void)ctx;
    return peer;
}

static bool peer_listen(void *ctx, cmx_address *at)
{
    (void)ctx;
    *at = sim_address((const uint8_t[]){127, 0, 0, 1}, sim.next_port++);
    sim_port_listen(&sim.port, at, accept_link, NULL);
    return true;
}

static bool peer_refuse(void *ctx, cmx_address *at)
{
    (void)ctx;
    *at = sim_address((const uint8_t[]){127, 0, 0, 1}, sim.next_port++);
    sim_port_listen(&sim.port, at, NULL, NULL)->status = CMX_ERR_REFUSED;
    return true;
}

static int peer_accept(void *ctx)
{
    (void)ctx;
    return sim.accepted_count < sim.waiting_count ? (int)sim.accepted_count++ : -1;
}

static bool peer_send(void *ctx, int connection, const void *bytes, size_t len)
{
    (void)ctx;
    sim_link_send(sim.waiting[connection], bytes, len);
    return true;
}

static int peer_recv(void *ctx, int connection, void *out, size_t capacity)
{
    size_t got = sim_link_peer_take(sim.waiting[connection], out, capacity);

    (void)ctx;
    return got == 0 && sim.is_gone[connection] ? -1 : (int)got;
}

static void peer_close(void *ctx, int connection)
{
    (void)ctx;
    sim_link_fin(sim.waiting[connection]);
}

static void peer_reset(void *ctx, int connection)
{
    (void)ctx;
    sim_link_reset(sim.waiting[connection]);
}

static void peer_finish(void *ctx)
{
    (void)ctx;
    sim.port.listener_count = 0;
    sim.waiting_count = 0;
    sim.accepted_count = 0;
    memset(sim.is_gone, 0, sizeof sim.is_gone);
    for (size_t i = 0; i < sim.port.host_count; i++) {
        sim.port.hosts[i].is_held = strcmp(sim.port.hosts[i].name, "slow.test") == 0;
    }
}

static void begin_slow(void *ctx)
{
    (void)ctx;
}

static void release_slow(void *ctx)
{
    (void)ctx;
    sim_port_release(&sim.port);
}

/* The port under three kinds of weather; readiness that turns out to be none would be a breach of
 * the checks that count levels, so it stays out here. */
static const sim_net weathers[] = {
    {.delay_ms = 0},
    {.delay_ms = 3, .jitter_ms = 4, .send_capacity = 65536},
    {.delay_ms = 1, .send_bytes_max = 900, .send_capacity = 20000},
};

int main(void)
{
    const conformance_peer peer = {
        .listen = peer_listen,
        .refuse = peer_refuse,
        .accept = peer_accept,
        .send = peer_send,
        .recv = peer_recv,
        .close = peer_close,
        .reset = peer_reset,
        .finish = peer_finish,
        .local_name = "local.test",
        .missing_name = "missing.test",
        .slow_name = "slow.test",
        .slow_begun = begin_slow,
        .slow_release = release_slow,
    };
    const cmx_address local = sim_address((const uint8_t[]){127, 0, 0, 1}, 0);
    int failed = 0;

    for (size_t i = 0; i < sizeof weathers / sizeof weathers[0]; i++) {
        sim_world_init(&sim.world, i, false);
        sim_port_init(&sim.port, &sim.world);
        sim.port.net = weathers[i];
        /* Checks that ask again and again count on time to pass meanwhile. */
        sim.port.wait_cost_ms = i == 0 ? 0 : 1;
        sim.next_port = 2000;
        sim_port_host(&sim.port, "local.test", &local)->address_count = 2;
        sim.port.hosts[0].addresses[1] = local;
        sim_port_host(&sim.port, "slow.test", &local)->is_held = true;
        failed += port_conformance_run(&sim.port.table, &peer);
        if (sim.world.is_failed) {
            fprintf(stderr, "weather %zu: %s\n", i, sim.world.failure);
            failed++;
        }
        sim_port_deinit(&sim.port);
        sim_world_deinit(&sim.world);
    }
    return failed == 0 ? 0 : 1;
}
