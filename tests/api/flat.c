/* SPDX-License-Identifier: MIT */
/*
 * Chats without end on connections that are replaced again and again. After each tenth all of them
 * are let go, and what the libraries hold must be, to the byte, what they held before the first
 * one; the most that they ever held is printed and must not grow any more after two tenths, but for
 * what chance adds when a few more things happen at once. For tests/memory/flat.py.
 * usage: flat URL CA_FILE CHATS RECONNECTS
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "common.h"

#include <inttypes.h>
#include <time.h>

enum {
    IN_FLIGHT = 40,
    CONNECTIONS = 2,
    STEPS = 10,
    SETTLED = 2,
    /* Of the high water: how many connections are replaced in one moment is chance, and one is a
     * twentieth. What leaks is found exactly, by what is left when no connection is. */
    CHANCE_PERCENT = 15,
    IDLE_MS = 100,
    LET_GO_TRIES_MAX = 1000, /* of 10 ms */
};

typedef struct flat {
    cmx_client *client;
    cmx_origin_id origin;
    uint64_t chats; /* to be made */
    uint64_t started;
    uint64_t done;
    uint64_t first_bytes;   /* held before any connection */
    uint64_t first_largest; /* piece that was free then: what is given back joins again */
    uint64_t settled_bytes; /* high water when the first tenths are over */
} flat;

static void start_more(flat *run, uint64_t until)
{
    cmx_chat chat = common_chat(run->origin, "gpt-4.1");
    cmx_id id = 0;
    while (run->started < until && run->started - run->done < IN_FLIGHT) {
        /* Answers of all lengths: what is alive at once is never the same twice. */
        chat.max_tokens = (uint32_t)(1 + run->started * 7 % 23);
        REQUIRE(cmx_chat_start(run->client, &chat, &id, NULL) == CMX_OK);
        run->started++;
    }
}

/* Waits until no connection is left; returns what is known then. */
static cmx_stats let_go(flat *run)
{
    cmx_stats stats;
    cmx_event event;
    cmx_client_stats(run->client, &stats);
    for (unsigned i = 0; i < LET_GO_TRIES_MAX && stats.connections > 0; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        REQUIRE(cmx_client_tick(run->client) == CMX_OK);
        REQUIRE(cmx_client_next_event(run->client, &event) == CMX_IDLE); /* reads what is left */
        cmx_client_stats(run->client, &stats);
    }
    REQUIRE(stats.connections == 0);
    return stats;
}

static void tell(flat *run, uint64_t step)
{
    cmx_stats stats = let_go(run);
    printf("%3" PRIu64 " %%: %7" PRIu64 " chats, %5" PRIu64 " connections, high water %" PRIu64
           " of %" PRIu64 " bytes, without connections %" PRIu64 "\n",
           step * 100 / STEPS, run->done, stats.connections_total, stats.library_peak,
           stats.library_capacity, stats.library_bytes);
    REQUIRE(stats.library_bytes == run->first_bytes);
    REQUIRE(stats.library_largest == run->first_largest);
    if (step <= SETTLED) {
        run->settled_bytes = stats.library_peak;
    }
    REQUIRE(stats.library_peak <= run->settled_bytes + run->settled_bytes * CHANCE_PERCENT / 100);
}

/* One tenth of the chats, all of them to their end. */
static void run_step(flat *run, uint64_t step)
{
    cmx_event event;
    uint64_t until = run->chats * step / STEPS;
    while (run->done < until) {
        start_more(run, until);
        int rc = cmx_client_wait(run->client, &event, UINT32_MAX);
        REQUIRE(rc == CMX_OK);
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(event.done.verdict == CMX_VERDICT_DONE);
            run->done++;
        }
    }
    tell(run, step);
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 5);
    uint64_t chats = strtoull(argv[3], NULL, 10);
    uint64_t reconnects = strtoull(argv[4], NULL, 10);
    REQUIRE(chats >= 10 && reconnects >= 1 && chats >= reconnects);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.requests_max = IN_FLIGHT;
    config.connections_max = CONNECTIONS + 1; /* one more, so that a worn one is replaced first */
    config.streams_soft = IN_FLIGHT / CONNECTIONS;
    config.streams_hard = IN_FLIGHT / CONNECTIONS;
    config.idle_timeout_ms = IDLE_MS;
    /* A tenth less than enough: some serve a few more while the next one is dialed. */
    config.connection_requests_max = (uint32_t)(chats * 9 / 10 / reconnects);
    fence memory;
    flat run = {.client = common_client(&config, &memory), .chats = chats};
    run.origin = common_origin(run.client, argv[1], argv[2]);
    cmx_stats stats;
    cmx_client_stats(run.client, &stats);
    run.first_bytes = stats.library_bytes;
    run.first_largest = stats.library_largest;
    for (uint64_t step = 1; step <= STEPS; step++) {
        run_step(&run, step);
    }
    cmx_client_stats(run.client, &stats);
    REQUIRE(stats.connections_total >= reconnects);
    REQUIRE(stats.done == chats);
    common_end(run.client, &memory);
    return 0;
}
