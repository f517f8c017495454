/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of connections that live long: idling, age, wear, drains, silence, full sockets, a
 * network that changes, origins that come and go. What a connection goes through must cost no
 * request more than it has to.
 */
#include "run.h"

#include <string.h>

/* Later than the instant that is meant, by what the slowest weather costs. */
enum { LATE_MS = 1500 };

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

/* Nothing is in flight, but the program lives on and its loop with it. */
static void idle(sim_run *run, uint64_t ms)
{
    uint64_t end_ms = run->world.now_ms + ms;
    cmx_event event;

    while (run->app.client != NULL && !run->world.is_failed && run->world.now_ms < end_ms) {
        uint64_t left_ms = end_ms - run->world.now_ms;
        uint32_t due_ms;
        SIM_CHECK(cmx_client_tick(run->app.client) == CMX_OK);
        SIM_CHECK(cmx_client_next_event(run->app.client, &event) == CMX_IDLE);
        due_ms = cmx_client_next_due_ms(run->app.client);
        if (due_ms > 0) {
            sim_port_sleep(&run->port, due_ms < left_ms ? due_ms : (uint32_t)left_ms);
        }
    }
}

static sim_chat *start_long(sim_run *run, uint32_t tokens, uint32_t gap_ms)
{
    sim_server_script(&run->server,
                      &(sim_script){.model = "long", .tokens = tokens, .gap_ms = gap_ms});
    return sim_start(run, "long");
}

static void expect_all_done(sim_run *run)
{
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(run->app.chats[i].done.attempts == 1);
    }
}

