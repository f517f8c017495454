/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of answers that break off: streams cut or reset, connections torn down or drained, and
 * requests that the server provably did not process and that are sent again for free.
 */
#include "run.h"

static sim_chat *play_cut(sim_run *run, enum sim_fault fault, uint32_t after, uint32_t code)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.model = "bad",
                                                  .tokens = 12,
                                                  .gap_ms = 20,
                                                  .fault = fault,
                                                  .after = after,
                                                  .code = code});
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_finish(run, 200000);
    return chat;
}

static void play_truncated(sim_run *run)
{
    sim_chat *chat = play_cut(run, SIM_FAULT_TRUNCATE, 5, 0);

    sim_expect_end(run, chat, CMX_VERDICT_TRUNCATED, CMX_ERR_TRUNCATED);
    SIM_CHECK(chat->bytes == 5 * 2 * 4);
    sim_expect_alive(run);
}

static void play_reset_internal(sim_run *run)
{
    sim_chat *chat = play_cut(run, SIM_FAULT_RESET_STREAM, 5, NGHTTP2_INTERNAL_ERROR);

    sim_expect_end(run, chat, CMX_VERDICT_TRUNCATED, CMX_ERR_STREAM_RESET);
    SIM_CHECK(chat->done.h2_error == NGHTTP2_INTERNAL_ERROR);
    SIM_CHECK(chat->done.attempts == 1 && chat->done.replays == 0);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 1);
}

static void play_reset_cancel(sim_run *run)
{
    sim_chat *chat = play_cut(run, SIM_FAULT_RESET_STREAM, 5, NGHTTP2_CANCEL);

    sim_expect_end(run, chat, CMX_VERDICT_TRUNCATED, CMX_ERR_STREAM_RESET);
    SIM_CHECK(chat->done.h2_error == NGHTTP2_CANCEL);
}

static void play_reset_no_error(sim_run *run)
{
    sim_chat *chat = play_cut(run, SIM_FAULT_RESET_STREAM, 5, NGHTTP2_NO_ERROR);

    sim_expect_end(run, chat, CMX_VERDICT_TRUNCATED, CMX_ERR_STREAM_RESET);
    SIM_CHECK(chat->done.h2_error == 0);
}

static void play_reset_before_tokens(sim_run *run)
{
    sim_chat *chat = play_cut(run, SIM_FAULT_RESET_STREAM, 0, NGHTTP2_INTERNAL_ERROR);

    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_STREAM_RESET);
    SIM_CHECK(chat->bytes == 0);
}

static void play_connection_lost(sim_run *run, enum sim_fault fault)
{
    sim_chat *first;

    run->app.config.connections_max = 1;
    run->app.config.attempts_max = 1;
    run->app.config.replays_max = 0;
    sim_server_script(
        &run->server,
        &(sim_script){.model = "bad", .tokens = 30, .gap_ms = 20, .fault = fault, .after = 10});
    sim_server_script(&run->server, &(sim_script){.model = "long", .tokens = 400, .gap_ms = 50});
    sim_open(run);
    first = sim_start(run, "bad");
    for (int i = 0; i < 19; i++) {
        (void)sim_start(run, "long");
    }
    sim_finish(run, 200000);
    for (int i = 0; i < 20; i++) {
        const sim_chat *chat = &run->app.chats[i];
        int expected = fault == SIM_FAULT_CONN_RESET ? CMX_ERR_RESET : CMX_ERR_CLOSED;
        /* Closing a socket with unread bytes is a reset for the other side. */
        if (chat->done.error != CMX_ERR_RESET) {
            sim_expect_end(run, chat, chat->bytes > 0 ? CMX_VERDICT_TRUNCATED : CMX_VERDICT_NETWORK,
                           expected);
        }
        SIM_CHECK(chat->is_done && !cmx_verdict_complete(chat->done.verdict));
    }
    SIM_CHECK(first->bytes <= 10 * 2 * 4);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

static void play_connection_reset(sim_run *run)
{
    play_connection_lost(run, SIM_FAULT_CONN_RESET);
}

static void play_connection_closed(sim_run *run)
{
    play_connection_lost(run, SIM_FAULT_CONN_CLOSE);
}

static void play_refused_stream(sim_run *run)
{
    sim_chat *chats[6];

    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .times = 2, .fault = SIM_FAULT_REFUSE});
    sim_open(run);
    for (int i = 0; i < 6; i++) {
        chats[i] = sim_start_with(run, &(sim_spec){.model = "bad", .filler = 3000});
    }
    sim_finish(run, 200000);
    uint32_t replays = 0;
    for (int i = 0; i < 6; i++) {
        sim_expect_end(run, chats[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(chats[i]->done.attempts == 1);
        replays += chats[i]->done.replays;
    }
    SIM_CHECK(replays == 2);
    SIM_CHECK(run->server.requests == 8);
}

static void play_refused_always(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.model = "bad", .fault = SIM_FAULT_REFUSE});
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_finish(run, 3600000);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_STREAM_REFUSED);
    SIM_CHECK(chat->done.replays >= 1 && chat->done.replays <= 16);
    sim_expect_alive(run);
}

