/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of cancelling: in every phase, twice, too late, from within an event, by hundreds, and
 * the end of a client with everything in flight. Nobody else notices.
 */
#include "run.h"

enum { STORM = 200 };

static void expect_cancelled(sim_run *run, const sim_chat *chat)
{
    sim_expect_end(run, chat, CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
}

static void play_queued(sim_run *run)
{
    sim_chat *slow;
    sim_chat *queued;

    run->app.config.connections_max = 1;
    run->server.streams_max = 1;
    sim_server_script(&run->server, &(sim_script){.tokens = 20, .gap_ms = 50});
    sim_open(run);
    slow = sim_start(run, "m");
    sim_live(run, 300);
    queued = sim_start(run, "m");
    SIM_CHECK(sim_app_cancel(&run->app, queued) == CMX_OK);
    sim_finish(run, 60000);
    expect_cancelled(run, queued);
    sim_expect_end(run, slow, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(run->server.requests == 1);
    SIM_CHECK(queued->done.attempts == 0);
}

static void play_before_any_tick(sim_run *run)
{
    sim_chat *chat;

    sim_open(run);
    chat = sim_start(run, "m");
    SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_OK);
    sim_finish(run, 60000);
    expect_cancelled(run, chat);
    sim_expect_alive(run);
}

static void play_after(sim_run *run, uint64_t ms)
{
    sim_chat *chat;
    sim_chat *other;

    sim_server_script(&run->server, &(sim_script){.head_ms = 400, .tokens = 40, .gap_ms = 25});
    run->app.config.connections_max = 1;
    sim_open(run);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .filler = 20000});
    other = sim_start(run, "m");
    sim_live(run, ms);
    SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_OK);
    SIM_CHECK(!chat->is_done);
    sim_finish(run, 60000);
    expect_cancelled(run, chat);
    sim_expect_end(run, other, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(run->server.resets_received <= 1);
    SIM_CHECK(run->server.streams_open == 0);
}

static void play_while_dialing(sim_run *run)
{
    run->host->delay_ms = 50;
    play_after(run, 20);
}

static void play_before_head(sim_run *run)
{
    run->port.net.delay_ms = 1;
    run->port.net.bytes_per_ms = 0;
    run->port.net.send_bytes_max = 0;
    run->port.net.send_capacity = 0;
    play_after(run, 200);
    SIM_CHECK(run->server.resets_received == 1);
}

static void play_in_mid_stream(sim_run *run)
{
    play_after(run, 900);
}

static void play_any_moment(sim_run *run)
{
    play_after(run, sim_choose(&run->world, SIM_STREAM_APP, 1200));
}

static void play_twice(sim_run *run)
{
    sim_chat *chat;
    int second;

    sim_server_script(&run->server, &(sim_script){.tokens = 40, .gap_ms = 25});
    sim_open(run);
    chat = sim_start(run, "m");
    sim_live(run, 300);
    SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_OK);
    second = sim_app_cancel(&run->app, chat);
    SIM_CHECK(second == CMX_OK || second == CMX_ERR_HANDLE);
    sim_finish(run, 60000);
    expect_cancelled(run, chat);
    SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_ERR_HANDLE);
}

static void play_too_late(sim_run *run)
{
    sim_chat *chat;
    sim_chat *next;

    run->app.config.requests_max = 1;
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(cmx_client_cancel(run->app.client, chat->id) == CMX_ERR_HANDLE);
    SIM_CHECK(cmx_client_cancel(run->app.client, 0) == CMX_ERR_HANDLE);
    SIM_CHECK(cmx_client_cancel(run->app.client, UINT64_MAX) == CMX_ERR_HANDLE);
    /* The old id never means the new request in its place. */
    for (int i = 0; i < 6; i++) {
        next = sim_start(run, "m");
        SIM_CHECK(next->id != chat->id);
        SIM_CHECK(cmx_client_cancel(run->app.client, chat->id) == CMX_ERR_HANDLE);
        sim_finish(run, 60000);
        sim_expect_end(run, next, CMX_VERDICT_DONE, CMX_OK);
    }
}

/* Cancels the request whose event is at hand, and one more. */
static void cancel_in_event(sim_app *app, sim_chat *chat, const cmx_event *event)
{
    uint64_t lot = sim_choose(app->world, SIM_STREAM_APP, 12);

    if (event->kind != CMX_EVENT_DELTA || lot > 1) {
        return;
    }
    (void)sim_app_cancel(app, chat);
    if (lot == 1) {
        sim_chat *other = &app->chats[sim_choose(app->world, SIM_STREAM_APP, app->chat_count)];
        if (other->is_started && !other->is_done && !other->is_cancelled) {
            (void)sim_app_cancel(app, other);
        }
    }
}

static void play_within_events(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.tokens = 12, .gap_ms = 3});
    run->app.on_event = cancel_in_event;
    sim_open(run);
    for (int i = 0; i < 30; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 600000);
    for (int i = 0; i < 30; i++) {
        const sim_chat *chat = &run->app.chats[i];
        if (chat->is_cancelled) {
            expect_cancelled(run, chat);
        } else {
            sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
        }
    }
    run->app.on_event = NULL;
    sim_expect_alive(run);
}

static void play_storm(sim_run *run)
{
    sim_chat *chats[STORM];

    sim_server_script(&run->server, &(sim_script){.model = "m", .tokens = 500, .gap_ms = 40});
    run->app.config.connections_max = 2;
    sim_open(run);
    for (int i = 0; i < STORM; i++) {
        chats[i] = sim_start(run, "m");
    }
    sim_live(run, 1500);
    for (int i = 0; i < STORM; i++) {
        SIM_CHECK(sim_app_cancel(&run->app, chats[i]) == CMX_OK);
    }
    sim_finish(run, 60000);
    for (int i = 0; i < STORM; i++) {
        expect_cancelled(run, chats[i]);
    }
    /* The last resets may still be under way on the other connection: give them some time. */
    for (int i = 0; i < 10 && run->server.streams_open > 0; i++) {
        sim_expect_alive(run);
    }
    SIM_CHECK(run->server.streams_open == 0);
}

static void play_deinit_in_flight(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.tokens = 500, .gap_ms = 10});
    sim_open(run);
    for (int i = 0; i < 20; i++) {
        (void)sim_start(run, "m");
    }
    sim_live(run, sim_choose(&run->world, SIM_STREAM_APP, 800));
    sim_app_close(&run->app);
    SIM_CHECK(run->port.sockets_open == 0);
}

static const sim_scenario scenarios[] = {
    {"cancel-queued", play_queued, 1},
    {"cancel-before-any-tick", play_before_any_tick, 1},
    {"cancel-while-dialing", play_while_dialing, 1},
    {"cancel-before-head", play_before_head, 1},
    {"cancel-in-mid-stream", play_in_mid_stream, 1},
    {"cancel-any-moment", play_any_moment, 4},
    {"cancel-twice", play_twice, 1},
    {"cancel-too-late", play_too_late, 1},
    {"cancel-within-events", play_within_events, 3},
    {"cancel-storm", play_storm, 1},
    {"deinit-in-flight", play_deinit_in_flight, 2},
    {NULL, NULL, 0},
};

const sim_family sim_family_cancel = {"cancel", scenarios};
