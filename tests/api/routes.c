/* SPDX-License-Identifier: MIT */
/*
 * Chats that name no model, over two targets at two relays with a key each. Prints a line per
 * interval: requests sent to each, and their health. `shares` plays so many requests; `back` goes
 * on until the first target has cooled down, was probed and is good again for so many requests.
 * Neither may lose one.
 * usage: routes shares|back COUNT IN_FLIGHT URL_1 CA_FILE_1 URL_2 CA_FILE_2
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "common.h"

#include <inttypes.h>
#include <time.h>

enum { TARGETS = 2, INTERVAL_MS = 250, COOLDOWN_MS = 300, IN_FLIGHT_MAX = 200 };

static const char *const keys[TARGETS] = {"sk-of-the-first-relay", "sk-of-the-second-relay"};
static const char *const models[TARGETS] = {"gpt-4.1", "claude-sonnet-4.5"};
static const uint32_t weights_milli[TARGETS] = {1000, 500};
static const char *const healths[] = {"good", "cooling", "probing", "removed"};

typedef struct run {
    cmx_client *client;
    uint64_t count;
    uint64_t in_flight_max;
    uint64_t started;
    uint64_t in_flight;
    uint64_t done;
    uint64_t lost;
    uint64_t retries;
    uint64_t attempts;
    uint64_t good_since; /* requests sent to the first target since it came back */
    uint64_t cooled_at;  /* requests that had been sent there when it cooled down last */
    uint64_t cooled;
    bool is_back;
    uint64_t due_ms;
    uint64_t begun_ms;
    uint64_t shown[TARGETS];
} run;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static cmx_target_state look(const run *r, uint32_t id)
{
    cmx_target_state state;
    REQUIRE(cmx_client_target_state(r->client, id, &state) == CMX_OK);
    return state;
}

static void add_target(run *r, uint32_t i, const char *url, const char *ca_file)
{
    cmx_origin origin;
    cmx_target target;
    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = keys[i];
    origin.ca_file = ca_file;
    origin.address = "127.0.0.1";
    cmx_target_default(&target);
    REQUIRE(cmx_client_add_origin(r->client, &origin, &target.origin, NULL) == CMX_OK);
    target.model = models[i];
    target.weight_milli = weights_milli[i];
    uint32_t id = 99;
    REQUIRE(cmx_client_add_target(r->client, &target, &id, NULL) == CMX_OK);
    REQUIRE(id == i);
}

static void start(run *r)
{
    cmx_id id;
    cmx_chat chat = common_chat(0, NULL);
    chat.tier = CMX_TIER_MEDIUM;
    REQUIRE(cmx_chat_start(r->client, &chat, &id, NULL) == CMX_OK);
    r->started++;
    r->in_flight++;
}

static void take_done(run *r, const cmx_done *done)
{
    r->in_flight--;
    r->done++;
    r->attempts += done->attempts;
    REQUIRE(done->origin < TARGETS);
    const char *model = models[done->origin];
    REQUIRE(done->asked_model.len == strlen(model));
    REQUIRE(memcmp(done->asked_model.data, model, done->asked_model.len) == 0);
    if (!cmx_verdict_complete(done->verdict)) {
        r->lost++;
        fprintf(stderr, "lost: %s %s %u\n", cmx_verdict_name(done->verdict),
                cmx_error_name(done->error), (unsigned)done->http_status);
    }
}

/* While it cools down nothing is sent there, and then one request, until it is good. */
static void watch(run *r)
{
    cmx_target_state state = look(r, 0);
    if (state.cooled != r->cooled) {
        r->cooled = state.cooled;
        r->cooled_at = state.started;
        r->is_back = false;
    }
    switch (state.health) {
    case CMX_TARGET_GOOD:
        if (r->cooled > 0 && !r->is_back) {
            r->is_back = true;
            r->good_since = state.started;
        }
        break;
    case CMX_TARGET_COOLING:
        REQUIRE(state.started == r->cooled_at);
        break;
    case CMX_TARGET_PROBING:
        REQUIRE(state.started <= r->cooled_at + 1);
        break;
    case CMX_TARGET_REMOVED:
        REQUIRE(false);
        break;
    }
}

static void show(run *r, bool is_last)
{
    uint64_t now = now_ms();
    if (now < r->due_ms && !is_last) {
        return;
    }
    r->due_ms = now + INTERVAL_MS;
    printf("%6" PRIu64 " ms", now - r->begun_ms);
    for (uint32_t i = 0; i < TARGETS; i++) {
        cmx_target_state state = look(r, i);
        printf("  %-18s %6" PRIu64 " %-8s", models[i], state.started - r->shown[i],
               healths[state.health]);
        r->shown[i] = state.started;
    }
    puts("");
}

static bool is_enough(const run *r, bool is_back_asked)
{
    if (!is_back_asked) {
        return r->started == r->count;
    }
    return r->is_back && look(r, 0).started >= r->good_since + r->count;
}

static void play(run *r, bool is_back_asked)
{
    cmx_event event;
    for (;;) {
        while (r->in_flight < r->in_flight_max && !is_enough(r, is_back_asked)) {
            start(r);
        }
        int rc = cmx_client_wait(r->client, &event, INTERVAL_MS);
        show(r, false);
        watch(r);
        if (rc == CMX_IDLE) {
            return;
        }
        if (rc == CMX_OK && event.kind == CMX_EVENT_DONE) {
            take_done(r, &event.done);
        } else if (rc == CMX_OK && event.kind == CMX_EVENT_RETRY) {
            r->retries++;
        } else {
            REQUIRE(rc == CMX_OK || rc == CMX_AGAIN);
        }
    }
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 8);
    bool is_back_asked = strcmp(argv[1], "back") == 0;
    run r = {.count = strtoul(argv[2], NULL, 10), .in_flight_max = strtoul(argv[3], NULL, 10)};
    REQUIRE(r.in_flight_max > 0 && r.in_flight_max <= IN_FLIGHT_MAX);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.targets_max = TARGETS;
    config.cooldown_ms = COOLDOWN_MS;
    fence memory;
    r.client = common_client(&config, &memory);
    for (uint32_t i = 0; i < TARGETS; i++) {
        add_target(&r, i, argv[4 + 2 * i], argv[5 + 2 * i]);
    }
    r.begun_ms = now_ms();
    r.due_ms = r.begun_ms + INTERVAL_MS;
    play(&r, is_back_asked);
    show(&r, true);
    REQUIRE(r.done == r.started);
    cmx_target_state first = look(&r, 0);
    cmx_target_state second = look(&r, 1);
    printf("requests=%" PRIu64 " lost=%" PRIu64 " attempts=%" PRIu64 " retries=%" PRIu64
           " first=%" PRIu64 " second=%" PRIu64 " failed=%" PRIu64 " cooled=%" PRIu64 "\n",
           r.done, r.lost, r.attempts, r.retries, first.started, second.started,
           first.failed + second.failed, first.cooled + second.cooled);
    REQUIRE(r.lost == 0);
    common_end(r.client, &memory);
    return 0;
}
