/* SPDX-License-Identifier: MIT */
/*
 * Rows 1 to 16 of the suite: statuses, losses before and within an answer, bytes that are not what
 * they should be. Waits follow from the defaults of the retry policy: back-off of at most 500 ms,
 * then 1000 ms, and what a server asks for plus at most a tenth.
 */
#include "suite.h"

#include <string.h>

enum {
    BACK_OFF_1_MS = 500,
    BACK_OFF_2_MS = 1000,
    FLAP_MS = 10000,
    FLAP_CHATS = 60,
    FLAP_GAP_MS = 1000,
    DIAL_MS = 2, /* of the second origin, where the network takes no time */
};

void suite_play_429_once(sim_run *run)
{
    suite_begin(run, 1, "429 once, Retry-After 2 s");
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .times = 1, .status = 429, .retry_after = "2"},
        &(suite_end){.verdict = CMX_VERDICT_DONE,
                     .attempts = 2,
                     .reason = CMX_RETRY_RATE_LIMIT,
                     .least_ms = 2000,
                     .most_ms = 2200});
    suite_end_story(run);
}

void suite_play_429_always(sim_run *run)
{
    suite_begin(run, 2, "429 always");
    (void)suite_play_one(run, &(sim_script){.model = "bad", .status = 429, .retry_after = "2"},
                         &(suite_end){.verdict = CMX_VERDICT_ERROR_HTTP,
                                      .error = CMX_ERR_HTTP_STATUS,
                                      .http_status = 429,
                                      .attempts = 3,
                                      .reason = CMX_RETRY_RATE_LIMIT,
                                      .least_ms = 4000,
                                      .most_ms = 4400});
    suite_end_story(run);
}

void suite_play_500_once(sim_run *run)
{
    suite_begin(run, 3, "500 once");
    (void)suite_play_one(run, &(sim_script){.model = "bad", .times = 1, .status = 500},
                         &(suite_end){.verdict = CMX_VERDICT_DONE,
                                      .attempts = 2,
                                      .reason = CMX_RETRY_STATUS,
                                      .most_ms = BACK_OFF_1_MS});
    suite_end_story(run);
}

void suite_play_503_always(sim_run *run)
{
    suite_begin(run, 4, "503 always");
    (void)suite_play_one(run, &(sim_script){.model = "bad", .status = 503},
                         &(suite_end){.verdict = CMX_VERDICT_ERROR_HTTP,
                                      .error = CMX_ERR_HTTP_STATUS,
                                      .http_status = 503,
                                      .attempts = 3,
                                      .reason = CMX_RETRY_STATUS,
                                      .most_ms = BACK_OFF_1_MS + BACK_OFF_2_MS});
    suite_end_story(run);
}

static void play_head_lost(sim_run *run, enum sim_fault fault)
{
    bool is_dropped = fault == SIM_FAULT_DROP_HEAD;

    (void)suite_play_one(
        run,
        &(sim_script){.model = "bad", .times = 1, .fault = fault, .code = NGHTTP2_INTERNAL_ERROR},
        &(suite_end){.verdict = CMX_VERDICT_DONE,
                     .attempts = 2,
                     .reason = CMX_RETRY_NETWORK,
                     .most_ms = is_dropped ? suite_lost_wait_ms(run) : BACK_OFF_1_MS});
    SIM_CHECK(run->server.connections == (is_dropped ? 2 : 1));
    suite_end_story(run);
}

void suite_play_reset_head(sim_run *run)
{
    suite_begin(run, 5, "stream reset before the head, once");
    play_head_lost(run, SIM_FAULT_RESET_HEAD);
}

void suite_play_drop_head(sim_run *run)
{
    suite_begin(run, 5, "connection reset before the head, once");
    play_head_lost(run, SIM_FAULT_DROP_HEAD);
}

void suite_play_no_head(sim_run *run)
{
    suite_begin(run, 6, "no response head");
    run->app.config.head_timeout_ms = 30000;
    (void)suite_play_one(run, &(sim_script){.model = "bad", .fault = SIM_FAULT_HANG},
                         &(suite_end){.verdict = CMX_VERDICT_TIMEOUT,
                                      .error = CMX_ERR_TIMEOUT_HEAD,
                                      .attempts = 1,
                                      .least_ms = 30000,
                                      .most_ms = 30000});
    suite_pass(run, 100);
    SIM_CHECK(run->server.resets_received == 1);
    suite_end_story(run);
}

