/* SPDX-License-Identifier: MIT */
/*
 * Judging a story and the table at the end; see suite.h. The table is collected over all runs of a
 * story, so it shows what really came, also where that was wrong.
 */
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STORIES_MAX = 48, TEXT_BYTES = 64, WEATHER_MS = 500, CALM_MS = 2 };

typedef struct story {
    uint32_t number;
    const char *title;
    uint32_t runs;
    uint32_t failed;
    char verdicts[TEXT_BYTES]; /* all that came, with '/' between them */
    char errors[TEXT_BYTES];
    uint32_t attempts_least;
    uint32_t attempts_most;
    uint32_t replays_least;
    uint32_t replays_most;
    uint64_t took_least_ms;
    uint64_t took_most_ms;
} story;

static story stories[STORIES_MAX];
static uint32_t story_count;
static story *now;

void suite_begin(sim_run *run, uint32_t number, const char *title)
{
    now = NULL;
    for (uint32_t i = 0; i < story_count; i++) {
        if (strcmp(stories[i].title, title) == 0) {
            now = &stories[i];
        }
    }
    if (now == NULL) {
        now = &stories[story_count++];
        *now = (story){.number = number,
                       .title = title,
                       .attempts_least = UINT32_MAX,
                       .replays_least = UINT32_MAX,
                       .took_least_ms = UINT64_MAX};
    }
    run->app.config.total_timeout_ms = SUITE_TOTAL_MS;
}

/* Adds a word to a list of different ones, as long as there is room. */
static void add_word(char *list, const char *word)
{
    size_t len = strlen(list);

    if (strstr(list, word) == NULL && len + strlen(word) + 2 <= TEXT_BYTES) {
        snprintf(list + len, TEXT_BYTES - len, "%s%s", len == 0 ? "" : "/", word);
    }
}

static void widen(uint32_t value, uint32_t *least, uint32_t *most)
{
    *least = value < *least ? value : *least;
    *most = value > *most ? value : *most;
}

static void note(const sim_chat *chat)
{
    const char *error = cmx_error_name(chat->done.error);
    uint64_t took_ms = chat->done_ms - chat->started_ms;

    if (!chat->is_done) {
        add_word(now->verdicts, "none");
        return;
    }
    add_word(now->verdicts, cmx_verdict_name(chat->done.verdict));
    add_word(now->errors, chat->done.error == CMX_OK ? "-" : error + (sizeof "CMX_ERR_" - 1));
    widen(chat->done.attempts, &now->attempts_least, &now->attempts_most);
    widen(chat->done.replays, &now->replays_least, &now->replays_most);
    now->took_least_ms = took_ms < now->took_least_ms ? took_ms : now->took_least_ms;
    now->took_most_ms = took_ms > now->took_most_ms ? took_ms : now->took_most_ms;
}

/* Every fourth seed has a network that takes no time at all: then bounds are exact. */
static uint64_t slack_ms(const sim_run *run)
{
    return run->world.seed % 4 == 0 ? CALM_MS : WEATHER_MS;
}

static void expect_count(sim_run *run, const char *what, uint64_t got, uint64_t least,
                         uint64_t most)
{
    if (got < least || got > most) {
        sim_fail(&run->world, "%s: %" PRIu64 ", expected %" PRIu64 " to %" PRIu64, what, got, least,
                 most);
    }
}

static void expect_same(sim_run *run, const char *what, uint64_t got, uint64_t expected)
{
    expect_count(run, what, got, expected, expected);
}

/* What came of an attempt that the client repeated is told by events; the server saw each. */
static void expect_sendings(sim_run *run, const sim_chat *chat, const suite_end *end)
{
    uint32_t sent = end->attempts + end->replays;
    uint32_t seen = chat->server->chats[chat->k].requests;

    for (int i = 0; chat->is_routed && i < SIM_APP_SERVERS_MAX; i++) {
        const sim_server *server = run->app.servers[i];
        seen += server == NULL || server == chat->server ? 0 : server->chats[chat->k].requests;
    }
    expect_same(run, "attempts", chat->done.attempts, end->attempts);
    expect_same(run, "replays", chat->done.replays, end->replays);
    expect_same(run, "requests at the server", seen, sent);
    expect_same(run, "RETRY events", chat->retries, sent > 0 ? sent - 1 : 0);
    if (chat->retries > 0) {
        expect_same(run, "reason", chat->retry.reason, end->reason);
    }
}

