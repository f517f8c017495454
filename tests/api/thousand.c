/* SPDX-License-Identifier: MIT */
/*
 * A thousand chats in flight over four connections in a static block of at most 2 MiB, whose bytes
 * are a constant of the configuration, and not one call of an allocator by chatmux, nghttp2,
 * wolfSSL or libc once the origin is added: memory/heap.c stands in for libc's and counts. usage:
 * thousand URL CA_FILE   (of a relay that paces its tokens, so that all are in flight)
 */
#include "common.h"

#include "bench/memory.h"
#include "chatmux/block.h"
#include "memory/heap.h"

enum { CHATS = 1000, CONNECTIONS = 4 };

/* What costs memory: what only some requests need at a time is not there for each of them. */
enum {
    THOUSAND_CONNECTIONS_MAX = CONNECTIONS,
    THOUSAND_ORIGINS_MAX = 1,
    THOUSAND_REQUESTS_MAX = CHATS,
    THOUSAND_READ_BYTES = 4096,
    THOUSAND_WRITE_BYTES = 8192,
    THOUSAND_HEAD_BYTES_MAX = 8192, /* below 16,384 header tables are small, too */
    THOUSAND_TAIL_BYTES = 512,      /* events of chats are a few hundred bytes */
    THOUSAND_TAILS_MAX = 64,        /* the server sends them whole: few are cut at a time */
    THOUSAND_SHAPE_BYTES = CMX_DEFAULT_SHAPE_BYTES,
    THOUSAND_SHAPES_MAX = 32, /* the others' events are parsed in full */
    THOUSAND_TOOL_CALLS_MAX = CMX_DEFAULT_TOOL_CALLS_MAX,
    THOUSAND_TOOL_TABLES_MAX = 32,
    THOUSAND_EVENT_BYTES_MAX = CMX_DEFAULT_EVENT_BYTES_MAX,
    THOUSAND_EVENT_BUFFERS = 2,
    THOUSAND_PAUSED_STREAMS_MAX = 0,
    THOUSAND_STREAM_WINDOW_BYTES = CMX_DEFAULT_STREAM_WINDOW_BYTES,
    THOUSAND_TRACE_BYTES = 0,
    THOUSAND_TRUST_BYTES = 80 * 1024, /* the 132 roots that distributions ship */
    THOUSAND_TARGETS_MAX = 0,
    THOUSAND_PRICES_MAX = 0,
    THOUSAND_MODELS_MAX = 0,
    THOUSAND_ALERT_P99_MS = 0,
};

CMX_BLOCK(block, CMX_CLIENT_BYTES(THOUSAND));
_Static_assert(sizeof block <= 2 * 1024 * 1024, "what was promised");

/* By address: libc's resolver would allocate. */
static cmx_origin_id add_origin(cmx_client *client, const char *url, const char *ca_file)
{
    cmx_origin origin;
    cmx_origin_id id = 0;
    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = "sk-test";
    origin.ca_file = ca_file;
    origin.address = "127.0.0.1";
    REQUIRE(cmx_client_add_origin(client, &origin, &id, NULL) == CMX_OK);
    return id;
}

static unsigned run_all(cmx_client *client)
{
    unsigned done = 0;
    unsigned in_flight_most = 0;
    cmx_event event;
    int rc;
    while ((rc = cmx_client_wait(client, &event, UINT32_MAX)) == CMX_OK) {
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(event.done.verdict == CMX_VERDICT_DONE);
            done++;
        }
        cmx_stats stats;
        cmx_client_stats(client, &stats);
        in_flight_most = stats.streams > in_flight_most ? stats.streams : in_flight_most;
    }
    REQUIRE(rc == CMX_IDLE);
    REQUIRE(done == CHATS);
    return in_flight_most;
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    CMX_BLOCK_CONFIGURE(&config, THOUSAND);
    config.streams_soft = CHATS / CONNECTIONS;
    config.streams_hard = CHATS / CONNECTIONS;
    REQUIRE(cmx_client_bytes(&config) <= sizeof block);

    memory_seen opening = memory_look();
    cmx_client *client = NULL;
    REQUIRE(cmx_client_init(&client, block, sizeof block, &config, cmx_port_linux(), NULL) ==
            CMX_OK);
    cmx_origin_id origin = add_origin(client, argv[1], argv[2]);
    unsigned long before = heap_calls();
    memory_seen starting = memory_look();
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    for (unsigned i = 0; i < CHATS; i++) {
        cmx_id id = 0;
        REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    }
    unsigned in_flight_most = run_all(client);
    unsigned long calls = heap_calls() - before;
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    cmx_client_deinit(client);

    void *volatile probe = malloc(1); /* the count works, or zero above would mean nothing */
    free(probe);
    REQUIRE(heap_calls() - before == calls + 1);
    printf("%u chats, %u at once, %llu connections, %zu bytes, %lu allocations\n", CHATS,
           in_flight_most, (unsigned long long)stats.connections_total, cmx_client_bytes(&config),
           calls);
    printf("{\"completions\":%u,\"connections\":%llu,\"memory_bytes\":%llu,", CHATS,
           (unsigned long long)stats.connections_total, (unsigned long long)stats.memory_bytes);
    memory_print(opening, starting);
    printf("\"allocations\":%lu}\n", calls);
    REQUIRE(in_flight_most == CHATS);
    REQUIRE(stats.connections_total == CONNECTIONS);
    REQUIRE(calls == 0);
    return 0;
}
