/* SPDX-License-Identifier: MIT */
/*
 * As many chats paused as the configuration allows, each in the middle of an answer far larger than
 * its window, for so many seconds; a hundred others come and go on the same two connections. Then
 * all are resumed, and their texts must be that of an answer that was never paused.
 * usage: pause URL CA_FILE SECONDS
 */
/* clock_gettime() is POSIX. */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include <time.h>

enum { PAUSED = 8, OTHERS = 100, LONG_TOKENS = 4000, SHORT_TOKENS = 20 };

typedef struct talk {
    cmx_id id;
    uint64_t bytes;
    uint64_t hash; /* of the text, FNV-1a */
    bool held;
    bool is_long;
} talk;

static talk reference;
static talk held[PAUSED];
static talk other;
static unsigned paused;
static unsigned others_done;
static unsigned long_done;

static uint64_t clock_ms(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void start(cmx_client *client, cmx_origin_id origin, talk *as, bool is_long)
{
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    *as = (talk){.hash = 0xcbf29ce484222325, .is_long = is_long};
    chat.max_tokens = is_long ? LONG_TOKENS : SHORT_TOKENS;
    chat.user = as;
    REQUIRE(cmx_chat_start(client, &chat, &as->id, NULL) == CMX_OK);
}

/* The first token of each long chat but the reference is the last one for now. */
static void take_delta(cmx_client *client, talk *of, cmx_text text)
{
    REQUIRE(!of->held);
    for (size_t i = 0; i < text.len; i++) {
        of->hash = (of->hash ^ (unsigned char)text.data[i]) * 0x100000001b3;
    }
    of->bytes += text.len;
    if (of->is_long && of != &reference && paused < PAUSED && long_done == 1) {
        REQUIRE(cmx_client_pause(client, of->id) == CMX_OK);
        of->held = true;
        paused++;
    }
}

static void take_event(cmx_client *client, const cmx_event *event)
{
    talk *of = event->user;
    if (event->kind == CMX_EVENT_DELTA) {
        take_delta(client, of, event->delta.text);
    } else if (event->kind == CMX_EVENT_DONE) {
        if (event->done.verdict != CMX_VERDICT_DONE) {
            fprintf(stderr, "a chat ended as %s\n", cmx_error_name(event->done.error));
            exit(1);
        }
        REQUIRE(!of->held);
        of->id = 0;
        *(of->is_long ? &long_done : &others_done) += 1;
    }
}

/* Lives for so long, or until nothing is in flight. */
static void live(cmx_client *client, uint32_t ms)
{
    uint64_t end_ms = clock_ms() + ms;
    for (;;) {
        uint64_t now_ms = clock_ms();
        uint32_t left_ms = now_ms < end_ms ? (uint32_t)(end_ms - now_ms) : 0;
        cmx_event event;
        int rc = cmx_client_wait(client, &event, left_ms);
        REQUIRE(rc >= 0);
        if (rc == CMX_OK) {
            take_event(client, &event);
        } else if (rc == CMX_IDLE || left_ms == 0) {
            return;
        }
    }
}

static void play(cmx_client *client, cmx_origin_id origin, uint32_t seconds)
{
    cmx_stats stats;
    start(client, origin, &reference, true);
    live(client, 60000);
    REQUIRE(long_done == 1 && reference.bytes > LONG_TOKENS);
    for (int i = 0; i < PAUSED; i++) {
        start(client, origin, &held[i], true);
    }
    for (int i = 0; i < 300 && paused < PAUSED; i++) {
        live(client, 100);
    }
    REQUIRE(paused == PAUSED);
    for (int i = 0; i < OTHERS; i++) {
        start(client, origin, &other, false);
        REQUIRE(cmx_client_pause(client, other.id) == CMX_ERR_BUSY);
        live(client, seconds * 1000 / OTHERS);
        for (int wait = 0; wait < 300 && other.id != 0; wait++) {
            live(client, 100); /* a machine that is busy with something else */
        }
        REQUIRE(other.id == 0);
    }
    cmx_client_stats(client, &stats);
    REQUIRE(stats.paused == PAUSED && stats.streams == PAUSED && others_done == OTHERS);
    for (int i = 0; i < PAUSED; i++) {
        held[i].held = false;
        REQUIRE(cmx_client_resume(client, held[i].id) == CMX_OK);
    }
    live(client, 60000);
    REQUIRE(long_done == 1 + PAUSED);
    for (int i = 0; i < PAUSED; i++) {
        REQUIRE(held[i].bytes == reference.bytes && held[i].hash == reference.hash);
    }
    cmx_client_stats(client, &stats);
    REQUIRE(stats.paused == 0 && stats.connections_total <= 2);
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 4);
    fence memory;
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.connections_max = 2;
    config.paused_streams_max = PAUSED;
    config.progress_timeout_ms = 5000; /* less than the pause: the clock must stand still */
    cmx_client *client = common_client(&config, &memory);
    cmx_origin_id origin = common_origin(client, argv[1], argv[2]);
    play(client, origin, (uint32_t)strtoul(argv[3], NULL, 10));
    printf("%u chats paused for %s s, %u others done, %llu bytes each after resume\n", paused,
           argv[3], others_done, (unsigned long long)reference.bytes);
    common_end(client, &memory);
    return 0;
}
