/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of back-pressure: one request is paused, several are, or the caller does not pull at
 * all. Whoever is held loses nothing and holds up nobody else.
 */
#include "run.h"

#include <string.h>

enum { TEN_MINUTES_MS = 600000, MINUTE_MS = 60000, OTHERS = 100 };

/* Answers several times as large as a stream's window. */
static void script_long(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.model = "long", .tokens = 600, .gap_ms = 20});
}

static void pause_chat(sim_run *run, sim_chat *chat)
{
    if (run->app.client != NULL && !run->world.is_failed) {
        SIM_CHECK(sim_app_pause(&run->app, chat) == CMX_OK);
    }
}

static void resume_chat(sim_run *run, sim_chat *chat)
{
    if (run->app.client != NULL && !run->world.is_failed) {
        SIM_CHECK(sim_app_resume(&run->app, chat) == CMX_OK);
    }
}

static uint32_t paused_now(const sim_run *run)
{
    cmx_stats stats = {0};

    if (run->app.client != NULL) {
        cmx_client_stats(run->app.client, &stats);
    }
    return stats.paused;
}

/* As many as allowed for ten minutes, while every other one flows on the same connections. */
static void play_ten_minutes(sim_run *run)
{
    uint32_t allowed = run->app.config.paused_streams_max;
    uint64_t end_ms;
    uint64_t kept_bytes[64];

    run->app.config.connections_max = 2;
    script_long(run);
    sim_server_script(&run->server, &(sim_script){.tokens = 20, .gap_ms = 5});
    sim_open(run);
    for (uint32_t i = 0; i <= allowed; i++) {
        (void)sim_start(run, "long");
    }
    for (uint32_t i = 0; i < allowed; i++) {
        sim_live(run, 10 + sim_choose(&run->world, SIM_STREAM_APP, 100));
        pause_chat(run, &run->app.chats[i]);
        kept_bytes[i] = run->app.chats[i].bytes;
    }
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(sim_app_pause(&run->app, &run->app.chats[allowed]) == CMX_ERR_BUSY);
    SIM_CHECK(paused_now(run) == allowed);
    end_ms = run->world.now_ms + TEN_MINUTES_MS;
    for (int i = 0; i < OTHERS; i++) {
        sim_chat *other = sim_start(run, "m");
        sim_live(run, TEN_MINUTES_MS / OTHERS);
        sim_expect_end(run, other, CMX_VERDICT_DONE, CMX_OK);
    }
    sim_expect_end(run, &run->app.chats[allowed], CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(run->world.now_ms >= end_ms);
    for (uint32_t i = 0; i < allowed; i++) {
        SIM_CHECK(!run->app.chats[i].is_done && run->app.chats[i].bytes == kept_bytes[i]);
        resume_chat(run, &run->app.chats[i]);
    }
    sim_finish(run, TEN_MINUTES_MS);
    for (uint32_t i = 0; i < allowed; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(paused_now(run) == 0);
    SIM_CHECK(run->server.connections <= 2);
    sim_expect_alive(run);
}

/* The caller does not pull for a minute, some requests being paused besides. */
static void play_nobody_pulls(sim_run *run)
{
    bool ticks = sim_chance(&run->world, SIM_STREAM_APP, 500);

    script_long(run);
    sim_server_script(&run->server, &(sim_script){.tokens = 100, .gap_ms = 5});
    run->app.config.progress_timeout_ms = 5000;
    run->app.config.first_token_timeout_ms = 5000;
    sim_open(run);
    for (int i = 0; i < 10; i++) {
        (void)sim_start(run, i < 3 ? "long" : "m");
    }
    sim_live(run, 200);
    for (int i = 0; i < 3; i++) {
        pause_chat(run, &run->app.chats[i]);
    }
    if (run->app.client == NULL) {
        return;
    }
    sim_app_sleep(&run->app, MINUTE_MS, ticks);
    for (int i = 0; i < 2; i++) {
        resume_chat(run, &run->app.chats[i]);
    }
    sim_app_sleep(&run->app, MINUTE_MS, ticks);
    resume_chat(run, &run->app.chats[2]);
    sim_finish(run, TEN_MINUTES_MS);
    for (int i = 0; i < 10; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    sim_expect_alive(run);
}

/* Pauses the request whose event is lent, at random. */
static void pause_inside(sim_app *app, sim_chat *chat, const cmx_event *event)
{
    int rc = CMX_OK;

    if (event->kind != CMX_EVENT_DONE && !chat->is_held &&
        sim_chance(app->world, SIM_STREAM_APP, 60)) {
        rc = sim_app_pause(app, chat);
    }
    if (event->kind == CMX_EVENT_DONE) { /* it was the last event: nothing can be done with it */
        SIM_EXPECT(app->world, cmx_client_pause(app->client, chat->id) == CMX_ERR_HANDLE);
        SIM_EXPECT(app->world, cmx_client_resume(app->client, chat->id) == CMX_ERR_HANDLE);
    }
    SIM_EXPECT(app->world, rc == CMX_OK || rc == CMX_ERR_BUSY);
}

static void start_any(sim_run *run)
{
    static const sim_spec specs[] = {
        {.model = "m"},
        {.model = "m"},
        {.model = "long"},
        {.model = "drip"},
        {.model = "m", .answer_bytes = 32768},
        {.model = "m", .path = "/blob"},
    };
    size_t choice = (size_t)sim_choose(&run->world, SIM_STREAM_APP, sizeof specs / sizeof specs[0]);

    (void)sim_start_with(run, &specs[choice]);
}

static void touch_any(sim_run *run)
{
    sim_app *app = &run->app;
    sim_chat *chat = &app->chats[sim_choose(&run->world, SIM_STREAM_APP, app->chat_count)];
    uint64_t what = sim_choose(&run->world, SIM_STREAM_APP, 100);
    int rc = CMX_OK;

    if (what < 45) {
        rc = sim_app_pause(app, chat);
    } else if (what < 95) {
        rc = sim_app_resume(app, chat);
    } else {
        rc = sim_app_cancel(app, chat);
    }
    SIM_CHECK(rc == CMX_OK || (rc == CMX_ERR_HANDLE && chat->is_done) ||
              (rc == CMX_ERR_BUSY && what < 45));
}

static void resume_all(sim_run *run)
{
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        if (run->app.chats[i].is_held) {
            resume_chat(run, &run->app.chats[i]);
        }
    }
}

/* Pauses, resumes and cancels in any order and at any moment. */
static void play_storm(sim_run *run)
{
    static const uint32_t windows[] = {1024, 2048, 16384};
    static const uint32_t coalesced[] = {0, 0, 1, 50};

    run->app.config.stream_window_bytes = windows[sim_choose(&run->world, SIM_STREAM_APP, 3)];
    run->app.config.paused_streams_max = 1 + (uint32_t)sim_choose(&run->world, SIM_STREAM_APP, 12);
    run->app.config.connections_max = 1 + (uint32_t)sim_choose(&run->world, SIM_STREAM_APP, 3);
    run->app.config.coalesce_ms = coalesced[sim_choose(&run->world, SIM_STREAM_APP, 4)];
    if (run->app.config.coalesce_ms > 0) { /* a byte per look would take for ever */
        run->port.net.recv_bytes_max = 0;
    }
    run->app.on_event = pause_inside;
    script_long(run);
    sim_server_script(&run->server,
                      &(sim_script){.model = "drip", .frame_bytes = 40, .drip_ms = 1});
    sim_server_script(&run->server, &(sim_script){.tokens = 30, .gap_ms = 3, .plain_bytes = 9000});
    sim_open(run);
    if (run->app.client == NULL) {
        return;
    }
    for (int i = 0; i < 6; i++) {
        start_any(run);
    }
    for (int i = 0; i < 150 && !run->world.is_failed; i++) {
        sim_live(run, sim_choose(&run->world, SIM_STREAM_APP, 40));
        if (i % 8 == 0) {
            start_any(run);
        }
        touch_any(run);
    }
    for (int i = 0; i < 10000 && run->app.done < run->app.accepted && !run->world.is_failed; i++) {
        resume_all(run);
        sim_live(run, 200);
    }
    sim_finish(run, TEN_MINUTES_MS);
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        const sim_chat *chat = &run->app.chats[i];
        if (!chat->is_cancelled) {
            sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
        }
    }
    run->app.on_event = NULL;
    SIM_CHECK(paused_now(run) == 0);
    sim_expect_alive(run);
}

static void play_cancel_while_paused(sim_run *run)
{
    sim_chat *chat;

    run->app.config.paused_streams_max = 1;
    script_long(run);
    sim_open(run);
    for (int i = 0; i < 3; i++) {
        chat = sim_start(run, "long");
        sim_live(run, 100 + sim_choose(&run->world, SIM_STREAM_APP, 200));
        pause_chat(run, chat);
        sim_live(run, sim_choose(&run->world, SIM_STREAM_APP, 3000));
        if (run->app.client == NULL) {
            return;
        }
        if (sim_chance(&run->world, SIM_STREAM_APP, 500)) {
            resume_chat(run, chat);
        }
        SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_OK);
        sim_finish(run, MINUTE_MS);
        sim_expect_end(run, chat, CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
        SIM_CHECK(paused_now(run) == 0);
    }
    sim_expect_alive(run);
}

/* What came before the connection was lost is delivered after resume, and only then the end. */
static void play_lost_while_paused(sim_run *run)
{
    sim_chat *chat;
    uint64_t before;

    run->port.net.bytes_per_ms = 0;
    run->port.net.recv_bytes_max = 0;
    sim_server_script(&run->server, &(sim_script){.model = "lost",
                                                  .tokens = 60,
                                                  .gap_ms = 50,
                                                  .fault = SIM_FAULT_CONN_CLOSE,
                                                  .after = 40});
    sim_open(run);
    chat = sim_start(run, "lost");
    sim_live(run, 1000);
    pause_chat(run, chat);
    before = chat->bytes;
    sim_live(run, MINUTE_MS);
    SIM_CHECK(!chat->is_done && chat->bytes == before && before > 0);
    resume_chat(run, chat);
    sim_finish(run, MINUTE_MS);
    SIM_CHECK(chat->done.verdict == CMX_VERDICT_TRUNCATED);
    SIM_CHECK(chat->bytes == (uint64_t)40 * 2 * 4); /* each byte that was sent */
    sim_expect_alive(run);
}

/* The whole answer comes while it is paused: nothing is told, and nothing is lost. */
static void play_ended_while_paused(sim_run *run)
{
    sim_chat *chats[3];
    bool is_early = sim_chance(&run->world, SIM_STREAM_APP, 500);

    sim_server_script(&run->server, &(sim_script){.head_ms = 50, .gap_ms = 5, .plain_bytes = 900});
    sim_open(run);
    chats[0] = sim_start(run, "m");
    chats[1] = sim_start_with(run, &(sim_spec){.model = "m", .answer_bytes = 32768});
    chats[2] = sim_start_with(run, &(sim_spec){.path = "/blob"});
    if (!is_early) {
        sim_live(run, 1 + sim_choose(&run->world, SIM_STREAM_APP, 60));
    }
    for (int i = 0; i < 3; i++) {
        if (!chats[i]->is_done) {
            pause_chat(run, chats[i]);
        }
    }
    sim_live(run, MINUTE_MS);
    for (int i = 0; i < 3; i++) {
        SIM_CHECK(!is_early || (chats[i]->opens == 1 && chats[i]->bytes == 0));
        SIM_CHECK(!is_early || !chats[i]->is_done);
    }
    resume_all(run);
    sim_finish(run, MINUTE_MS);
    for (int i = 0; i < 3; i++) {
        sim_expect_end(run, chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(chats[2]->bytes == 900);
    sim_expect_alive(run);
}

/* The clock for the first token stands still; what was left of it runs after resume. */
static void play_clock_stands_still(sim_run *run)
{
    sim_chat *chat;
    uint64_t resumed_ms;

    run->port.net = (sim_net){.delay_ms = 5};
    run->app.config.attempts_max = 1;
    run->app.config.first_token_timeout_ms = 10000;
    sim_server_script(&run->server, &(sim_script){.fault = SIM_FAULT_STALL});
    sim_open(run);
    chat = sim_start(run, "m");
    sim_live(run, 4000);
    pause_chat(run, chat);
    sim_live(run, TEN_MINUTES_MS);
    SIM_CHECK(!chat->is_done && chat->opens == 1);
    resume_chat(run, chat);
    resumed_ms = run->world.now_ms;
    sim_finish(run, MINUTE_MS);
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_FIRST_TOKEN);
    SIM_CHECK(chat->done_ms >= resumed_ms + 5900 && chat->done_ms <= resumed_ms + 6100);
}

static void play_total_goes_on(sim_run *run)
{
    sim_chat *chat;

    run->app.config.attempts_max = 1;
    run->app.config.total_timeout_ms = 30000;
    script_long(run);
    sim_open(run);
    chat = sim_start(run, "long");
    sim_live(run, 3000);
    pause_chat(run, chat);
    sim_finish(run, MINUTE_MS);
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    SIM_CHECK(chat->done_ms <= chat->started_ms + 30001);
    SIM_CHECK(paused_now(run) == 0);
    run->app.config.total_timeout_ms = 0;
}

/* Queued, and sent again after a refusal: pausing stops the answer and not the request. */
static void play_paused_in_the_queue(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server,
                      &(sim_script){.model = "m", .times = 1, .fault = SIM_FAULT_REFUSE});
    sim_open(run);
    chat = sim_start(run, "m");
    pause_chat(run, chat);
    sim_live(run, MINUTE_MS);
    SIM_CHECK(chat->opens == 1 && chat->bytes == 0 && !chat->is_done);
    resume_chat(run, chat);
    sim_finish(run, MINUTE_MS);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(chat->done.attempts == 1 && chat->done.replays == 1);
}

/* What fails before its head is sent again while it is paused; of an error with a body only resume
 * lets anybody know. */
static void play_paused_and_sent_again(sim_run *run)
{
    sim_chat *early;
    sim_chat *late;

    run->port.net = (sim_net){.delay_ms = 5};
    sim_server_script(
        &run->server,
        &(sim_script){.model = "early", .times = 1, .fault = SIM_FAULT_RESET_HEAD, .code = 2});
    sim_server_script(&run->server, &(sim_script){.model = "late", .times = 1, .status = 500});
    sim_open(run);
    early = sim_start(run, "early");
    late = sim_start(run, "late");
    pause_chat(run, early);
    pause_chat(run, late);
    sim_live(run, MINUTE_MS);
    SIM_CHECK(early->retries == 1 && early->opens == 1 && early->bytes == 0 && !early->is_done);
    SIM_CHECK(late->retries == 0 && late->opens == 1 && !late->is_done);
    resume_chat(run, early);
    resume_chat(run, late);
    sim_finish(run, MINUTE_MS);
    sim_expect_end(run, early, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, late, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(early->done.attempts == 2 && late->done.attempts == 2 && late->retries == 1);
}

/* Turned off: the call says so, and no memory is taken for it. */
static void play_none_allowed(sim_run *run)
{
    sim_chat *chat;

    run->app.config.paused_streams_max = 0;
    sim_open(run);
    chat = sim_start(run, "m");
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(sim_app_pause(&run->app, chat) == CMX_ERR_BUSY);
    SIM_CHECK(sim_app_resume(&run->app, chat) == CMX_OK);
    sim_finish(run, MINUTE_MS);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

/* The client ends while requests are paused: every byte of them is wiped (invariants.c). */
static void play_deinit_while_paused(sim_run *run)
{
    script_long(run);
    sim_open(run);
    for (int i = 0; i < 4; i++) {
        (void)sim_start(run, "long");
    }
    sim_live(run, 500);
    for (int i = 0; i < 4; i++) {
        pause_chat(run, &run->app.chats[i]);
    }
    sim_live(run, 10000);
    resume_chat(run, &run->app.chats[0]);
    SIM_CHECK(run->app.client == NULL || paused_now(run) == 3);
}

/* Busy sockets are looked at every 20 ms only, and what is quiet at once. Nobody spins meanwhile
 * (the port finds that), no clock runs out for what waits in the socket, an end is seen. */
static void play_coalesced(sim_run *run)
{
    uint64_t calls;
    uint64_t took_ms;
    uint32_t wait_ms = 20;

    run->port.net = (sim_net){.delay_ms = 5};
    run->app.config.coalesce_ms = wait_ms;
    run->app.config.connections_max = 1;
    run->app.config.attempts_max = 1;
    run->app.config.progress_timeout_ms = 100;
    sim_server_script(&run->server, &(sim_script){.model = "busy", .tokens = 500, .gap_ms = 2});
    sim_server_script(&run->server, &(sim_script){.model = "slow", .tokens = 50, .gap_ms = 95});
    sim_server_script(
        &run->server,
        &(sim_script){
            .model = "cut", .tokens = 50, .gap_ms = 2, .fault = SIM_FAULT_CONN_CLOSE, .after = 40});
    sim_open(run);
    calls = run->port.calls;
    for (int i = 0; i < 5; i++) {
        (void)sim_start(run, "busy");
    }
    took_ms = run->world.now_ms;
    sim_finish(run, MINUTE_MS);
    took_ms = run->world.now_ms - took_ms;
    calls = run->port.calls - calls;
    SIM_CHECK(took_ms < 1500);
    /* Waits, a read and a write each: read at once there would be one for each of 500 moments. */
    SIM_CHECK(calls < 8 * (took_ms / wait_ms) + 100);
    (void)sim_start(run, "slow");
    sim_finish(run, MINUTE_MS);
    for (int i = 0; i < 6; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    (void)sim_start(run, "cut");
    sim_finish(run, MINUTE_MS);
    SIM_CHECK(run->app.chats[6].done.verdict == CMX_VERDICT_TRUNCATED);
    sim_expect_alive(run);
}

static const sim_scenario scenarios[] = {
    {"paused-ten-minutes", play_ten_minutes, 1},
    {"nobody-pulls", play_nobody_pulls, 1},
    {"pause-storm", play_storm, 6},
    {"cancel-while-paused", play_cancel_while_paused, 3},
    {"lost-while-paused", play_lost_while_paused, 2},
    {"ended-while-paused", play_ended_while_paused, 3},
    {"paused-clock-stands-still", play_clock_stands_still, 1},
    {"paused-total-goes-on", play_total_goes_on, 1},
    {"paused-in-the-queue", play_paused_in_the_queue, 2},
    {"paused-and-sent-again", play_paused_and_sent_again, 1},
    {"pause-none-allowed", play_none_allowed, 1},
    {"deinit-while-paused", play_deinit_while_paused, 1},
    {"coalesced", play_coalesced, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_pause = {"pause", scenarios};