void suite_expect(sim_run *run, const sim_chat *chat, const suite_end *end)
{
    const cmx_done *done = &chat->done;
    uint64_t took_ms = chat->done_ms - chat->started_ms;

    note(chat);
    sim_expect_end(run, chat, end->verdict,
                   done->error == end->error_too ? end->error_too : end->error);
    if (run->world.is_failed) {
        return;
    }
    expect_sendings(run, chat, end);
    expect_same(run, "malformed", done->malformed, end->malformed);
    expect_same(run, "h2_error", done->h2_error, end->h2_error);
    if (end->http_status != 0) {
        expect_same(run, "http_status", done->http_status, end->http_status);
    }
    if (!cmx_verdict_complete(end->verdict)) {
        expect_count(run, "tokens", chat->bytes / SUITE_TOKEN_BYTES, end->tokens_least,
                     end->tokens_most);
    }
    expect_count(run, "took_ms", took_ms, end->least_ms, end->most_ms + slack_ms(run));
}

sim_chat *suite_play_one(sim_run *run, const sim_script *script, const suite_end *end)
{
    sim_chat *chat;

    sim_server_script(&run->server, script);
    sim_open(run);
    chat = sim_start(run, "bad");
    suite_finish(run);
    suite_expect(run, chat, end);
    return chat;
}

uint32_t suite_lost_wait_ms(const sim_run *run)
{
    const cmx_config *config = &run->app.config;

    return config->dial_backoff_ms > config->retry_base_ms ? config->dial_backoff_ms
                                                           : config->retry_base_ms;
}

void suite_pass(sim_run *run, uint64_t ms)
{
    uint64_t end_ms = run->world.now_ms + ms;

    while (run->app.client != NULL && !run->world.is_failed && run->world.now_ms < end_ms) {
        uint64_t left_ms = end_ms - run->world.now_ms;
        sim_live(run, left_ms);
        if (run->app.last_status == CMX_IDLE) {
            /* Idle means that wait returns at once: a loop of its own turns on. */
            uint32_t due_ms = cmx_client_next_due_ms(run->app.client);
            left_ms = end_ms - run->world.now_ms;
            sim_port_sleep(&run->port, due_ms < left_ms ? due_ms : (uint32_t)left_ms);
            SIM_CHECK(cmx_client_tick(run->app.client) == CMX_OK);
        }
    }
}

void suite_finish(sim_run *run)
{
    sim_finish(run, SUITE_TOTAL_MS + 1);
}

void suite_end_story(sim_run *run)
{
    if (run->app.client != NULL) {
        sim_expect_alive(run);
    }
    sim_app_close(&run->app);
    now->runs++;
    now->failed += run->world.is_failed ? 1 : 0;
}

static const char *range_text(char out[TEXT_BYTES], uint64_t least, uint64_t most)
{
    if (least > most) {
        snprintf(out, TEXT_BYTES, "-");
    } else if (least == most) {
        snprintf(out, TEXT_BYTES, "%" PRIu64, least);
    } else {
        snprintf(out, TEXT_BYTES, "%" PRIu64 "-%" PRIu64, least, most);
    }
    return out;
}

static void print_story(const story *row)
{
    char attempts[TEXT_BYTES];
    char replays[TEXT_BYTES];
    char took[TEXT_BYTES];

    printf("%2" PRIu32 "  %-44s %-18s %-17s %8s %8s  %s", row->number, row->title, row->verdicts,
           row->errors, range_text(attempts, row->attempts_least, row->attempts_most),
           range_text(replays, row->replays_least, row->replays_most),
           range_text(took, row->took_least_ms, row->took_most_ms));
    if (row->failed > 0) {
        printf("  WRONG in %" PRIu32 " of %" PRIu32 " runs", row->failed, row->runs);
    }
    putchar('\n');
}

bool sim_suite_report(void)
{
    uint32_t well = 0;
    uint32_t runs = 0;

    if (story_count == 0) {
        return true;
    }
    printf("\n%2s  %-44s %-18s %-17s %8s %8s  %s\n", "#", "scenario", "verdict", "error",
           "attempts", "replays", "elapsed ms");
    for (uint32_t number = 1; number <= SUITE_ROWS; number++) {
        uint32_t told = 0;
        uint32_t failed = 0;
        for (uint32_t i = 0; i < story_count; i++) {
            if (stories[i].number == number) {
                print_story(&stories[i]);
                told++;
                failed += stories[i].failed;
                runs += stories[i].runs;
            }
        }
        well += told > 0 && failed == 0 ? 1 : 0;
    }
    printf("%" PRIu32 " of %d scenarios (%" PRIu32 " stories, %" PRIu32 " runs)\n", well,
           SUITE_ROWS, story_count, runs);
    return well == SUITE_ROWS;
}
