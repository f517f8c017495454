/* SPDX-License-Identifier: MIT */
/*
 * Everything at once: servers with a random set of faults, a random configuration, requests of all
 * kinds, cancels and pauses, then good weather. Nothing is expected but the invariants: one
 * truthful end each, no byte in the wrong place, no hang, and a client that works afterwards.
 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHAOS_SCRIPTS = 8, CHAOS_CHATS = 60 };

static uint32_t draw(sim_run *run, uint32_t bound)
{
    return (uint32_t)sim_choose(&run->world, SIM_STREAM_FAULTS, bound);
}

/* Names of the scripts; they outlive the run. */
static const char *const models[CHAOS_SCRIPTS] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"};

static sim_script draw_script(sim_run *run, const char *model)
{
    static const uint32_t statuses[] = {0, 0, 0, 0, 0, 400, 429, 503};
    static const uint32_t codes[] = {NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL, NGHTTP2_NO_ERROR,
                                     NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM};

    return (sim_script){
        .model = model,
        .times = draw(run, 3) == 0 ? 1 + draw(run, 3) : 0,
        .status = statuses[draw(run, 8)],
        .head_ms = draw(run, 2) * draw(run, 900),
        .tokens = 1 + draw(run, 40),
        .units = 1 + draw(run, 20),
        .gap_ms = draw(run, 2) * draw(run, 60),
        .frame_bytes = draw(run, 3) == 0 ? 1 + draw(run, 200) : 0,
        .fault = draw(run, 2) == 0 ? SIM_FAULT_NONE
                                   : (enum sim_fault)draw(run, (uint32_t)SIM_FAULT_STREAMS_MAX),
        .after = draw(run, 12),
        .code = codes[draw(run, 4)],
        .huge_bytes = draw(run, 30000),
        .spare = (int32_t)draw(run, 5),
        .is_done_missing = draw(run, 5) == 0,
        .is_end_missing = draw(run, 8) == 0,
        .is_head_only = draw(run, 12) == 0,
        .has_hint = draw(run, 6) == 0,
        .has_trailer = draw(run, 6) == 0,
    };
}

static void draw_config(sim_run *run)
{
    cmx_config *config = &run->app.config;

    config->connections_max = 1 + draw(run, 4);
    config->requests_max = 8 + draw(run, 60);
    config->streams_soft = 1 + draw(run, 20);
    config->streams_hard = config->streams_soft + draw(run, 60);
    config->streams_before_settings = 1 + draw(run, 10);
    config->stream_window_bytes = 1024u << draw(run, 7);
    config->tail_bytes = 128u << draw(run, 4);
    config->event_bytes_max = 2048u << draw(run, 4);
    config->event_buffers = 1 + draw(run, 4);
    config->read_bytes = 4096u << draw(run, 4);
    config->write_bytes = 4096u << draw(run, 3);
    config->connect_timeout_ms = 500 + draw(run, 3000);
    config->settings_timeout_ms = 500 + draw(run, 3000);
    config->queue_timeout_ms = 1000 + draw(run, 20000);
    config->head_timeout_ms = 700 + draw(run, 5000);
    config->first_token_timeout_ms = 700 + draw(run, 8000);
    config->progress_timeout_ms = 300 + draw(run, 8000);
    config->total_timeout_ms = draw(run, 2) * (2000 + draw(run, 20000));
    config->idle_timeout_ms = 100 + draw(run, 8000);
}

static void act(sim_run *run)
{
    sim_app *app = &run->app;
    uint32_t lot = draw(run, 20);

    if (lot < 12 && app->chat_count < CHAOS_CHATS) {
        const sim_spec spec = {.model = models[draw(run, CHAOS_SCRIPTS)],
                               .path = draw(run, 10) == 0 ? "/models" : NULL,
                               .filler = draw(run, 3) == 0 ? draw(run, 40000) : 0,
                               .answer_bytes = draw(run, 6) == 0 ? 100 + draw(run, 20000) : 0};
        int rc = sim_app_start(app, &spec, NULL);
        if (rc != CMX_OK && rc != CMX_ERR_BUSY) {
            sim_fail(&run->world, "a request was not accepted: %s", cmx_error_name(rc));
        }
    } else if (lot < 15 && app->chat_count > 0) {
        sim_chat *chat = &app->chats[draw(run, app->chat_count)];
        if (chat->is_started) {
            int rc = sim_app_cancel(app, chat);
            SIM_CHECK(rc == CMX_OK || rc == CMX_ERR_HANDLE);
            SIM_CHECK(!chat->is_done || rc == CMX_ERR_HANDLE);
        }
    } else if (lot == 15) {
        sim_app_sleep(app, draw(run, 3000), draw(run, 2) == 0);
    } else {
        sim_live(run, draw(run, 300));
    }
}

static void heal(sim_run *run)
{
    run->server.script_count = 0;
    run->server.streams_max = 100;
    run->server.settings_ms = 0;
    run->listener->is_hole = false;
    run->port.net = (sim_net){.delay_ms = 1};
    /* Nothing tells the client that a connection has become a black hole but its end. */
    for (sim_conn *conn = run->server.conns; conn != NULL; conn = conn->next) {
        conn->link->net = run->port.net;
        if (conn->link->is_hole) {
            conn->link->is_hole = false;
            conn->link->is_fin_sent = false;
            conn->link->to_client.last_due_ms = 0;
            sim_link_reset(conn->link);
        }
    }
}

/* Lets what is still on its way arrive, however slow the links were. */
static void settle(sim_run *run)
{
    cmx_event event;
    uint64_t end_ms = run->world.now_ms + 30000;

    while (run->world.now_ms < end_ms && !run->world.is_failed) {
        uint32_t due_ms = cmx_client_next_due_ms(run->app.client);
        sim_port_sleep(&run->port, due_ms < 1000 ? due_ms : 1000);
        SIM_CHECK(cmx_client_tick(run->app.client) == CMX_OK);
        SIM_CHECK(cmx_client_next_event(run->app.client, &event) == CMX_IDLE);
    }
}

static void play_chaos(sim_run *run)
{
    draw_config(run);
    for (int i = 0; i < CHAOS_SCRIPTS; i++) {
        sim_script script = draw_script(run, models[i]);
        sim_server_script(&run->server, &script);
    }
    run->server.streams_max = draw(run, 3) == 0 ? 1 + draw(run, 6) : 100;
    run->server.settings_ms = draw(run, 4) == 0 ? draw(run, 400) : 0;
    run->server.window_bytes = draw(run, 3) == 0 ? 1000 + draw(run, 5000) : 0;
    sim_open(run);
    for (int i = 0; i < 150 && !run->world.is_failed; i++) {
        act(run);
    }
    heal(run);
    sim_finish(run, 300000);
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        SIM_CHECK(run->app.chats[i].is_done == run->app.chats[i].is_started);
    }
    settle(run);
    sim_expect_alive(run);
}

static const sim_scenario scenarios[] = {
    {"chaos", play_chaos, 5},
    {NULL, NULL, 0},
};

const sim_family sim_family_chaos = {"chaos", scenarios};