static void play_idle(sim_run *run)
{
    run->app.config.idle_timeout_ms = 5000;
    sim_open(run);
    sim_expect_alive(run);
    idle(run, 4000);
    SIM_CHECK(run->server.connections_open == 1);
    idle(run, 1000 + LATE_MS);
    SIM_CHECK(run->server.connections_open == 0 && stats_of(run).connections == 0);
    SIM_CHECK(stats_of(run).pings == 0); /* not while idle */
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

/* A connection that idles is read: its server's PING is answered, its GOAWAY ends it. */
static void play_idle_is_read(sim_run *run)
{
    sim_open(run);
    sim_expect_alive(run);
    if (run->world.is_failed) {
        return;
    }
    (void)nghttp2_submit_ping(newest(run)->session, NGHTTP2_FLAG_NONE, NULL);
    sim_conn_pump(newest(run));
    idle(run, LATE_MS);
    SIM_CHECK(run->server.pings_acked == 1 && run->server.connections_open == 1);
    (void)nghttp2_submit_goaway(newest(run)->session, NGHTTP2_FLAG_NONE, 1, NGHTTP2_NO_ERROR, NULL,
                                0);
    sim_conn_pump(newest(run));
    idle(run, LATE_MS);
    SIM_CHECK(stats_of(run).connections == 0);
    sim_expect_alive(run);
}

static void play_age(sim_run *run)
{
    run->app.config.connection_age_max_ms = 10000;
    sim_open(run);
    (void)start_long(run, 30, 1000);
    sim_live(run, 8900);
    SIM_CHECK(run->server.connections == 1);
    sim_live(run, 2200 + LATE_MS); /* 10 % either way */
    SIM_CHECK(run->server.connections == 2 && run->server.connections_open == 2);
    for (int i = 0; i < 5; i++) {
        (void)sim_start(run, "m");
        sim_live(run, 500);
    }
    SIM_CHECK(newest(run)->streams == 0 && run->server.streams_open >= 1);
    sim_finish(run, 60000);
    expect_all_done(run);
}

/* With one row a worn connection serves until it idles; nobody waits for it. */
static void play_age_of_the_only_row(sim_run *run)
{
    run->app.config.connection_age_max_ms = 3000;
    run->app.config.connections_max = 1;
    sim_open(run);
    (void)start_long(run, 10, 1000);
    for (int i = 0; i < 5; i++) {
        sim_live(run, 1500);
        (void)sim_start(run, "m");
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.connections == 1);
    idle(run, LATE_MS);
    SIM_CHECK(stats_of(run).connections == 0);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

static void play_requests_max(sim_run *run)
{
    run->app.config.connection_requests_max = 5;
    sim_open(run);
    for (int i = 0; i < 20; i++) {
        (void)sim_start(run, "m");
        sim_finish(run, 60000);
        idle(run, 100);
    }
    expect_all_done(run);
    SIM_CHECK(run->server.connections >= 4 && run->server.connections <= 5);
    (void)start_long(run, 20, 500);
    for (int i = 0; i < 12; i++) {
        (void)sim_start(run, "m");
        sim_live(run, 600);
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.connections >= 6 && run->server.connections <= 9);
}

/* Any GOAWAY at all, also ones that a library would not let a server send. */
static void send_goaway(sim_run *run, int32_t last_id, uint32_t code, const char *debug,
                        size_t debug_len)
{
    uint8_t frame[9 + 8 + 16376] = {0};
    size_t len = 8 + debug_len;

    sim_conn_pump(newest(run));
    frame[0] = (uint8_t)(len >> 16);
    frame[1] = (uint8_t)(len >> 8);
    frame[2] = (uint8_t)len;
    frame[3] = NGHTTP2_GOAWAY;
    for (int i = 0; i < 4; i++) {
        frame[9 + i] = (uint8_t)((uint32_t)last_id >> (24 - 8 * i));
        frame[13 + i] = (uint8_t)(code >> (24 - 8 * i));
    }
    memcpy(frame + 17, debug, debug_len);
    sim_link_send(newest(run)->link, frame, 9 + len);
}

static void play_goaway_often(sim_run *run)
{
    static const char debug[16376] = {'x'};

    sim_open(run);
    (void)start_long(run, 40, 200);
    (void)sim_start(run, "long");
    sim_live(run, 1000);
    if (run->world.is_failed) {
        return;
    }
    send_goaway(run, INT32_MAX, NGHTTP2_NO_ERROR, debug, sizeof debug);
    for (int i = 0; i < 20; i++) {
        send_goaway(run, 3, NGHTTP2_NO_ERROR, debug, i % 2 == 0 ? sizeof debug : 0);
    }
    sim_live(run, 5000); /* as long as that much may take */
    (void)sim_start(run, "m");
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.connections == 2);
}

/* A last id may not grow: the server broke the protocol, its connection ends at once. */
static void play_goaway_grows(sim_run *run)
{
    run->server.is_blamed = true;
    sim_open(run);
    (void)start_long(run, 40, 200);
    (void)sim_start(run, "long");
    sim_live(run, 1000);
    if (run->world.is_failed) {
        return;
    }
    send_goaway(run, 3, NGHTTP2_NO_ERROR, "", 0);
    send_goaway(run, 5, NGHTTP2_NO_ERROR, "", 0);
    sim_finish(run, LATE_MS);
    sim_expect_end(run, &run->app.chats[0], CMX_VERDICT_TRUNCATED, CMX_ERR_HTTP2);
    sim_expect_end(run, &run->app.chats[1], CMX_VERDICT_TRUNCATED, CMX_ERR_HTTP2);
    sim_expect_alive(run);
}

static void play_goaway_then_silence(sim_run *run)
{
    run->app.config.ping_after_ms = 3000;
    run->app.config.ping_timeout_ms = 2000;
    sim_open(run);
    (void)start_long(run, 40, 200);
    sim_live(run, 1000);
    if (run->world.is_failed) {
        return;
    }
    send_goaway(run, 1, NGHTTP2_NO_ERROR, "", 0);
    newest(run)->is_mute = true;
    sim_live(run, 300);
    (void)sim_start(run, "m");
    sim_finish(run, 5000 + LATE_MS);
    sim_expect_end(run, &run->app.chats[0], CMX_VERDICT_TRUNCATED, CMX_ERR_TIMEOUT_PING);
    sim_expect_end(run, &run->app.chats[1], CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(stats_of(run).connections_dead == 1);
}

static void play_drain_deadline(sim_run *run)
{
    uint64_t since_ms;

    run->app.config.drain_timeout_ms = 3000;
    sim_open(run);
    (void)start_long(run, 60, 500);
    sim_live(run, 2000);
    if (run->world.is_failed) {
        return;
    }
    send_goaway(run, 1, NGHTTP2_NO_ERROR, "", 0);
    since_ms = run->world.now_ms;
    sim_finish(run, 60000);
    sim_expect_end(run, &run->app.chats[0], CMX_VERDICT_TRUNCATED, CMX_ERR_TIMEOUT_DRAIN);
    SIM_CHECK(run->world.now_ms - since_ms >= 3000);
    SIM_CHECK(run->world.now_ms - since_ms <= 3000 + LATE_MS);
    sim_expect_alive(run);
}

static void play_cancel_storm(sim_run *run)
{
    const sim_chat *whole;

    run->app.config.connections_max = 2;
    run->app.config.requests_max = 300;
    sim_server_script(&run->server, &(sim_script){.model = "slow", .head_ms = 600000});
    sim_open(run);
    whole = start_long(run, 60, 1000);
    for (int i = 0; i < 300; i++) {
        sim_chat *chat = sim_start(run, "slow");
        sim_live(run, 50);
        (void)sim_app_cancel(&run->app, chat);
    }
    sim_finish(run, 120000);
    sim_expect_end(run, whole, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(whole->done.attempts == 1 && run->server.connections >= 2);
    SIM_CHECK(run->server.connections <= 4);
}

static void play_storm_of_limits(sim_run *run)
{
    static const uint32_t limits[] = {1, 0, 3, 0, 1, 100};

    run->app.config.connections_max = 1;
    run->app.config.queue_timeout_ms = 60000;
    sim_server_script(&run->server, &(sim_script){.tokens = 5, .gap_ms = 300});
    sim_open(run);
    for (int i = 0; i < 20; i++) {
        (void)sim_start(run, "m");
    }
    sim_live(run, 300);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0] && !run->world.is_failed; i++) {
        const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits[i]};
        (void)nghttp2_submit_settings(newest(run)->session, NGHTTP2_FLAG_NONE, &entry, 1);
        sim_conn_pump(newest(run));
        sim_live(run, 4000);
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.connections == 1);
}

