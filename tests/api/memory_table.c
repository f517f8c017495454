/* SPDX-License-Identifier: MIT */
/*
 * Measures what a context, a connection, a handshake and a stream cost, by the counters of a client
 * that talks to a relay, and prints "configuration figure bytes" lines for tests/memory/table.py.
 * The relay must pace its answers, so that all chats are in flight at once.
 * usage: memory_table URL CA_FILE tiny|default|thousand
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "common.h"

#include <stddef.h>
#include <time.h>

enum { TRIES_MAX = 3000 }; /* of 10 ms */

typedef struct figures {
    const char *name;
    cmx_config config;
    cmx_client *client;
    uint64_t empty_bytes;   /* held by the libraries before there was an origin */
    uint64_t context_bytes; /* more, with one root */
    uint64_t idle_bytes;    /* more, with one connection */
    uint64_t shake_bytes;   /* more, at most until it stood */
} figures;

static cmx_stats look(const figures *of)
{
    cmx_stats stats;
    cmx_client_stats(of->client, &stats);
    return stats;
}

static void print_figure(const figures *of, const char *figure, uint64_t bytes)
{
    printf("%s %s %llu\n", of->name, figure, (unsigned long long)bytes);
}

/* Opens one connection, and waits until its handshake and the server's first frames are over. */
static void measure_connection(figures *of, cmx_origin_id origin)
{
    uint64_t before = look(of).library_bytes;
    uint64_t settled = 0;
    REQUIRE(cmx_client_warm(of->client, origin, 1) == CMX_OK);
    for (unsigned i = 0, same = 0; i < TRIES_MAX && same < 20; i++) {
        REQUIRE(cmx_client_tick(of->client) == CMX_OK);
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        cmx_stats stats = look(of);
        same = stats.handshakes == 1 && stats.library_bytes == settled ? same + 1 : 0;
        settled = stats.library_bytes;
    }
    REQUIRE(look(of).handshakes == 1);
    of->idle_bytes = settled - before;
    of->shake_bytes = look(of).library_peak - before;
}

/* As many chats as are allowed; what they cost when each has its head and some tokens. */
static uint64_t measure_streams(figures *of, cmx_origin_id origin)
{
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    cmx_event event;
    uint32_t opened = 0;
    uint64_t bytes = 0;
    uint32_t count = of->config.requests_max;
    for (uint32_t i = 0; i < count; i++) {
        cmx_id id = 0;
        REQUIRE(cmx_chat_start(of->client, &chat, &id, NULL) == CMX_OK);
    }
    while (cmx_client_wait(of->client, &event, UINT32_MAX) == CMX_OK) {
        opened += event.kind == CMX_EVENT_OPEN ? 1 : 0;
        REQUIRE(event.kind != CMX_EVENT_DONE || event.done.verdict == CMX_VERDICT_DONE);
        cmx_stats stats = look(of);
        if (opened == count && stats.streams == count) {
            uint64_t now = stats.library_bytes - of->empty_bytes - of->context_bytes -
                           stats.connections * of->idle_bytes;
            /* The least of all moments: a record or a frame on its way is not the streams'. */
            bytes = bytes == 0 || now < bytes ? now : bytes;
        }
    }
    REQUIRE(bytes > 0);
    return bytes / count;
}

/* What one more of `field` reserves in the block. */
static uint64_t reserved_for(const figures *of, size_t offset)
{
    cmx_config more = of->config;
    uint32_t *field = (uint32_t *)(void *)((unsigned char *)&more + offset);
    *field += 1;
    return cmx_client_bytes(&more) - cmx_client_bytes(&of->config);
}

static void choose(figures *of)
{
    cmx_config *config = &of->config;
    bool is_tiny = strcmp(of->name, "tiny") == 0;
    cmx_config_preset(config, is_tiny ? CMX_PRESET_TINY : CMX_PRESET_DEFAULT);
    if (strcmp(of->name, "thousand") == 0) {
        /* As api/thousand.c has it. */
        config->origins_max = 1;
        config->requests_max = 1000;
        config->streams_soft = config->streams_hard = 250;
        config->read_bytes = 4096;
        config->write_bytes = 8192;
        config->tail_bytes = 512;
        config->head_bytes_max = 8192;
        config->tails_max = 64;
        config->shapes_max = config->tool_tables_max = 32;
        config->event_buffers = 2;
        config->trust_bytes = 80 * 1024;
        config->paused_streams_max = 0;
        config->targets_max = config->prices_max = config->models_max = 0;
    } else {
        REQUIRE(is_tiny || strcmp(of->name, "default") == 0);
    }
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 4);
    figures of = {.name = argv[3]};
    fence memory;
    choose(&of);
    of.client = common_client(&of.config, &memory);
    of.empty_bytes = look(&of).library_bytes;
    cmx_origin_id origin = common_origin(of.client, argv[1], argv[2]);
    of.context_bytes = look(&of).library_bytes - of.empty_bytes;
    measure_connection(&of, origin);
    uint64_t stream_bytes = measure_streams(&of, origin);
    cmx_stats stats = look(&of);
    print_figure(&of, "block", stats.memory_bytes);
    print_figure(&of, "context", of.context_bytes);
    print_figure(&of, "connection", of.idle_bytes);
    print_figure(&of, "handshake", of.shake_bytes);
    print_figure(&of, "stream", stream_bytes);
    print_figure(&of, "connection_reserved",
                 reserved_for(&of, offsetof(cmx_config, connections_max)));
    print_figure(&of, "request_reserved", reserved_for(&of, offsetof(cmx_config, requests_max)));
    print_figure(&of, "peak", stats.library_peak);
    print_figure(&of, "capacity", stats.library_capacity);
    common_end(of.client, &memory);
    return 0;
}
