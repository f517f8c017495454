/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of time: each clock runs out when it should and as what it should, none runs while the
 * caller does not pull, and a quiet connection is closed and opened again.
 */
#include "run.h"

static sim_chat *play_one(sim_run *run, const sim_script *script)
{
    sim_chat *chat;

    sim_server_script(&run->server, script);
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_finish(run, 4000000);
    return chat;
}

static void expect_took(sim_run *run, const sim_chat *chat, uint64_t least_ms, uint64_t most_ms)
{
    uint64_t took_ms = chat->done_ms - chat->started_ms;

    if (took_ms < least_ms || took_ms > most_ms) {
        sim_fail(&run->world, "chat %u took %u ms, expected %u to %u", (unsigned)chat->k,
                 (unsigned)took_ms, (unsigned)least_ms, (unsigned)most_ms);
    }
}

static void play_head_timeout(sim_run *run)
{
    sim_chat *chat;

    run->app.config.head_timeout_ms = 2000;
    chat = play_one(run, &(sim_script){.model = "bad", .fault = SIM_FAULT_HANG});
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_HEAD);
    expect_took(run, chat, 2000, 2400);
    SIM_CHECK(chat->done.attempts == 1);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 1);
    SIM_CHECK(run->server.resets_received == 1);
}

static void play_first_token_timeout(sim_run *run)
{
    sim_chat *chat;

    run->app.config.first_token_timeout_ms = 20000;
    chat = play_one(run, &(sim_script){.model = "bad", .fault = SIM_FAULT_HEARTBEATS});
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_FIRST_TOKEN);
    expect_took(run, chat, 20000, 20400);
    SIM_CHECK(chat->done.http_status == 200);
    sim_expect_alive(run);
}

static void play_stall(sim_run *run)
{
    sim_chat *chat;

    run->app.config.progress_timeout_ms = 7000;
    chat = play_one(
        run, &(sim_script){.model = "bad", .gap_ms = 10, .fault = SIM_FAULT_STALL, .after = 4});
    sim_expect_end(run, chat, CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS);
    SIM_CHECK(chat->bytes == 4 * 2 * 4);
    SIM_CHECK(chat->done_ms - chat->last_token_ms >= 7000);
    SIM_CHECK(chat->done_ms - chat->last_token_ms <= 7001);
    sim_expect_alive(run);
}

static void play_stall_with_heartbeats(sim_run *run)
{
    sim_chat *chat;

    run->app.config.progress_timeout_ms = 7000;
    chat = play_one(run, &(sim_script){.model = "bad", .fault = SIM_FAULT_HEARTBEATS, .after = 4});
    sim_expect_end(run, chat, CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS);
    SIM_CHECK(chat->done_ms - chat->last_token_ms <= 7001);
}

static void play_slow_is_not_stalled(sim_run *run)
{
    sim_chat *chat;

    run->app.config.progress_timeout_ms = 7000;
    run->app.config.first_token_timeout_ms = 7000;
    chat = play_one(run, &(sim_script){.model = "bad", .tokens = 30, .gap_ms = 6500});
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_total_timeout(sim_run *run)
{
    sim_chat *chat;

    run->app.config.total_timeout_ms = 10000;
    chat = play_one(run, &(sim_script){.model = "bad", .tokens = 1000, .gap_ms = 300});
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    expect_took(run, chat, 10000, 10001);
    SIM_CHECK(chat->bytes > 0);
    sim_expect_alive(run);
}

static void play_total_timeout_in_the_queue(sim_run *run)
{
    sim_chat *chat;

    run->app.config.total_timeout_ms = 3000;
    run->app.config.connect_timeout_ms = 60000;
    run->listener->is_hole = true;
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 100000);
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    expect_took(run, chat, 3000, 3001);
}

static void play_queue_timeout(sim_run *run)
{
    sim_chat *slow;
    sim_chat *waiting;

    run->app.config.connections_max = 1;
    run->app.config.queue_timeout_ms = 2000;
    run->server.streams_max = 1;
    sim_server_script(&run->server, &(sim_script){.model = "slow", .tokens = 100, .gap_ms = 100});
    sim_open(run);
    slow = sim_start(run, "slow");
    sim_live(run, 500);
    waiting = sim_start(run, "m");
    sim_finish(run, 100000);
    sim_expect_end(run, slow, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, waiting, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_QUEUE);
    expect_took(run, waiting, 2000, 2001);
    SIM_CHECK(waiting->done.attempts == 0);
    sim_expect_alive(run);
}

