/* SPDX-License-Identifier: MIT */
/*
 * Rows 17 to 28 of the suite: what only HTTP/2 has. Where one stream draws a fault upon the
 * connection, others are under way on it, and what came of them is judged as well.
 */
#include "suite.h"

enum {
    ARRIVE_MS = 200, /* in any weather a request has arrived by then */
    BACK_OFF_CALM_MS = 2000,
    PING_AFTER_MS = 5000,
    PING_TIMEOUT_MS = 2000,
    QUEUE_MS = 2000,
    RESTORE_MS = 3000,
    PAUSE_MS = 30000,
    OTHERS = 4,
};

static const suite_end untouched = {
    .verdict = CMX_VERDICT_DONE, .attempts = 1, .most_ms = SUITE_TOTAL_MS};
static const suite_end replayed = {
    .verdict = CMX_VERDICT_DONE, .attempts = 1, .replays = 1, .reason = CMX_RETRY_REFUSED};

void suite_play_refused(sim_run *run)
{
    suite_begin(run, 17, "REFUSED_STREAM once");
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .times = 1, .fault = SIM_FAULT_REFUSE},
        &(suite_end){
            .verdict = CMX_VERDICT_DONE, .attempts = 1, .replays = 1, .reason = CMX_RETRY_REFUSED});
    suite_end_story(run);
}

/* Starts a chat whose answer takes 3 s, and waits until it is under way. */
static sim_chat *start_long(sim_run *run)
{
    sim_chat *chat;

    sim_server_script(&run->server, &(sim_script){.model = "long", .tokens = 60, .gap_ms = 50});
    sim_open(run);
    chat = sim_start(run, "long");
    sim_live(run, ARRIVE_MS);
    return chat;
}

void suite_play_goaway_graceful(sim_run *run)
{
    sim_chat *chats[3];

    suite_begin(run, 18, "GOAWAY(NO_ERROR), last id above ours");
    sim_server_script(&run->server, &(sim_script){.model = "bad",
                                                  .tokens = 60,
                                                  .gap_ms = 50,
                                                  .fault = SIM_FAULT_GOAWAY_GRACEFUL});
    chats[0] = start_long(run);
    chats[1] = sim_start(run, "bad");
    sim_live(run, ARRIVE_MS);
    chats[2] = sim_start(run, "m");
    suite_finish(run);
    for (int i = 0; i < 3; i++) {
        suite_expect(run, chats[i], &untouched);
    }
    SIM_CHECK(run->server.connections == 2);
    suite_end_story(run);
}

void suite_play_goaway_lower(sim_run *run)
{
    sim_chat *chats[2];

    suite_begin(run, 19, "GOAWAY with lower last id");
    sim_server_script(&run->server,
                      &(sim_script){.model = "bad", .times = 1, .fault = SIM_FAULT_GOAWAY_LOWER});
    chats[0] = start_long(run);
    chats[1] = sim_start(run, "bad");
    suite_finish(run);
    suite_expect(run, chats[0], &untouched);
    suite_expect(run, chats[1], &replayed);
    SIM_CHECK(run->server.connections == 2);
    suite_end_story(run);
}

void suite_play_goaway_repeated(sim_run *run)
{
    suite_end waited = replayed;
    sim_chat *chats[3];

    waited.most_ms = ARRIVE_MS;
    suite_begin(run, 19, "GOAWAY with lower last id, repeated");
    sim_server_script(
        &run->server,
        &(sim_script){.model = "bad", .times = 1, .fault = SIM_FAULT_GOAWAY_LOWER, .repeats = 2});
    sim_server_script(&run->server,
                      &(sim_script){.model = "mute", .times = 1, .fault = SIM_FAULT_HANG});
    chats[0] = start_long(run);
    chats[1] = sim_start(run, "mute");
    sim_live(run, ARRIVE_MS);
    chats[2] = sim_start(run, "bad");
    suite_finish(run);
    suite_expect(run, chats[0], &untouched);
    suite_expect(run, chats[1], &waited);
    suite_expect(run, chats[2], &replayed);
    SIM_CHECK(run->server.connections == 2);
    suite_end_story(run);
}

void suite_play_goaway_calm(sim_run *run)
{
    suite_end waited = replayed;
    sim_chat *chats[2];

    waited.most_ms = BACK_OFF_CALM_MS;
    suite_begin(run, 20, "GOAWAY(ENHANCE_YOUR_CALM), lower last id");
    sim_server_script(&run->server, &(sim_script){.model = "bad",
                                                  .times = 1,
                                                  .fault = SIM_FAULT_GOAWAY_LOWER,
                                                  .code = NGHTTP2_ENHANCE_YOUR_CALM});
    chats[0] = start_long(run);
    chats[1] = sim_start(run, "bad");
    suite_finish(run);
    suite_expect(run, chats[0], &untouched);
    suite_expect(run, chats[1], &waited);
    /* Full jitter may draw nothing, but not in one of a thousand runs. */
    SIM_CHECK(chats[1]->retry.wait_ms > 0);
    suite_end_story(run);
}

