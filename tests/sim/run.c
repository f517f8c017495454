/* SPDX-License-Identifier: MIT */
/*
 * Setting up a run and the steps that most stories share; see run.h.
 */
#include "run.h"

#include <stdio.h>
#include <string.h>

/* Each run has its own weather; every fourth has none, so that nothing works only in a storm. */
static sim_net choose_weather(sim_world *world)
{
    static const uint32_t delays[] = {0, 1, 5, 20};
    static const uint32_t receives[] = {0, 0, 1, 3, 9, 64, 1000, 1400};
    static const uint32_t sends[] = {0, 0, 1, 5, 9, 100};
    static const uint32_t rates[] = {0, 0, 0, 100, 1500};
    sim_net net = {0};

    if (world->seed % 4 == 0) {
        return net;
    }
    net.delay_ms = delays[sim_choose(world, SIM_STREAM_NET, 4)];
    net.jitter_ms = (uint32_t)sim_choose(world, SIM_STREAM_NET, 4);
    net.recv_bytes_max = receives[sim_choose(world, SIM_STREAM_NET, 8)];
    net.send_bytes_max = sends[sim_choose(world, SIM_STREAM_NET, 6)];
    net.bytes_per_ms = rates[sim_choose(world, SIM_STREAM_NET, 5)];
    net.send_capacity = sim_chance(world, SIM_STREAM_NET, 300) ? 2000 : 0;
    net.again_per_mille = sim_chance(world, SIM_STREAM_NET, 300) ? 100 : 0;
    return net;
}

void sim_run_init(sim_run *run, uint64_t seed, bool is_traced)
{
    const cmx_address relay = sim_address((const uint8_t[]){192, 0, 2, 1}, 80);
    const cmx_address other = sim_address((const uint8_t[]){192, 0, 2, 2}, 80);
    const cmx_address third = sim_address((const uint8_t[]){192, 0, 2, 3}, 80);

    memset(run, 0, sizeof *run);
    sim_world_init(&run->world, seed, is_traced);
    sim_port_init(&run->port, &run->world);
    run->port.net = choose_weather(&run->world);
    sim_server_init(&run->server, &run->world);
    sim_server_init(&run->other, &run->world);
    sim_server_init(&run->third, &run->world);
    run->listener = sim_port_listen(&run->port, &relay, sim_server_accept, &run->server);
    (void)sim_port_listen(&run->port, &other, sim_server_accept, &run->other);
    (void)sim_port_listen(&run->port, &third, sim_server_accept, &run->third);
    run->host = sim_port_host(&run->port, "relay.test", &relay);
    (void)sim_port_host(&run->port, "other.test", &other);
    (void)sim_port_host(&run->port, "third.test", &third);
    sim_app_init(&run->app, &run->world, &run->port, &run->server);
    run->server.key = run->app.key;
}

void sim_run_deinit(sim_run *run)
{
    sim_app_deinit(&run->app);
    sim_port_deinit(&run->port);
    sim_server_deinit(&run->server);
    sim_server_deinit(&run->other);
    sim_server_deinit(&run->third);
    sim_world_deinit(&run->world);
}

void sim_open(sim_run *run)
{
    cmx_origin_id id = 99;
    int rc = sim_app_open(&run->app);

    if (rc != CMX_OK) {
        sim_fail(&run->world, "the client cannot be opened: %s", cmx_error_name(rc));
        return;
    }
    rc = sim_app_origin(&run->app, SIM_URL, &id);
    if (rc != CMX_OK || id != 0) {
        sim_fail(&run->world, "the origin cannot be added: %s", cmx_error_name(rc));
    }
}

sim_chat *sim_start_with(sim_run *run, const sim_spec *spec)
{
    sim_chat *chat = &run->app.chats[SIM_APP_CHATS_MAX - 1];
    int rc;

    if (run->app.client == NULL) {
        return chat;
    }
    rc = sim_app_start(&run->app, spec, &chat);
    if (rc != CMX_OK) {
        sim_fail(&run->world, "a request was not accepted: %s", cmx_error_name(rc));
    }
    return chat;
}

sim_chat *sim_start(sim_run *run, const char *model)
{
    const sim_spec spec = {.model = model};

    return sim_start_with(run, &spec);
}

void sim_live(sim_run *run, uint64_t ms)
{
    if (run->app.client != NULL) {
        sim_app_run(&run->app, ms);
    }
}

void sim_finish(sim_run *run, uint64_t limit_ms)
{
    sim_live(run, limit_ms);
    if (run->app.client == NULL || run->world.is_failed) {
        return;
    }
    if (run->app.last_status != CMX_IDLE) {
        sim_fail(&run->world, "%u requests are still in flight after %u ms (%s)",
                 (unsigned)(run->app.accepted - run->app.done), (unsigned)limit_ms,
                 cmx_error_name(run->app.last_status));
    } else if (run->app.accepted != run->app.done) {
        sim_fail(&run->world, "idle, but %u requests had no end",
                 (unsigned)(run->app.accepted - run->app.done));
    }
}

void sim_expect_end(sim_run *run, const sim_chat *chat, enum cmx_verdict verdict, int error)
{
    if (!chat->is_done) {
        sim_fail(&run->world, "chat %u did not end, expected %s", (unsigned)chat->k,
                 cmx_verdict_name(verdict));
    } else if (chat->done.verdict != verdict || chat->done.error != error) {
        sim_fail(&run->world, "chat %u ended as %s %s, expected %s %s", (unsigned)chat->k,
                 cmx_verdict_name(chat->done.verdict), cmx_error_name(chat->done.error),
                 cmx_verdict_name(verdict), cmx_error_name(error));
    }
}

void sim_expect_alive(sim_run *run)
{
    sim_chat *chat;

    if (run->world.is_failed) {
        return;
    }
    chat = sim_start(run, "after-all");
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}