void suite_play_late_token(sim_run *run)
{
    suite_begin(run, 7, "first token after 20 s");
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .first_ms = 20000},
        &(suite_end){
            .verdict = CMX_VERDICT_DONE, .attempts = 1, .least_ms = 20000, .most_ms = 20000});
    suite_end_story(run);
}

/* Token 40 of 60, tokens 10 ms apart. */
static void play_cut(sim_run *run, enum sim_fault fault, const suite_end *end)
{
    suite_end wanted = *end;

    wanted.verdict = CMX_VERDICT_TRUNCATED;
    wanted.attempts = 1;
    wanted.http_status = 200;
    wanted.most_ms = 410;
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .tokens = 60, .gap_ms = 10, .fault = fault, .after = 40},
        &wanted);
    suite_end_story(run);
}

void suite_play_cut_end(sim_run *run)
{
    suite_begin(run, 8, "cut at token 40 of 60: END_STREAM");
    play_cut(
        run, SIM_FAULT_TRUNCATE,
        &(suite_end){
            .error = CMX_ERR_TRUNCATED, .tokens_least = 40, .tokens_most = 40, .least_ms = 400});
}

void suite_play_cut_reset(sim_run *run)
{
    suite_begin(run, 8, "cut at token 40 of 60: connection reset");
    /* A reset may take bytes along that had arrived. */
    play_cut(run, SIM_FAULT_CONN_RESET,
             &(suite_end){.error = CMX_ERR_RESET, .tokens_least = 1, .tokens_most = 40});
}

void suite_play_cut_close(sim_run *run)
{
    suite_begin(run, 8, "cut at token 40 of 60: connection closed");
    /* Who sends to a closed socket may be told of a reset before it reads the end. */
    play_cut(run, SIM_FAULT_CONN_CLOSE,
             &(suite_end){.error = CMX_ERR_CLOSED,
                          .error_too = CMX_ERR_RESET,
                          .tokens_least = 1,
                          .tokens_most = 40});
}

void suite_play_stall(sim_run *run)
{
    suite_begin(run, 9, "stall of 30 s");
    run->app.config.progress_timeout_ms = 10000;
    (void)suite_play_one(
        run,
        &(sim_script){
            .model = "bad", .gap_ms = 10, .fault = SIM_FAULT_STALL, .after = 5, .stall_ms = 30000},
        &(suite_end){.verdict = CMX_VERDICT_STALLED,
                     .error = CMX_ERR_TIMEOUT_PROGRESS,
                     .attempts = 1,
                     .tokens_least = 5,
                     .tokens_most = 5,
                     .least_ms = 10050,
                     .most_ms = 10050});
    /* What the server says later is for nobody. */
    suite_pass(run, 30000);
    suite_end_story(run);
}

void suite_play_malformed(sim_run *run)
{
    suite_begin(run, 10, "malformed tenth event");
    /* The role comes first. */
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .tokens = 60, .fault = SIM_FAULT_MALFORMED, .after = 8},
        &(suite_end){.verdict = CMX_VERDICT_DONE, .attempts = 1, .malformed = 1});
    suite_end_story(run);
}

void suite_play_no_sentinel(sim_run *run)
{
    suite_begin(run, 11, "no [DONE]");
    (void)suite_play_one(run, &(sim_script){.model = "bad", .is_done_missing = true},
                         &(suite_end){.verdict = CMX_VERDICT_DONE_NO_SENTINEL, .attempts = 1});
    suite_end_story(run);
}

static void play_bad_request(sim_run *run, const char *code)
{
    const sim_chat *chat =
        suite_play_one(run, &(sim_script){.model = "bad", .status = 400, .error_code = code},
                       &(suite_end){.verdict = CMX_VERDICT_ERROR_HTTP,
                                    .error = CMX_ERR_HTTP_STATUS,
                                    .http_status = 400,
                                    .attempts = 1});

    SIM_CHECK(strcmp(chat->done_message, "no, because of the script") == 0);
    suite_end_story(run);
}

void suite_play_context(sim_run *run)
{
    suite_begin(run, 12, "context length exceeded (400)");
    play_bad_request(run, "context_length_exceeded");
}

void suite_play_filter(sim_run *run)
{
    suite_begin(run, 13, "content filter (400)");
    play_bad_request(run, "content_filter");
}

