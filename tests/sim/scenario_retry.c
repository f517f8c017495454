/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of requests that are sent again: after which ends, after how long, how often, and what
 * ends the waiting. Attempts are counted by the server; that no next attempt comes before the wait
 * that its RETRY event told is checked for every run (invariants.c).
 */
#include "run.h"

#include <string.h>

static sim_chat *play_one(sim_run *run, const sim_script *script)
{
    sim_chat *chat;

    sim_server_script(&run->server, script);
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_finish(run, 300000);
    return chat;
}

static void expect_sent(sim_run *run, const sim_chat *chat, uint32_t attempts, uint32_t replays)
{
    SIM_CHECK(chat->done.attempts == attempts);
    SIM_CHECK(chat->done.replays == replays);
    SIM_CHECK(chat->retries == attempts + replays - 1);
    SIM_CHECK(run->server.chats[chat->k].requests == attempts + replays);
}

static void expect_once(sim_run *run, const sim_script *script, enum cmx_retry_reason reason)
{
    cmx_stats stats = {0};
    const sim_chat *chat = play_one(run, script);

    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    expect_sent(run, chat, 2, 0);
    SIM_CHECK(chat->retry.reason == reason);
    if (run->app.client != NULL) {
        cmx_client_stats(run->app.client, &stats);
    }
    SIM_CHECK(stats.retries == 1);
}

static void expect_never(sim_run *run, const sim_script *script, enum cmx_verdict verdict,
                         int error)
{
    const sim_chat *chat = play_one(run, script);

    sim_expect_end(run, chat, verdict, error);
    expect_sent(run, chat, 1, 0);
    sim_expect_alive(run);
}

static void play_inband(sim_run *run)
{
    expect_once(run, &(sim_script){.model = "bad", .times = 1, .fault = SIM_FAULT_INBAND},
                CMX_RETRY_INBAND);
}

static void play_inband_after_token(sim_run *run)
{
    expect_never(run,
                 &(sim_script){.model = "bad", .times = 1, .fault = SIM_FAULT_INBAND, .after = 1},
                 CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND);
}

static void play_lost_after_head(sim_run *run)
{
    expect_once(run,
                &(sim_script){.model = "bad",
                              .times = 1,
                              .gap_ms = 5,
                              .fault = SIM_FAULT_RESET_STREAM,
                              .code = NGHTTP2_INTERNAL_ERROR},
                CMX_RETRY_NETWORK);
}