/* The sixth of eight streams draws a GOAWAY that spares all but the last two. */
static void play_goaway(sim_run *run)
{
    uint32_t replays = 0;

    run->app.config.connections_max = 2;
    run->app.config.streams_soft = 16;
    sim_server_script(&run->server, &(sim_script){.model = "bad",
                                                  .times = 1,
                                                  .tokens = 20,
                                                  .gap_ms = 10,
                                                  .fault = SIM_FAULT_GOAWAY,
                                                  .after = 3,
                                                  .spare = 2});
    sim_server_script(&run->server, &(sim_script){.model = "slow", .head_ms = 1500});
    sim_server_script(&run->server, &(sim_script){.tokens = 60, .gap_ms = 10});
    sim_open(run);
    for (int i = 0; i < 8; i++) {
        (void)sim_start(run, i == 5 ? "bad" : (i > 5 ? "slow" : "m"));
    }
    sim_finish(run, 200000);
    for (int i = 0; i < 8; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
        replays += run->app.chats[i].done.replays;
    }
    SIM_CHECK(replays <= 2);
    sim_expect_alive(run);
}

static void play_goaway_spares_all(sim_run *run)
{
    run->app.config.connections_max = 1;
    sim_server_script(
        &run->server,
        &(sim_script){.times = 1, .tokens = 20, .gap_ms = 10, .fault = SIM_FAULT_GOAWAY});
    sim_server_script(&run->server, &(sim_script){.tokens = 40, .gap_ms = 10});
    sim_open(run);
    for (int i = 0; i < 5; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 200000);
    for (int i = 0; i < 5; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
}

/* Later requests must not wait for a connection that only drains. */
static void play_goaway_then_more(sim_run *run)
{
    sim_chat *slow;
    sim_chat *quick;

    run->app.config.connections_max = 2;
    sim_server_script(
        &run->server,
        &(sim_script){
            .model = "bad", .tokens = 1000, .gap_ms = 20, .fault = SIM_FAULT_GOAWAY, .after = 1});
    sim_open(run);
    slow = sim_start(run, "bad");
    sim_live(run, 1000);
    quick = sim_start(run, "m");
    sim_live(run, 3000);
    sim_expect_end(run, quick, CMX_VERDICT_DONE, CMX_OK);
    sim_finish(run, 200000);
    sim_expect_end(run, slow, CMX_VERDICT_DONE, CMX_OK);
}

static void play_hole(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(
        &run->server,
        &(sim_script){.model = "bad", .gap_ms = 20, .fault = SIM_FAULT_CONN_HOLE, .after = 4});
    run->app.config.progress_timeout_ms = 5000;
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_finish(run, 200000);
    SIM_CHECK(chat->is_done && !cmx_verdict_complete(chat->done.verdict));
    SIM_CHECK(chat->done.verdict == CMX_VERDICT_STALLED || chat->bytes == 0);
}

static const sim_scenario scenarios[] = {
    {"truncated", play_truncated, 1},
    {"reset-internal-error", play_reset_internal, 1},
    {"reset-cancel", play_reset_cancel, 1},
    {"reset-no-error", play_reset_no_error, 1},
    {"reset-before-tokens", play_reset_before_tokens, 1},
    {"connection-reset", play_connection_reset, 2},
    {"connection-closed", play_connection_closed, 2},
    {"refused-stream", play_refused_stream, 2},
    {"refused-always", play_refused_always, 1},
    {"goaway", play_goaway, 2},
    {"goaway-spares-all", play_goaway_spares_all, 1},
    {"goaway-then-more", play_goaway_then_more, 1},
    {"hole", play_hole, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_broken = {"broken", scenarios};
