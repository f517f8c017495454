/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of silence: networks that swallow everything, servers that do not read, models that
 * think for minutes. Only what does not answer is given up, and that within the configured time.
 */
#include "run.h"

enum { LATE_MS = 1500, PING_AFTER_MS = 3000, PING_TIMEOUT_MS = 2000 };

static sim_conn *newest(sim_run *run)
{
    return run->server.conns;
}

static cmx_stats stats_of(sim_run *run)
{
    cmx_stats stats = {0};

    if (run->app.client != NULL) {
        cmx_client_stats(run->app.client, &stats);
    }
    return stats;
}

static void open_with_pings(sim_run *run)
{
    run->app.config.ping_after_ms = PING_AFTER_MS;
    run->app.config.ping_timeout_ms = PING_TIMEOUT_MS;
    run->app.config.attempts_max = 1; /* ends are what is looked at */
    sim_open(run);
}

/* From one moment to the next nothing arrives any more, either way. */
static void play_black_hole(sim_run *run)
{
    uint64_t since_ms;

    sim_server_script(&run->server, &(sim_script){.model = "many", .tokens = 100, .gap_ms = 100});
    sim_server_script(&run->server, &(sim_script){.model = "thinks", .head_ms = 600000});
    run->app.config.connections_max = 1;
    open_with_pings(run);
    for (int i = 0; i < 20; i++) {
        (void)sim_start(run, i % 2 == 0 ? "many" : "thinks");
    }
    sim_live(run, 2000);
    if (run->world.is_failed) {
        return;
    }
    newest(run)->link->is_hole = true;
    since_ms = run->world.now_ms;
    sim_finish(run, 60000);
    SIM_CHECK(run->world.now_ms - since_ms <= PING_AFTER_MS + PING_TIMEOUT_MS + LATE_MS);
    for (uint32_t i = 0; i < 20; i++) {
        sim_expect_end(run, &run->app.chats[i],
                       i % 2 == 0 ? CMX_VERDICT_TRUNCATED : CMX_VERDICT_NETWORK,
                       CMX_ERR_TIMEOUT_PING);
    }
    SIM_CHECK(stats_of(run).connections_dead == 1 && stats_of(run).pings == 1);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

/* The same while nothing is asked: the next request finds out by the PING ahead of it. */
static void play_hole_while_idle(sim_run *run)
{
    sim_chat *chat;
    uint64_t since_ms;

    run->app.config.ping_idle_ms = 5000;
    open_with_pings(run);
    sim_expect_alive(run);
    if (run->world.is_failed) {
        return;
    }
    newest(run)->link->is_hole = true;
    sim_app_sleep(&run->app, 6000, false);
    since_ms = run->world.now_ms;
    chat = sim_start(run, "m");
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_PING);
    SIM_CHECK(run->world.now_ms - since_ms <= PING_TIMEOUT_MS + LATE_MS);
    sim_expect_alive(run);
}

static void on_speak(void *ctx, uint64_t arg)
{
    sim_conn *conn = ctx;

    (void)arg;
    conn->is_mute = false;
    sim_conn_pump(conn);
}