static void play_quota(sim_run *run)
{
    expect_never(run,
                 &(sim_script){.model = "bad", .status = 429, .error_code = "insufficient_quota"},
                 CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
}

static void play_wait_too_long(sim_run *run)
{
    expect_never(run, &(sim_script){.model = "bad", .status = 503, .retry_after = "121"},
                 CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
}

static void play_deadline(sim_run *run)
{
    run->app.config.total_timeout_ms = 5000;
    expect_never(run, &(sim_script){.model = "bad", .status = 503, .retry_after = "6"},
                 CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
}

static void play_strict(sim_run *run)
{
    run->app.config.retry_strict = 1;
    expect_never(run,
                 &(sim_script){
                     .model = "bad", .fault = SIM_FAULT_RESET_HEAD, .code = NGHTTP2_INTERNAL_ERROR},
                 CMX_VERDICT_NETWORK, CMX_ERR_STREAM_RESET);
}

static void play_strict_refused(sim_run *run)
{
    const sim_chat *chat;

    run->app.config.retry_strict = 1;
    chat = play_one(run, &(sim_script){.model = "bad", .times = 2, .fault = SIM_FAULT_REFUSE});
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    expect_sent(run, chat, 1, 2);
}

static void play_stream_options(sim_run *run)
{
    const sim_chat *chat = play_one(run, &(sim_script){.model = "bad",
                                                       .times = 1,
                                                       .status = 400,
                                                       .message = "Unknown field: stream_options"});

    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    expect_sent(run, chat, 2, 0);
    SIM_CHECK(chat->retry.reason == CMX_RETRY_STATUS && chat->retry.wait_ms == 0);
    SIM_CHECK(!chat->done.has_usage); /* nobody asked for it any more */
}

static void play_stream_options_for_ever(sim_run *run)
{
    const sim_chat *chat = play_one(
        run,
        &(sim_script){.model = "bad", .status = 400, .message = "Unknown field: stream_options"});

    sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    expect_sent(run, chat, 2, 0);
}

static void play_attempts_of_one(sim_run *run)
{
    const uint32_t most[] = {1, 2, 5};
    sim_chat *chats[3];

    sim_server_script(&run->server, &(sim_script){.model = "bad", .status = 502});
    sim_open(run);
    for (int i = 0; i < 3; i++) {
        chats[i] =
            sim_start_with(run, &(sim_spec){.model = "bad", .limits = {.attempts_max = most[i]}});
    }
    sim_finish(run, 100000);
    for (int i = 0; i < 3; i++) {
        sim_expect_end(run, chats[i], CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
        expect_sent(run, chats[i], most[i], 0);
    }
}

/* Ten at once from the reserve, one more a second, and a tenth of those that are new. */
static void play_budget(sim_run *run)
{
    enum { CHATS = 40, PERCENT = 10, RESERVE = 10 };
    uint64_t since_ms;

    run->app.config.requests_max = CHATS;
    run->app.config.retry_budget_percent = PERCENT;
    sim_server_script(&run->server, &(sim_script){.model = "bad", .status = 500});
    sim_open(run);
    since_ms = run->world.now_ms;
    for (uint32_t i = 0; i < CHATS; i++) {
        (void)sim_start(run, "bad");
    }
    sim_finish(run, 100000);
    uint64_t retries = run->server.requests - CHATS;
    uint64_t took_s = (run->world.now_ms - since_ms) / 1000;
    SIM_CHECK(retries >= RESERVE);
    SIM_CHECK(retries <= RESERVE + took_s + 1 + CHATS / PERCENT);
}

static void play_no_budget(sim_run *run)
{
    run->app.config.retry_budget_percent = 0;
    expect_never(run, &(sim_script){.model = "bad", .status = 500}, CMX_VERDICT_ERROR_HTTP,
                 CMX_ERR_HTTP_STATUS);
}

static void play_cancel_while_waiting(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .status = 503, .retry_after = "5"});
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_live(run, 3000);
    SIM_CHECK(chat->retries == 1);
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(cmx_client_waiting(run->app.client, chat->id) == CMX_WAITING_RETRY);
    SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_OK);
    sim_finish(run, 100);
    sim_expect_end(run, chat, CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
    SIM_CHECK(chat->done.attempts == 1 && run->server.chats[chat->k].requests == 1);
}

/* The wait itself always fits: it is the attempt behind it that does not. */
static void play_total_in_second_attempt(sim_run *run)
{
    sim_chat *chat;

    run->app.config.total_timeout_ms = 4000;
    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .times = 1, .status = 503, .retry_after = "2"});
    sim_server_script(&run->server, &(sim_script){.model = "bad", .fault = SIM_FAULT_HANG});
    sim_open(run);
    chat = sim_start(run, "bad");
    sim_finish(run, 5000);
    sim_expect_end(run, chat, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    expect_sent(run, chat, 2, 0);
    SIM_CHECK(chat->done.http_status == 0);
}

/* The body of an error is nobody's data: the caller hears of the answer only. */
static void play_plain(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.times = 2, .status = 503});
    sim_open(run);
    chat = sim_start_with(run, &(sim_spec){.path = "/models"});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(chat->done.attempts == 3 && chat->retries == 2 && chat->opens == 1);
    SIM_CHECK(chat->done.http_status == 200);
    SIM_CHECK(run->server.connections == 1);
}

static void play_plain_always(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.status = 503});
    sim_open(run);
    chat = sim_start_with(run, &(sim_spec){.path = "/models"});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    SIM_CHECK(chat->done.attempts == 3 && chat->opens == 1 && chat->bytes > 0);
}