/* One chat lowers the limit of its connection, the only one; others come after that. */
static void play_streams_max(sim_run *run, const sim_script *script, const suite_end *end)
{
    sim_chat *first;
    sim_chat *others[OTHERS];

    run->app.config.connections_max = 1;
    sim_server_script(&run->server, script);
    sim_open(run);
    first = sim_start(run, "bad");
    sim_live(run, ARRIVE_MS);
    for (int i = 0; i < OTHERS; i++) {
        others[i] = sim_start(run, "m");
    }
    suite_finish(run);
    suite_expect(run, first, &untouched);
    for (int i = 0; i < OTHERS; i++) {
        suite_expect(run, others[i], end);
    }
    SIM_CHECK(run->server.connections == 1);
}

void suite_play_streams_max_one(sim_run *run)
{
    suite_begin(run, 21, "MAX_CONCURRENT_STREAMS to 1");
    play_streams_max(run,
                     &(sim_script){.model = "bad",
                                   .times = 1,
                                   .tokens = 10,
                                   .gap_ms = 50,
                                   .fault = SIM_FAULT_STREAMS_MAX,
                                   .streams_max = 1},
                     &(suite_end){.verdict = CMX_VERDICT_DONE,
                                  .attempts = 1,
                                  .least_ms = 500 - ARRIVE_MS,
                                  .most_ms = 1000});
    SIM_CHECK(run->server.streams_peak == 1);
    suite_end_story(run);
}

void suite_play_streams_max_back(sim_run *run)
{
    suite_begin(run, 21, "MAX_CONCURRENT_STREAMS to 0 and back");
    play_streams_max(run,
                     &(sim_script){.model = "bad",
                                   .times = 1,
                                   .tokens = 10,
                                   .gap_ms = 50,
                                   .fault = SIM_FAULT_STREAMS_MAX,
                                   .restore_ms = RESTORE_MS},
                     &(suite_end){.verdict = CMX_VERDICT_DONE,
                                  .attempts = 1,
                                  .least_ms = RESTORE_MS - ARRIVE_MS,
                                  .most_ms = RESTORE_MS});
    suite_end_story(run);
}

void suite_play_streams_max_zero(sim_run *run)
{
    suite_begin(run, 21, "MAX_CONCURRENT_STREAMS stays 0");
    run->app.config.queue_timeout_ms = QUEUE_MS;
    play_streams_max(run, &(sim_script){.model = "bad", .times = 1, .fault = SIM_FAULT_STREAMS_MAX},
                     &(suite_end){.verdict = CMX_VERDICT_TIMEOUT,
                                  .error = CMX_ERR_TIMEOUT_QUEUE,
                                  .least_ms = QUEUE_MS,
                                  .most_ms = QUEUE_MS});
    sim_app_close(&run->app); /* nothing can be sent any more, not even to show that all is well */
    suite_end_story(run);
}

/* The application stops the delivery of one answer, which is larger than its window. */
void suite_play_window(sim_run *run)
{
    sim_chat *flood;
    sim_chat *others[OTHERS];

    suite_begin(run, 22, "window exhausted by one stream");
    run->app.config.connections_max = 1;
    sim_server_script(&run->server, &(sim_script){.model = "bad", .tokens = 2000, .gap_ms = 1});
    sim_open(run);
    flood = sim_start(run, "bad");
    sim_live(run, ARRIVE_MS);
    if (run->app.client == NULL) {
        return;
    }
    SIM_CHECK(cmx_client_pause(run->app.client, flood->id) == CMX_OK);
    for (int i = 0; i < OTHERS; i++) {
        sim_live(run, PAUSE_MS / OTHERS);
        others[i] = sim_start(run, "m");
        sim_live(run, PAUSE_MS / OTHERS);
        suite_expect(run, others[i], &(suite_end){.verdict = CMX_VERDICT_DONE, .attempts = 1});
    }
    SIM_CHECK(!flood->is_done && flood->last_token_ms <= flood->started_ms + 2 * ARRIVE_MS);
    SIM_CHECK(cmx_client_resume(run->app.client, flood->id) == CMX_OK);
    suite_finish(run);
    suite_expect(run, flood,
                 &(suite_end){.verdict = CMX_VERDICT_DONE,
                              .attempts = 1,
                              .least_ms = 2 * PAUSE_MS,
                              .most_ms = SUITE_TOTAL_MS});
    SIM_CHECK(run->server.connections == 1);
    suite_end_story(run);
}