/* The server has produced everything long ago; the caller looks after a minute. */
static void play_not_pulling(sim_run *run, bool ticks)
{
    run->app.config.progress_timeout_ms = 5000;
    run->app.config.first_token_timeout_ms = 5000;
    run->app.config.total_timeout_ms = 0;
    run->app.config.connections_max = 1;
    run->port.net.bytes_per_ms = 0;
    run->port.net.delay_ms = 2;
    run->port.net.jitter_ms = 0;
    sim_server_script(&run->server, &(sim_script){.tokens = 300, .units = 8, .gap_ms = 2});
    sim_open(run);
    for (int i = 0; i < 10; i++) {
        (void)sim_start(run, "m");
    }
    sim_live(run, 300);
    sim_app_sleep(&run->app, 60000, ticks);
    sim_finish(run, 600000);
    for (int i = 0; i < 10; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(run->app.chats[i].bytes == 300 * 8 * 4);
    }
}

static void play_not_pulling_with_ticks(sim_run *run)
{
    play_not_pulling(run, true);
}

static void play_away_for_a_minute(sim_run *run)
{
    play_not_pulling(run, false);
}

/* One stream fills the connection's window while nobody pulls, so the other cannot be heard. */
static void play_quiet_beside_a_flood(sim_run *run)
{
    sim_chat *quiet;

    run->app.config.progress_timeout_ms = 5000;
    run->app.config.connections_max = 1;
    run->app.config.stream_window_bytes = 65536;
    run->app.config.connection_window_bytes = 65535;
    run->port.net = (sim_net){.delay_ms = 2};
    sim_server_script(&run->server,
                      &(sim_script){.model = "flood", .tokens = 2000, .units = 50, .gap_ms = 1});
    sim_server_script(&run->server, &(sim_script){.model = "quiet", .tokens = 120, .gap_ms = 1000});
    sim_open(run);
    quiet = sim_start(run, "quiet");
    (void)sim_start(run, "flood");
    sim_live(run, 1100);
    for (int i = 0; i < 3; i++) {
        sim_app_sleep(&run->app, 20000, i % 2 == 0);
        sim_live(run, 100);
    }
    sim_finish(run, 600000);
    sim_expect_end(run, quiet, CMX_VERDICT_DONE, CMX_OK);
    sim_expect_end(run, &run->app.chats[1], CMX_VERDICT_DONE, CMX_OK);
}

static void play_idle_expiry(sim_run *run)
{
    cmx_stats stats;
    cmx_event event;

    run->app.config.idle_timeout_ms = 3000;
    sim_open(run);
    sim_expect_alive(run);
    if (run->app.client == NULL) {
        return;
    }
    cmx_client_stats(run->app.client, &stats);
    SIM_CHECK(stats.connections == 1);
    /* Idle means that wait returns at once: a loop of its own turns on. */
    for (int i = 0; i < 50 && run->app.client != NULL; i++) {
        sim_port_sleep(&run->port, cmx_client_next_due_ms(run->app.client));
        SIM_CHECK(cmx_client_tick(run->app.client) == CMX_OK);
        SIM_CHECK(cmx_client_next_event(run->app.client, &event) == CMX_IDLE);
        cmx_client_stats(run->app.client, &stats);
        if (stats.connections == 0) {
            break;
        }
    }
    SIM_CHECK(stats.connections == 0);
    SIM_CHECK(run->port.sockets_open == 0);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

/* With a loop that turns the close is seen at once; without one the next request finds it. */
static void play_server_closes_idle(sim_run *run, bool turns)
{
    cmx_event event;

    sim_open(run);
    sim_expect_alive(run);
    if (run->server.conns == NULL || run->app.client == NULL) {
        return;
    }
    sim_link_fin(run->server.conns->link);
    sim_app_sleep(&run->app, 500, false);
    if (turns) {
        SIM_CHECK(cmx_client_tick(run->app.client) == CMX_OK);
        SIM_CHECK(cmx_client_next_event(run->app.client, &event) == CMX_IDLE);
    }
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

static void play_server_closes_idle_seen(sim_run *run)
{
    play_server_closes_idle(run, true);
}

static void play_server_closes_idle_unseen(sim_run *run)
{
    play_server_closes_idle(run, false);
}

static const sim_scenario scenarios[] = {
    {"head-timeout", play_head_timeout, 1},
    {"first-token-timeout", play_first_token_timeout, 1},
    {"stall", play_stall, 1},
    {"stall-with-heartbeats", play_stall_with_heartbeats, 1},
    {"slow-is-not-stalled", play_slow_is_not_stalled, 1},
    {"total-timeout", play_total_timeout, 1},
    {"total-timeout-in-the-queue", play_total_timeout_in_the_queue, 1},
    {"queue-timeout", play_queue_timeout, 1},
    {"not-pulling-with-ticks", play_not_pulling_with_ticks, 1},
    {"away-for-a-minute", play_away_for_a_minute, 1},
    {"quiet-beside-a-flood", play_quiet_beside_a_flood, 0},
    {"idle-expiry", play_idle_expiry, 1},
    {"server-closes-idle", play_server_closes_idle_seen, 1},
    {"server-closed-while-away", play_server_closes_idle_unseen, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_clocks = {"clocks", scenarios};