/* What one connection learned the next one knows before its SETTINGS come. */
static void play_limit_is_remembered(sim_run *run)
{
    run->server.streams_max = 2;
    run->server.settings_ms = 300;
    run->app.config.idle_timeout_ms = 1000;
    run->app.config.connections_max = 1;
    sim_server_script(&run->server, &(sim_script){.tokens = 5, .gap_ms = 100});
    sim_open(run);
    sim_expect_alive(run);
    idle(run, 1000 + LATE_MS);
    SIM_CHECK(stats_of(run).connections == 0);
    run->server.streams_peak = 0;
    for (int i = 0; i < 8; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.streams_peak <= 2 && run->server.connections == 2);
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        SIM_CHECK(run->app.chats[i].done.replays == 0);
    }
}

static void play_network_changed(sim_run *run)
{
    const sim_chat *whole;

    sim_open(run);
    whole = start_long(run, 20, 300);
    sim_live(run, 1000);
    cmx_client_network_changed(run->app.client);
    sim_live(run, LATE_MS);
    SIM_CHECK(run->server.connections == 2 && run->server.connections_open == 2);
    (void)sim_start(run, "long");
    sim_live(run, 500);
    SIM_CHECK(newest(run)->streams == 1);
    sim_finish(run, 60000);
    SIM_CHECK(whole->done.attempts == 1);
    expect_all_done(run);
    idle(run, LATE_MS);
    SIM_CHECK(run->server.connections_open == 1 && stats_of(run).connections == 1);
    cmx_client_network_changed(run->app.client); /* an idle one is replaced, too */
    idle(run, LATE_MS);
    SIM_CHECK(run->server.connections == 3 && run->server.connections_open == 1);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 3);
}

