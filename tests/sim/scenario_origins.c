/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of several relays: each gets its own key and nobody else's, its own connections and its
 * own failures; addresses that were pinned are not resolved.
 */
#include "run.h"

#include <string.h>

#define OTHER_KEY "sk-of-the-other-relay"

static cmx_origin_id add_other(sim_run *run, uint32_t connections)
{
    cmx_origin origin;
    cmx_origin_id id = 0;

    if (run->app.client == NULL) {
        return 0;
    }
    cmx_origin_default(&origin);
    origin.base_url = SIM_OTHER_URL;
    origin.key = OTHER_KEY;
    origin.connections = connections;
    SIM_CHECK(cmx_client_add_origin(run->app.client, &origin, &id, NULL) == CMX_OK);
    SIM_CHECK(id == 1);
    return id;
}

static void play_two_relays(sim_run *run)
{
    run->other.key = OTHER_KEY;
    run->other.forbidden = run->app.key;
    run->server.forbidden = OTHER_KEY;
    run->app.config.connections_max = 4;
    sim_server_script(&run->server, &(sim_script){.gap_ms = 5});
    sim_server_script(&run->other, &(sim_script){.gap_ms = 7});
    sim_open(run);
    (void)add_other(run, 2);
    for (uint32_t i = 0; i < 40; i++) {
        bool is_other = i % 2 == 1;
        (void)sim_start_with(run, &(sim_spec){.model = "m",
                                              .origin = is_other ? 1 : 0,
                                              .server = is_other ? &run->other : &run->server});
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 40; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(run->server.requests == 20 && run->other.requests == 20);
    SIM_CHECK(run->other.connections <= 2);
}

static void play_one_is_down(sim_run *run)
{
    sim_chat *down;
    sim_chat *up;

    run->listener->status = CMX_ERR_REFUSED;
    sim_open(run);
    (void)add_other(run, 0);
    down = sim_start(run, "m");
    up = sim_start_with(run, &(sim_spec){.model = "m", .origin = 1, .server = &run->other});
    sim_finish(run, 60000);
    sim_expect_end(run, down, CMX_VERDICT_NETWORK, CMX_ERR_REFUSED);
    sim_expect_end(run, up, CMX_VERDICT_DONE, CMX_OK);
    /* Failing over is the caller's next request. */
    up = sim_start_with(run, &(sim_spec){.model = "m", .origin = 1, .server = &run->other});
    sim_finish(run, 60000);
    sim_expect_end(run, up, CMX_VERDICT_DONE, CMX_OK);
}

/* All connections are taken by one relay, which is idle: the other must get its turn. */
static void play_turns(sim_run *run)
{
    run->app.config.connections_max = 1;
    sim_open(run);
    (void)add_other(run, 0);
    for (uint32_t i = 0; i < 6; i++) {
        bool is_other = i % 2 == 1;
        sim_chat *chat =
            sim_start_with(run, &(sim_spec){.model = "m",
                                            .origin = is_other ? 1 : 0,
                                            .server = is_other ? &run->other : &run->server});
        sim_finish(run, 60000);
        sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_pinned_address(sim_run *run)
{
    cmx_origin origin;
    cmx_origin_id id = 0;
    sim_chat *chat;

    run->host->status = CMX_ERR_DNS_NOT_FOUND;
    sim_open(run);
    if (run->app.client == NULL) {
        return;
    }
    cmx_origin_default(&origin);
    origin.base_url = SIM_URL;
    origin.key = run->app.key;
    origin.address = "192.0.2.1";
    SIM_CHECK(cmx_client_add_origin(run->app.client, &origin, &id, NULL) == CMX_OK);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_literal(sim_run *run)
{
    cmx_origin_id id = 0;
    sim_chat *chat;

    sim_open(run);
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(sim_app_origin(&run->app, "http://192.0.2.1:80/v1", &id) == CMX_OK);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_origins_full(sim_run *run)
{
    cmx_origin_id id = 0;

    run->app.config.origins_max = 2;
    sim_open(run);
    (void)add_other(run, 0);
    if (run->app.client != NULL) {
        SIM_CHECK(sim_app_origin(&run->app, SIM_URL, &id) == CMX_ERR_BUSY);
    }
    sim_expect_alive(run);
}

static const sim_scenario scenarios[] = {
    {"two-relays", play_two_relays, 2},
    {"one-is-down", play_one_is_down, 1},
    {"turns", play_turns, 1},
    {"pinned-address", play_pinned_address, 1},
    {"address-in-the-url", play_literal, 1},
    {"origins-full", play_origins_full, 0},
    {NULL, NULL, 0},
};

const sim_family sim_family_origins = {"origins", scenarios};
