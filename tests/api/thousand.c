/* SPDX-License-Identifier: MIT */
/*
 * A thousand chats in flight over four connections in a static block of 4 MiB, and not one call of
 * an allocator by chatmux, nghttp2 or wolfSSL once the origin is added. The linker leads malloc,
 * calloc and realloc of everything linked statically to the counting functions below.
 * usage: thousand URL CA_FILE   (of a relay that paces its tokens, so that all are in flight)
 */
#include "common.h"

enum { CHATS = 1000, CONNECTIONS = 4 };

CMX_BLOCK(block, 4 * 1024 * 1024);

static unsigned allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    allocations++;
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    allocations++;
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    allocations++;
    return __real_realloc(old, bytes);
}

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
    config.tail_bytes = 512; /* events of chats are a few hundred bytes */
    config.paused_streams_max = 0;
    config.connections_max = CONNECTIONS;
    config.requests_max = CHATS;
    config.streams_soft = CHATS / CONNECTIONS;
    config.streams_hard = CHATS / CONNECTIONS;
    REQUIRE(cmx_client_bytes(&config) <= sizeof block);

    cmx_client *client = NULL;
    REQUIRE(cmx_client_init(&client, block, sizeof block, &config, cmx_port_linux(), NULL) ==
            CMX_OK);
    cmx_origin_id origin = add_origin(client, argv[1], argv[2]);
    unsigned before = allocations;
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    for (unsigned i = 0; i < CHATS; i++) {
        cmx_id id = 0;
        REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    }
    unsigned in_flight_most = run_all(client);
    unsigned calls = allocations - before;
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    cmx_client_deinit(client);

    void *volatile probe = malloc(1); /* the count works, or zero above would mean nothing */
    free(probe);
    REQUIRE(allocations - before == calls + 1);
    printf("%u chats, %u at once, %llu connections, %zu bytes, %u allocations\n", CHATS,
           in_flight_most, (unsigned long long)stats.connections_total, cmx_client_bytes(&config),
           calls);
    REQUIRE(in_flight_most == CHATS);
    REQUIRE(stats.connections_total == CONNECTIONS);
    REQUIRE(calls == 0);
    return 0;
}
