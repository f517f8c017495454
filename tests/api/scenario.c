/* SPDX-License-Identifier: MIT */
/*
 * Plays chats as told by its arguments and prints what comes of them, one JSON object a line, for
 * real/real_scenarios.py to judge. It judges two things itself: each chat gets exactly one DONE
 * event and nothing after it, and none outlives its total limit.
 * usage: scenario URL CA_FILE [NAME=VALUE]... MODEL[>MODEL][/MS][@URL]...
 *   NAME=VALUE  a field of the configuration, or limit=N: attempts_max of each chat, or
 *               pause=MS: the first chat is paused at its first token for so long
 *   /MS         the chat starts so long after the program; /then: when the one before is done
 *   @URL        it goes to this origin instead of the first
 *   >MODEL      the chat is routed: to MODEL at the first origin, else to this one at @URL
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */

#include "common.h"

#include <inttypes.h>
#include <stddef.h>
#include <time.h>

enum { CHATS_MAX = 128, MODEL_MAX = 64, TOTAL_MS = 20000, TICK_MS = 500 };

typedef struct played {
    char model[MODEL_MAX];
    const char *spare; /* in `model`: the second target's; NULL = it is not routed */
    const char *url;   /* NULL = the first origin */
    uint64_t start_ms;
    bool is_next; /* starts when the one before is done */
    uint64_t started_ms;
    cmx_origin_id origin;
    cmx_id id;
    bool is_started;
    bool is_done;
} played;

typedef struct play {
    cmx_client *client;
    cmx_config config;
    uint32_t attempts_max;
    uint32_t pause_ms;
    uint64_t resume_ms; /* 0 = nothing is paused */
    bool was_paused;
    uint64_t begin_ms;
    played chats[CHATS_MAX];
    uint32_t count;
} play;

typedef struct field {
    const char *name;
    size_t offset;
} field;

#define FIELD(name)                       \
    {                                     \
#name, offsetof(cmx_config, name) \
    }

static const field fields[] = {
    FIELD(connections_max),     FIELD(queue_timeout_ms), FIELD(head_timeout_ms),
    FIELD(progress_timeout_ms), FIELD(ping_after_ms),    FIELD(ping_timeout_ms),
    FIELD(retry_base_ms),       FIELD(retry_max_ms),     FIELD(total_timeout_ms),
};

static uint64_t clock_ms(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t parse_number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    REQUIRE(end != text && value <= UINT32_MAX);
    return (uint32_t)value;
}

static void set_field(play *all, const char *name, size_t len, uint32_t value)
{
    if (len == 5 && memcmp(name, "limit", len) == 0) {
        all->attempts_max = value;
        return;
    }
    if (len == 5 && memcmp(name, "pause", len) == 0) {
        all->pause_ms = value;
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0) {
            memcpy((unsigned char *)&all->config + fields[i].offset, &value, sizeof value);
            return;
        }
    }
    REQUIRE(false && "a name that is known");
}

static void add_chat(play *all, char *text)
{
    char *url = strchr(text, '@');
    size_t len = strcspn(text, "/@");
    REQUIRE(all->count < CHATS_MAX && len > 0 && len < MODEL_MAX);
    played *chat = &all->chats[all->count++];
    memcpy(chat->model, text, len);
    chat->url = url == NULL ? NULL : url + 1;
    char *sign = strchr(chat->model, '>');
    if (sign != NULL) {
        *sign = '\0';
        chat->spare = sign + 1;
    }
    if (text[len] == '/' && strncmp(text + len + 1, "then", 4) == 0) {
        REQUIRE(all->count > 1);
        chat->is_next = true;
    } else if (text[len] == '/') {
        chat->start_ms = parse_number(text + len + 1);
    }
}

static void parse(play *all, int argc, char **argv)
{
    cmx_config_preset(&all->config, CMX_PRESET_DEFAULT);
    all->config.total_timeout_ms = TOTAL_MS;
    for (int i = 3; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (equals != NULL) {
            set_field(all, argv[i], (size_t)(equals - argv[i]), parse_number(equals + 1));
        } else {
            add_chat(all, argv[i]);
        }
    }
    REQUIRE(all->count > 0);
}

static void start_due(play *all)
{
    uint64_t now_ms = clock_ms();
    for (uint32_t i = 0; i < all->count; i++) {
        played *chat = &all->chats[i];
        if (chat->is_started || now_ms < all->begin_ms + chat->start_ms ||
            (chat->is_next && !all->chats[i - 1].is_done)) {
            continue;
        }
        cmx_chat request = common_chat(chat->origin, chat->model);
        request.model = chat->spare == NULL ? chat->model : NULL;
        request.user = chat;
        request.limits.attempts_max = all->attempts_max;
        REQUIRE(cmx_chat_start(all->client, &request, &chat->id, NULL) == CMX_OK);
        chat->is_started = true;
        chat->started_ms = now_ms;
    }
}

static const char *reason_name(enum cmx_retry_reason reason)
{
    static const char *const names[] = {
        [CMX_RETRY_STATUS] = "STATUS",         [CMX_RETRY_RATE_LIMIT] = "RATE_LIMIT",
        [CMX_RETRY_NETWORK] = "NETWORK",       [CMX_RETRY_REFUSED] = "REFUSED",
        [CMX_RETRY_NEVER_SENT] = "NEVER_SENT", [CMX_RETRY_INBAND] = "INBAND",
    };
    bool is_known = (size_t)reason < sizeof names / sizeof names[0];
    REQUIRE(is_known && names[reason] != NULL);
    return names[reason];
}