void suite_play_fallback(sim_run *run)
{
    cmx_target target;
    sim_chat *chat;

    suite_begin(run, 14, "first origin fails, fallback refuses");
    sim_server_script(&run->server, &(sim_script){.model = "bad", .status = 503});
    sim_server_script(&run->other, &(sim_script){.model = "bad", .status = 403});
    sim_open(run);
    if (run->app.client == NULL) {
        return;
    }
    cmx_target_default(&target);
    target.model = "bad";
    SIM_CHECK(cmx_client_add_target(run->app.client, &target, NULL, NULL) == CMX_OK);
    SIM_CHECK(sim_app_origin(&run->app, SIM_OTHER_URL, &target.origin) == CMX_OK);
    target.rank = 1;
    SIM_CHECK(cmx_client_add_target(run->app.client, &target, NULL, NULL) == CMX_OK);
    run->app.servers[0] = &run->server;
    run->app.servers[1] = &run->other;
    chat = sim_start_with(run, &(sim_spec){.is_routed = true});
    suite_finish(run);
    suite_expect(run, chat,
                 &(suite_end){.verdict = CMX_VERDICT_ERROR_HTTP,
                              .error = CMX_ERR_HTTP_STATUS,
                              .http_status = 403,
                              .reason = CMX_RETRY_STATUS,
                              .most_ms = DIAL_MS,
                              .attempts = 2});
    SIM_CHECK(run->server.requests == 1 && run->other.requests == 1 && chat->done.origin == 1);
    suite_end_story(run);
}

/* A chat that lived only while the origin was well did not notice anything else. */
static void expect_flapped(sim_run *run, const sim_chat *chat, uint32_t *done)
{
    uint64_t from_ms = chat->started_ms - run->world.start_ms;
    uint64_t to_ms = chat->done_ms - run->world.start_ms;
    bool is_down_first = from_ms / FLAP_MS % 2 == 0;
    suite_end end = {
        .verdict = CMX_VERDICT_DONE,
        .attempts = chat->done.attempts,
        .reason = CMX_RETRY_STATUS,
        .most_ms = BACK_OFF_1_MS + BACK_OFF_2_MS,
    };

    if (chat->done.verdict != CMX_VERDICT_DONE) {
        end.verdict = CMX_VERDICT_ERROR_HTTP;
        end.error = CMX_ERR_HTTP_STATUS;
        end.http_status = 503;
        SIM_CHECK(is_down_first || to_ms / FLAP_MS % 2 == 0);
    }
    suite_expect(run, chat, &end);
    SIM_CHECK(chat->done.attempts >= 1 && chat->done.attempts <= 3);
    if (!is_down_first && from_ms / FLAP_MS == to_ms / FLAP_MS) {
        SIM_CHECK(chat->done.verdict == CMX_VERDICT_DONE && chat->done.attempts == 1);
    }
    *done += chat->done.verdict == CMX_VERDICT_DONE ? 1 : 0;
}

void suite_play_flapping(sim_run *run)
{
    uint32_t done = 0;

    suite_begin(run, 15, "origin flaps for 60 s");
    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .status = 503, .flap_ms = FLAP_MS});
    sim_open(run);
    for (uint32_t i = 0; i < FLAP_CHATS; i++) {
        (void)sim_start(run, "bad");
        suite_pass(run, FLAP_GAP_MS);
    }
    suite_finish(run);
    for (uint32_t i = 0; i < FLAP_CHATS && !run->world.is_failed; i++) {
        expect_flapped(run, &run->app.chats[i], &done);
    }
    SIM_CHECK(done >= FLAP_CHATS / 2 - 3 && done < FLAP_CHATS);
    suite_end_story(run);
}

/* Costs are later work: here what they will be estimated from is right. */
void suite_play_accounting(sim_run *run)
{
    const sim_chat *chat;
    cmx_stats stats;

    suite_begin(run, 16, "fails after tokens: accounting");
    chat = suite_play_one(run,
                          &(sim_script){.model = "bad",
                                        .tokens = 20,
                                        .gap_ms = 10,
                                        .fault = SIM_FAULT_RESET_STREAM,
                                        .after = 10,
                                        .code = NGHTTP2_CANCEL},
                          &(suite_end){.verdict = CMX_VERDICT_TRUNCATED,
                                       .error = CMX_ERR_STREAM_RESET,
                                       .http_status = 200,
                                       .h2_error = NGHTTP2_CANCEL,
                                       .attempts = 1,
                                       .tokens_least = 10,
                                       .tokens_most = 10,
                                       .least_ms = 100,
                                       .most_ms = 110});
    SIM_CHECK(!chat->done.has_usage);
    SIM_CHECK(chat->done.bytes == 10 * SUITE_TOKEN_BYTES);
    if (run->app.client != NULL) {
        cmx_client_stats(run->app.client, &stats);
        SIM_CHECK(stats.requests == 1 && stats.done == 1 && stats.retries == 0);
    }
    suite_end_story(run);
}
