/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share: they are written against include/chatmux alone, as a
 * user's program is, and take the base URL, a CA file and perhaps a second URL as arguments. The
 * block lies between guard pages, and within every call of the client the heap is forbidden
 * (tests/memory/); names are not resolved, for libc's resolver would use it.
 */
#ifndef TESTS_API_COMMON_H
#define TESTS_API_COMMON_H

#include "chatmux/chatmux.h"
#include "memory/fence.h"
#include "require.h"

#include <string.h>

/* Builds a client in a block of exactly the bytes that it needs, full of 0xA5. */
static inline cmx_client *common_client(const cmx_config *config, fence *memory)
{
    cmx_client *client = NULL;
    const char *bad_field = NULL;
    size_t bytes = cmx_client_bytes(config);
    REQUIRE(bytes > 0);
    void *block = fence_open(memory, bytes, FENCE_END, 0xA5);
    int rc = cmx_client_init(&client, block, bytes, config, cmx_port_linux(), &bad_field);
    REQUIRE(rc == CMX_OK);
    return client;
}

/* Ends a client; what it was promised was enough, and nothing of it is left. */
static inline void common_end(cmx_client *client, fence *memory)
{
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    REQUIRE(stats.library_peak <= stats.library_capacity);
    REQUIRE(stats.memory_bytes == memory->bytes);
    cmx_client_deinit(client);
    for (size_t i = 0; i < memory->bytes; i++) {
        REQUIRE(memory->block[i] == 0);
    }
    REQUIRE(fence_is_intact(memory));
    fence_close(memory);
}

static inline cmx_origin_id common_origin(cmx_client *client, const char *url, const char *ca_file)
{
    cmx_origin origin;
    cmx_origin_id id = 0;
    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = "sk-test";
    origin.ca_file = ca_file;
    origin.address = "127.0.0.1";
    const char *bad_field = NULL;
    int rc = cmx_client_add_origin(client, &origin, &id, &bad_field);
    REQUIRE(rc == CMX_OK);
    return id;
}

static inline cmx_chat common_chat(cmx_origin_id origin, const char *model)
{
    static const cmx_message message = {.role = CMX_ROLE_USER,
                                        .text = "Explain connection pooling"};
    cmx_chat chat;
    cmx_chat_default(&chat);
    chat.origin = origin;
    chat.model = model;
    chat.messages = &message;
    chat.message_count = 1;
    return chat;
}

#endif