/* The new network does not carry: what still lives stays in use. */
static void play_network_is_worse(sim_run *run)
{
    sim_open(run);
    (void)start_long(run, 20, 300);
    sim_live(run, 1000);
    run->listener->status = CMX_ERR_UNREACHABLE;
    cmx_client_network_changed(run->app.client);
    sim_live(run, 1000);
    (void)sim_start(run, "m");
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(stats_of(run).connections_total == 1);
}

static void play_warm(sim_run *run)
{
    run->app.config.connections_max = 3;
    sim_open(run);
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(cmx_client_warm(run->app.client, 0, 0) == CMX_ERR_ARGUMENT);
    SIM_CHECK(cmx_client_warm(run->app.client, 0, 4) == CMX_ERR_ARGUMENT);
    SIM_CHECK(cmx_client_warm(run->app.client, 1, 1) == CMX_ERR_ARGUMENT);
    SIM_CHECK(cmx_client_warm(run->app.client, 0, 2) == CMX_OK);
    idle(run, LATE_MS);
    SIM_CHECK(run->server.connections == 2 && run->server.connections_open == 2);
    SIM_CHECK(cmx_client_warm(run->app.client, 0, 3) == CMX_OK);
    idle(run, LATE_MS);
    for (int i = 0; i < 30; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.connections == 3);
}

static void play_warm_fails(sim_run *run)
{
    run->listener->status = CMX_ERR_REFUSED;
    sim_open(run);
    SIM_CHECK(cmx_client_warm(run->app.client, 0, 2) == CMX_OK);
    idle(run, 60000);
    SIM_CHECK(run->port.sockets_opened <= 2); /* tried, and left at that */
    run->listener->status = CMX_OK;
    sim_expect_alive(run);
}

static void play_remove_origin(sim_run *run)
{
    const sim_spec old = {.model = "m", .origin = 0};
    cmx_origin_id id = 0;
    sim_chat *chat;

    run->app.config.origins_max = 1;
    sim_open(run);
    for (int i = 0; i < 3; i++) {
        (void)start_long(run, 5, 100);
    }
    sim_live(run, 200);
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(cmx_client_remove_origin(run->app.client, 0) == CMX_AGAIN);
    SIM_CHECK(sim_app_start(&run->app, &old, NULL) == CMX_ERR_ARGUMENT);
    SIM_CHECK(sim_app_origin(&run->app, SIM_OTHER_URL, &id) == CMX_ERR_BUSY);
    sim_finish(run, 60000);
    for (int i = 0; i < 3; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(cmx_client_remove_origin(run->app.client, 0) == CMX_OK);
    SIM_CHECK(cmx_client_remove_origin(run->app.client, 0) == CMX_ERR_ARGUMENT);
    SIM_CHECK(stats_of(run).connections == 0);
    run->other.key = run->app.key;
    SIM_CHECK(sim_app_origin(&run->app, SIM_OTHER_URL, &id) == CMX_OK && id != 0);
    SIM_CHECK(sim_app_start(&run->app, &old, NULL) == CMX_ERR_ARGUMENT);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .origin = id, .server = &run->other});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(run->other.connections == 1 && run->server.connections_open == 0);
}

static const sim_scenario scenarios[] = {
    {"idle", play_idle, 1},
    {"idle-is-read", play_idle_is_read, 1},
    {"age", play_age, 2},
    {"age-of-the-only-row", play_age_of_the_only_row, 1},
    {"requests-max", play_requests_max, 1},
    {"goaway-often", play_goaway_often, 2},
    {"goaway-grows", play_goaway_grows, 1},
    {"goaway-then-silence", play_goaway_then_silence, 1},
    {"drain-deadline", play_drain_deadline, 1},
    {"cancel-storm", play_cancel_storm, 1},
    {"storm-of-limits", play_storm_of_limits, 1},
    {"limit-is-remembered", play_limit_is_remembered, 1},
    {"network-changed", play_network_changed, 2},
    {"network-is-worse", play_network_is_worse, 1},
    {"warm", play_warm, 1},
    {"warm-fails", play_warm_fails, 1},
    {"remove-origin", play_remove_origin, 2},
    {NULL, NULL, 0},
};

const sim_family sim_family_life = {"life", scenarios};