/* Dials are refused until the queue's time is over: the error is the dial's. */
static void play_never_sent(sim_run *run)
{
    sim_chat *chat;

    run->app.config.replays_max = 100;
    run->app.config.queue_timeout_ms = 3000;
    run->listener->status = CMX_ERR_REFUSED;
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 3001);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_REFUSED);
    SIM_CHECK(chat->done.attempts == 0 && chat->done.replays > 0);
    SIM_CHECK(chat->retry.reason == CMX_RETRY_NEVER_SENT);
}

static void play_never_sent_for_a_while(sim_run *run)
{
    sim_chat *chats[5];

    run->listener->status = CMX_ERR_REFUSED;
    sim_open(run);
    for (int i = 0; i < 5; i++) {
        chats[i] = sim_start(run, "m");
    }
    sim_live(run, 400);
    run->listener->status = CMX_OK;
    sim_finish(run, 10000);
    for (int i = 0; i < 5; i++) {
        sim_expect_end(run, chats[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(chats[i]->done.attempts == 1);
    }
}

static void play_new_key(sim_run *run)
{
    sim_chat *chats[2];

    sim_open(run);
    run->server.key = "sk-another-and-longer-one";
    for (int i = 0; i < 2 && run->app.client != NULL; i++) {
        chats[i] = sim_start(run, "m");
        sim_finish(run, 60000);
        sim_expect_end(run, chats[i], i == 0 ? CMX_VERDICT_ERROR_HTTP : CMX_VERDICT_DONE,
                       i == 0 ? CMX_ERR_HTTP_STATUS : CMX_OK);
        SIM_CHECK(cmx_client_set_key(run->app.client, 0, run->server.key) == CMX_OK);
    }
    SIM_CHECK(run->server.connections == 1);
}

static void play_drain(sim_run *run)
{
    sim_chat *late = NULL;

    sim_server_script(&run->server, &(sim_script){.model = "long", .tokens = 400, .gap_ms = 50});
    sim_open(run);
    for (int i = 0; i < 10; i++) {
        (void)sim_start(run, i % 2 == 0 ? "m" : "long");
    }
    if (run->app.client == NULL) {
        return;
    }
    cmx_client_drain(run->app.client, 8000);
    SIM_CHECK(sim_app_start(&run->app, &(sim_spec){.model = "m"}, &late) == CMX_ERR_BUSY);
    sim_finish(run, 8001);
    for (int i = 0; i < 10; i++) {
        bool is_long = i % 2 != 0;
        sim_expect_end(run, &run->app.chats[i], is_long ? CMX_VERDICT_TIMEOUT : CMX_VERDICT_DONE,
                       is_long ? CMX_ERR_TIMEOUT_TOTAL : CMX_OK);
    }
    cmx_stats stats;
    cmx_client_stats(run->app.client, &stats);
    SIM_CHECK(stats.connections == 0);
}

static const sim_scenario scenarios[] = {
    {"retry-inband", play_inband, 1},
    {"retry-inband-after-token", play_inband_after_token, 1},
    {"retry-lost-after-head", play_lost_after_head, 1},
    {"retry-quota", play_quota, 1},
    {"retry-wait-too-long", play_wait_too_long, 1},
    {"retry-deadline", play_deadline, 1},
    {"retry-strict", play_strict, 1},
    {"retry-strict-refused", play_strict_refused, 1},
    {"retry-stream-options", play_stream_options, 1},
    {"retry-stream-options-for-ever", play_stream_options_for_ever, 1},
    {"retry-attempts-of-one", play_attempts_of_one, 1},
    {"retry-budget", play_budget, 2},
    {"retry-no-budget", play_no_budget, 1},
    {"retry-cancel-while-waiting", play_cancel_while_waiting, 1},
    {"retry-total-in-second-attempt", play_total_in_second_attempt, 1},
    {"retry-plain", play_plain, 1},
    {"retry-plain-always", play_plain_always, 1},
    {"retry-never-sent", play_never_sent, 2},
    {"retry-never-sent-for-a-while", play_never_sent_for_a_while, 2},
    {"retry-new-key", play_new_key, 1},
    {"retry-drain", play_drain, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_retry = {"retry", scenarios};
