/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of limits: buffers too small, events too large, tables full, peers that allow little,
 * and system calls that fail. Who meets a limit ends with a clear error; nobody else notices.
 */
#include "run.h"

static void play_small_answer_buffer(sim_run *run)
{
    sim_chat *small;
    sim_chat *other;

    sim_server_script(&run->server, &(sim_script){.tokens = 1, .units = 500});
    sim_open(run);
    small = sim_start_with(run, &(sim_spec){.model = "m", .answer_bytes = 200});
    other = sim_start_with(run, &(sim_spec){.model = "m", .answer_bytes = 32768});
    sim_finish(run, 60000);
    sim_expect_end(run, small, CMX_VERDICT_LIMIT, CMX_ERR_BUFFER_SMALL);
    sim_expect_end(run, other, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_alive(run);
    SIM_CHECK(run->server.streams_open == 0);
}

static void play_huge_event(sim_run *run)
{
    sim_chat *huge;

    run->app.config.event_bytes_max = 4096;
    run->app.config.event_buffers = 2;
    run->app.config.connections_max = 1;
    sim_server_script(&run->server, &(sim_script){.model = "huge",
                                                  .gap_ms = 5,
                                                  .fault = SIM_FAULT_HUGE,
                                                  .after = 3,
                                                  .huge_bytes = 70000});
    sim_server_script(&run->server, &(sim_script){.tokens = 30, .gap_ms = 5});
    sim_open(run);
    huge = sim_start(run, "huge");
    for (int i = 0; i < 5; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    sim_expect_end(run, huge, CMX_VERDICT_LIMIT, CMX_ERR_EVENT_LARGE);
    SIM_CHECK(huge->bytes == 3 * 2 * 4);
    for (int i = 1; i < 6; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 1);
}

/* Five at once where there is not room for all: some may end, none may notice another, and all room
 * comes back. Returns how many were whole. */
static int play_five(sim_run *run, const sim_script *script)
{
    const uint64_t text_bytes = (uint64_t)script->units * script->tokens * 4;
    int done = 0;

    sim_server_script(&run->server, script);
    sim_open(run);
    for (int i = 0; i < 5; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 5; i++) {
        const sim_chat *chat = &run->app.chats[i];
        if (chat->done.verdict == CMX_VERDICT_LIMIT) {
            SIM_CHECK(chat->done.error == CMX_ERR_NO_BUFFER);
        } else {
            sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
            SIM_CHECK(chat->bytes == text_bytes);
            done++;
        }
    }
    for (int i = 0; i < 3; i++) { /* one at a time everything fits */
        const sim_chat *chat = sim_start(run, "m");
        sim_finish(run, 600000);
        sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    }
    return done;
}

/* Events that arrive in pieces at the same time need a buffer each, and there is one. */
static void play_no_buffer_free(sim_run *run)
{
    run->app.config.tail_bytes = 128;
    run->app.config.event_buffers = 1;
    SIM_CHECK(
        play_five(run,
                  &(sim_script){
                      .model = "m", .units = 150, .frame_bytes = 40, .drip_ms = 1, .tokens = 3}) >=
        1);
}

/* One tail, one shape, one table and one buffer for all of them. */
static void play_shared_pools(sim_run *run)
{
    run->app.config.tails_max = 1;
    run->app.config.shapes_max = 1;
    run->app.config.tool_tables_max = 1;
    run->app.config.event_buffers = 1;
    /* At least who has the tail and who has the buffer. */
    SIM_CHECK(
        play_five(run,
                  &(sim_script){
                      .model = "m", .units = 20, .frame_bytes = 40, .drip_ms = 1, .tokens = 20}) >=
        2);
}

/* As large as allowed is not too large. */
static void play_large_event(sim_run *run)
{
    sim_chat *chat;

    run->app.config.event_bytes_max = 16384;
    sim_server_script(&run->server,
                      &(sim_script){.fault = SIM_FAULT_HUGE, .after = 2, .huge_bytes = 15000});
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 600000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_one_stream_at_a_time(sim_run *run)
{
    run->server.streams_max = 1;
    run->app.config.connections_max = 2;
    sim_server_script(&run->server, &(sim_script){.gap_ms = 3});
    sim_open(run);
    for (int i = 0; i < 12; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 12; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(run->app.chats[i].done.attempts == 1);
    }
    SIM_CHECK(run->server.connections <= 2);
    SIM_CHECK(run->server.streams_peak == 1);
}

static void play_no_streams_at_all(sim_run *run)
{
    sim_chat *chat;

    run->server.streams_max = 0;
    run->app.config.connections_max = 1;
    run->app.config.queue_timeout_ms = 5000;
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 600000);
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_QUEUE);
}

static void play_table_full(sim_run *run)
{
    const sim_spec spec = {.model = "m"};

    run->app.config.requests_max = 5;
    sim_open(run);
    for (int i = 0; i < 5; i++) {
        (void)sim_start(run, "m");
    }
    SIM_CHECK(sim_app_start(&run->app, &spec, NULL) == CMX_ERR_BUSY);
    SIM_CHECK(sim_app_start(&run->app, &spec, NULL) == CMX_ERR_BUSY);
    sim_finish(run, 60000);
    for (int i = 0; i < 5; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    sim_expect_alive(run);
}

/* Starts the next request whenever one ends: as many in flight as the table has rows. */
static void start_next(sim_app *app, sim_chat *chat, const cmx_event *event)
{
    const sim_spec spec = {.model = "m"};

    (void)chat;
    if (event->kind == CMX_EVENT_DONE && app->chat_count < 150) {
        int rc = sim_app_start(app, &spec, NULL);
        if (rc != CMX_OK && rc != CMX_ERR_BUSY) {
            sim_fail(app->world, "a request was not accepted: %s", cmx_error_name(rc));
        }
    }
}

static void play_always_full(sim_run *run)
{
    run->app.config.requests_max = 16;
    run->app.config.connections_max = 2;
    run->app.on_event = start_next;
    sim_server_script(&run->server, &(sim_script){.tokens = 4, .gap_ms = 2});
    sim_open(run);
    for (int i = 0; i < 16; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        if (run->app.chats[i].is_started) {
            sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
        }
    }
}

/* A stream that produces more than its window must not hold up the others. */
static void play_small_windows(sim_run *run)
{
    run->app.config.stream_window_bytes = 1024;
    run->app.config.connection_window_bytes = 65535;
    run->app.config.connections_max = 1;
    sim_server_script(&run->server, &(sim_script){.model = "large", .tokens = 50, .units = 100});
    sim_open(run);
    for (int i = 0; i < 6; i++) {
        (void)sim_start(run, i % 2 == 0 ? "large" : "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 6; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_thousand(sim_run *run)
{
    run->app.config.requests_max = 1000;
    run->app.config.connections_max = 4;
    run->app.config.streams_hard = 300;
    run->server.streams_max = 300;
    run->port.net.recv_bytes_max = 0;
    run->port.net.send_bytes_max = 0;
    run->port.net.bytes_per_ms = 0;
    sim_server_script(&run->server, &(sim_script){.tokens = 3, .gap_ms = 20});
    sim_open(run);
    for (int i = 0; i < 1000; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 1000; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(run->server.connections <= 4);
}

/* Whichever call of the system fails: each request has one end, and nothing leaks. */
static void play_a_call_fails(sim_run *run)
{
    cmx_origin_id id;

    run->port.fail_call = 1 + sim_choose(&run->world, SIM_STREAM_FAULTS, 120);
    run->port.net.again_per_mille = 0;
    if (sim_app_open(&run->app) != CMX_OK) {
        SIM_CHECK(run->app.client == NULL);
        return;
    }
    SIM_CHECK(sim_app_origin(&run->app, SIM_URL, &id) == CMX_OK);
    for (int i = 0; i < 4; i++) {
        (void)sim_start(run, "m");
    }
    sim_live(run, 60000);
    (void)sim_start(run, "m");
    sim_live(run, 60000);
    if (run->app.last_status == CMX_ERR_PORT) {
        return; /* the wait failed: all that is left is deinit */
    }
    run->port.fail_call = 0;
    sim_finish(run, 1);
    sim_expect_alive(run);
}

static const sim_scenario scenarios[] = {
    {"small-answer-buffer", play_small_answer_buffer, 1},
    {"huge-event", play_huge_event, 2},
    {"no-buffer-free", play_no_buffer_free, 1},
    {"shared-pools", play_shared_pools, 1},
    {"large-event", play_large_event, 1},
    {"one-stream-at-a-time", play_one_stream_at_a_time, 1},
    {"no-streams-at-all", play_no_streams_at_all, 1},
    {"table-full", play_table_full, 1},
    {"always-full", play_always_full, 1},
    {"small-windows", play_small_windows, 1},
    {"thousand", play_thousand, 0},
    {"a-call-fails", play_a_call_fails, 15},
    {NULL, NULL, 0},
};

const sim_family sim_family_limits = {"limits", scenarios};