static void print_retry(const play *all, const played *chat, const cmx_retry *retry)
{
    printf("{\"event\":\"retry\",\"chat\":%d,\"at_ms\":%" PRIu64 ",\"reason\":\"%s\","
           "\"error\":\"%s\",\"http_status\":%" PRIu32 ",\"attempts\":%" PRIu32
           ",\"replays\":%" PRIu32 ",\"wait_ms\":%" PRIu64 "}\n",
           (int)(chat - all->chats), clock_ms() - chat->started_ms, reason_name(retry->reason),
           cmx_error_name(retry->error), retry->http_status, retry->attempts, retry->replays,
           (uint64_t)retry->wait_ms);
}

static void print_done(const play *all, const played *chat, const cmx_done *done)
{
    printf("{\"event\":\"done\",\"chat\":%d,\"at_ms\":%" PRIu64 ",\"verdict\":\"%s\","
           "\"error\":\"%s\",\"http_status\":%" PRIu32 ",\"h2_error\":%" PRIu32
           ",\"attempts\":%" PRIu32 ",\"replays\":%" PRIu32 ",\"deltas\":%" PRIu64
           ",\"malformed\":%" PRIu32 ",\"usage\":%d}\n",
           (int)(chat - all->chats), clock_ms() - chat->started_ms, cmx_verdict_name(done->verdict),
           done->error == CMX_OK ? "-" : cmx_error_name(done->error) + sizeof "CMX_ERR_" - 1,
           done->http_status, done->h2_error, done->attempts, done->replays, done->deltas,
           done->malformed, done->has_usage ? 1 : 0);
}

static void take_event(play *all, const cmx_event *event)
{
    played *chat = event->user;
    REQUIRE(chat->is_started && !chat->is_done && event->id == chat->id);
    switch (event->kind) {
    case CMX_EVENT_DELTA:
        if (all->pause_ms > 0 && !all->was_paused && chat == all->chats) {
            all->was_paused = true;
            all->resume_ms = clock_ms() + all->pause_ms;
            REQUIRE(cmx_client_pause(all->client, chat->id) == CMX_OK);
        }
        break;
    case CMX_EVENT_RETRY:
        print_retry(all, chat, &event->retry);
        break;
    case CMX_EVENT_DONE:
        chat->is_done = true;
        print_done(all, chat, &event->done);
        break;
    case CMX_EVENT_OPEN:
    case CMX_EVENT_USAGE:
    case CMX_EVENT_DATA:
    case CMX_EVENT_ALERT:
        break;
    }
}

/* Resumes what was paused long enough. */
static void resume_due(play *all)
{
    if (all->resume_ms != 0 && clock_ms() >= all->resume_ms) {
        all->resume_ms = 0;
        printf("{\"event\":\"resume\",\"chat\":0,\"at_ms\":%" PRIu64 "}\n",
               clock_ms() - all->chats[0].started_ms);
        REQUIRE(cmx_client_resume(all->client, all->chats[0].id) == CMX_OK);
    }
}

/* Returns whether any chat is left, now or later. */
static bool expect_in_time(const play *all)
{
    bool is_left = false;
    uint64_t now_ms = clock_ms();
    for (uint32_t i = 0; i < all->count; i++) {
        const played *chat = &all->chats[i];
        REQUIRE(!chat->is_started || chat->is_done ||
                now_ms <= chat->started_ms + all->config.total_timeout_ms + TICK_MS);
        is_left = is_left || !chat->is_done;
    }
    return is_left;
}

static void run(play *all)
{
    cmx_event event;
    all->begin_ms = clock_ms();
    while (expect_in_time(all)) {
        start_due(all);
        resume_due(all);
        int rc = cmx_client_wait(all->client, &event, 10);
        REQUIRE(rc == CMX_OK || rc == CMX_AGAIN || rc == CMX_IDLE);
        if (rc == CMX_OK) {
            take_event(all, &event);
        } else if (rc == CMX_IDLE) {
            /* Nothing is in flight, and the next chat is not due yet. */
            REQUIRE(nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL) == 0);
        }
    }
    REQUIRE(cmx_client_wait(all->client, &event, 0) == CMX_IDLE);
}

static void add_targets(const play *all, const played *chat)
{
    cmx_target target;
    cmx_target_default(&target);
    target.model = chat->model;
    REQUIRE(cmx_client_add_target(all->client, &target, NULL, NULL) == CMX_OK);
    target.model = chat->spare;
    target.origin = chat->origin;
    target.rank = 1;
    REQUIRE(cmx_client_add_target(all->client, &target, NULL, NULL) == CMX_OK);
}

int main(int argc, char **argv)
{
    static play all;
    fence memory;
    REQUIRE(argc > 3);
    parse(&all, argc, argv);
    all.client = common_client(&all.config, &memory);
    (void)common_origin(all.client, argv[1], argv[2]);
    for (uint32_t i = 0; i < all.count; i++) {
        if (all.chats[i].url != NULL) {
            all.chats[i].origin = common_origin(all.client, all.chats[i].url, argv[2]);
        }
        if (all.chats[i].spare != NULL) {
            add_targets(&all, &all.chats[i]);
        }
    }
    run(&all);
    common_end(all.client, &memory);
    return 0;
}