/* Silence on an open connection; a PING after PING_AFTER_MS is not answered. */
static void play_mute(sim_run *run, enum sim_fault fault, const suite_end *end)
{
    run->app.config.ping_after_ms = PING_AFTER_MS;
    run->app.config.ping_timeout_ms = PING_TIMEOUT_MS;
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .times = 1, .gap_ms = 10, .fault = fault, .after = 5},
        end);
    sim_expect_alive(run);
    SIM_CHECK(run->server.connections == 2);
    suite_end_story(run);
}

void suite_play_ping_before(sim_run *run)
{
    suite_begin(run, 23, "PING unanswered, no token yet");
    play_mute(run, SIM_FAULT_MUTE_HEAD,
              &(suite_end){.verdict = CMX_VERDICT_DONE,
                           .attempts = 2,
                           .reason = CMX_RETRY_NETWORK,
                           .least_ms = PING_AFTER_MS + PING_TIMEOUT_MS,
                           .most_ms = PING_AFTER_MS + PING_TIMEOUT_MS + suite_lost_wait_ms(run)});
}

void suite_play_ping_within(sim_run *run)
{
    suite_begin(run, 23, "PING unanswered, after tokens");
    play_mute(run, SIM_FAULT_CONN_MUTE,
              &(suite_end){.verdict = CMX_VERDICT_TRUNCATED,
                           .error = CMX_ERR_TIMEOUT_PING,
                           .http_status = 200,
                           .attempts = 1,
                           .tokens_least = 5,
                           .tokens_most = 5,
                           .least_ms = PING_AFTER_MS + PING_TIMEOUT_MS + 50,
                           .most_ms = PING_AFTER_MS + PING_TIMEOUT_MS + 50});
}

/* The stream ends after token 5 of 8. */
static void play_end(sim_run *run, enum sim_fault fault, uint32_t code, int error)
{
    (void)suite_play_one(
        run, &(sim_script){.model = "bad", .gap_ms = 10, .fault = fault, .after = 5, .code = code},
        &(suite_end){.verdict = CMX_VERDICT_TRUNCATED,
                     .error = error,
                     .http_status = 200,
                     .h2_error = code,
                     .attempts = 1,
                     .tokens_least = 5,
                     .tokens_most = 5,
                     .least_ms = 50,
                     .most_ms = 60});
    suite_end_story(run);
}

void suite_play_reset_internal(sim_run *run)
{
    suite_begin(run, 24, "RST_STREAM(INTERNAL_ERROR) between tokens");
    play_end(run, SIM_FAULT_RESET_STREAM, NGHTTP2_INTERNAL_ERROR, CMX_ERR_STREAM_RESET);
}

void suite_play_reset_mid(sim_run *run)
{
    suite_begin(run, 24, "RST_STREAM(INTERNAL_ERROR) within a token");
    play_end(run, SIM_FAULT_RESET_MID, NGHTTP2_INTERNAL_ERROR, CMX_ERR_STREAM_RESET);
}

void suite_play_reset_none(sim_run *run)
{
    suite_begin(run, 25, "RST_STREAM(NO_ERROR) before END_STREAM");
    play_end(run, SIM_FAULT_RESET_STREAM, NGHTTP2_NO_ERROR, CMX_ERR_STREAM_RESET);
}

void suite_play_end_stream(sim_run *run)
{
    suite_begin(run, 26, "END_STREAM without finish_reason");
    play_end(run, SIM_FAULT_TRUNCATE, NGHTTP2_NO_ERROR, CMX_ERR_TRUNCATED);
}

void suite_play_head_only(sim_run *run)
{
    suite_begin(run, 27, "head-only 200");
    (void)suite_play_one(run, &(sim_script){.model = "bad", .is_head_only = true},
                         &(suite_end){.verdict = CMX_VERDICT_EMPTY,
                                      .error = CMX_ERR_EMPTY,
                                      .http_status = 200,
                                      .attempts = 1});
    suite_end_story(run);
}

void suite_play_trailers(sim_run *run)
{
    suite_begin(run, 28, "trailers after the body");
    (void)suite_play_one(run, &(sim_script){.model = "bad", .has_trailer = true},
                         &(suite_end){.verdict = CMX_VERDICT_DONE, .attempts = 1});
    suite_end_story(run);
}