/* Suspect connections take no new streams; one that answers in time is as good as before. */
static void play_suspect(sim_run *run)
{
    run->app.config.ping_after_ms = 4000;
    run->app.config.ping_timeout_ms = 10000;
    run->app.config.connections_max = 2;
    sim_server_script(&run->server, &(sim_script){.model = "long", .tokens = 200, .gap_ms = 100});
    sim_open(run);
    (void)sim_start(run, "long");
    sim_live(run, 1000);
    if (run->world.is_failed) {
        return;
    }
    newest(run)->is_mute = true;
    sim_world_after(&run->world, 12000, on_speak, newest(run), 0);
    sim_live(run, 4500);
    SIM_CHECK(run->server.connections == 1 && stats_of(run).pings == 1);
    sim_live(run, 6000);
    (void)sim_start(run, "m");
    sim_live(run, 1000);
    SIM_CHECK(run->server.connections == 2 && run->app.chats[1].is_done);
    sim_finish(run, 60000);
    sim_expect_end(run, &run->app.chats[0], CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, &run->app.chats[1], CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(stats_of(run).connections_dead == 0);
}

/* A model that thinks for minutes over a network that lives. */
static void play_thinking(sim_run *run)
{
    run->app.config.progress_timeout_ms = 200000;
    sim_server_script(&run->server, &(sim_script){.model = "before", .first_ms = 170000});
    sim_server_script(
        &run->server,
        &(sim_script){.model = "within", .fault = SIM_FAULT_STALL, .after = 4, .stall_ms = 170000});
    open_with_pings(run);
    for (int i = 0; i < 6; i++) {
        (void)sim_start(run, i % 2 == 0 ? "before" : "within");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 6; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(stats_of(run).connections_dead == 0 && run->server.connections == 1);
    SIM_CHECK(run->server.pings_received == stats_of(run).pings);
    SIM_CHECK(stats_of(run).pings >= 40 && stats_of(run).pings <= 170000 / PING_AFTER_MS + 2);
}

static void play_no_pings(sim_run *run)
{
    run->app.config.ping_after_ms = 0;
    run->app.config.ping_idle_ms = 0;
    sim_server_script(&run->server, &(sim_script){.first_ms = 100000});
    sim_open(run);
    (void)sim_start(run, "m");
    sim_finish(run, 600000);
    sim_expect_end(run, &run->app.chats[0], CMX_VERDICT_DONE, CMX_OK);
    sim_app_sleep(&run->app, 40000, true);
    (void)sim_start(run, "m");
    sim_finish(run, 600000);
    sim_expect_end(run, &run->app.chats[1], CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(stats_of(run).pings == 0 && run->server.pings_received == 0);
}

/* A server that complains about PINGs gets half as many, on its next connections, too. */
static void play_too_many_pings(sim_run *run)
{
    static const char words[] = "too_many_pings";
    uint32_t before;

    sim_server_script(&run->server, &(sim_script){.model = "m", .first_ms = 60000});
    open_with_pings(run);
    (void)sim_start(run, "m");
    sim_live(run, 10 * PING_AFTER_MS + PING_AFTER_MS / 2);
    if (run->world.is_failed) {
        return;
    }
    before = run->server.pings_received;
    SIM_CHECK(before >= 8 && before <= 10);
    (void)nghttp2_submit_goaway(newest(run)->session, NGHTTP2_FLAG_NONE, 1,
                                NGHTTP2_ENHANCE_YOUR_CALM, (const uint8_t *)words,
                                sizeof words - 1);
    sim_conn_pump(newest(run));
    sim_finish(run, 60000);
    run->server.pings_received = 0;
    (void)sim_start(run, "m");
    sim_finish(run, 120000);
    SIM_CHECK(run->server.connections == 2);
    SIM_CHECK(run->server.pings_received >= 8 && run->server.pings_received <= 10); /* in 60 s */
    sim_expect_end(run, &run->app.chats[0], CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, &run->app.chats[1], CMX_VERDICT_DONE, CMX_OK);
}

static void on_deaf(void *ctx, uint64_t arg)
{
    sim_link_stop_reading(ctx, arg != 0);
}

static void play_write_stall(sim_run *run)
{
    sim_chat *chat;
    uint64_t since_ms;

    run->port.net.send_capacity = 2000;
    run->app.config.write_timeout_ms = 4000;
    run->app.config.ping_after_ms = 0;
    run->app.config.attempts_max = 1;
    run->server.window_bytes = 1 << 20;
    sim_open(run);
    sim_expect_alive(run);
    if (run->world.is_failed) {
        return;
    }
    on_deaf(newest(run)->link, 1);
    since_ms = run->world.now_ms;
    chat = sim_start_with(run, &(sim_spec){.model = "m", .filler = 30000});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_WRITE);
    SIM_CHECK(run->world.now_ms - since_ms >= 4000);
    SIM_CHECK(run->world.now_ms - since_ms <= 4000 + LATE_MS);
    SIM_CHECK(stats_of(run).connections_dead == 1);
    sim_expect_alive(run);
}

/* A server that reads again in time is no stall, however often it pauses. */
static void play_slow_reader(sim_run *run)
{
    sim_chat *chat;

    run->port.net.send_capacity = 2000;
    run->app.config.write_timeout_ms = 4000;
    run->server.window_bytes = 1 << 20;
    sim_open(run);
    sim_expect_alive(run);
    if (run->world.is_failed) {
        return;
    }
    for (uint32_t i = 0; i < 5; i++) {
        sim_world_after(&run->world, i * 3100, on_deaf, newest(run)->link, 1);
        sim_world_after(&run->world, i * 3100 + 3050, on_deaf, newest(run)->link, 0);
    }
    chat = sim_start_with(run, &(sim_spec){.model = "m", .filler = 30000});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(stats_of(run).connections_dead == 0);
}

static const sim_scenario scenarios[] = {
    {"hole-under-load", play_black_hole, 2},
    {"hole-while-idle", play_hole_while_idle, 1},
    {"suspect", play_suspect, 1},
    {"thinking", play_thinking, 1},
    {"no-pings", play_no_pings, 1},
    {"too-many-pings", play_too_many_pings, 1},
    {"write-stall", play_write_stall, 1},
    {"slow-reader", play_slow_reader, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_silence = {"silence", scenarios};
