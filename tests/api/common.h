/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share: they are written against include/chatmux alone, as a
 * user's program is, and take the base URL, a CA file and perhaps a second URL as arguments.
 */
#ifndef TESTS_API_COMMON_H
#define TESTS_API_COMMON_H

#include "chatmux/chatmux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with what went wrong. */
#define REQUIRE(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

/* Builds a client in fresh memory, which the caller frees after deinit. */
static inline cmx_client *common_client(const cmx_config *config, void **memory)
{
    cmx_client *client = NULL;
    const char *bad_field = NULL;
    size_t bytes = cmx_client_bytes(config);
    REQUIRE(bytes > 0);
    *memory = aligned_alloc(CMX_BLOCK_ALIGN, (bytes + 15) / 16 * 16);
    REQUIRE(*memory != NULL);
    int rc = cmx_client_init(&client, *memory, bytes, config, cmx_port_linux(), &bad_field);
    REQUIRE(rc == CMX_OK);
    return client;
}

static inline cmx_origin_id common_origin(cmx_client *client, const char *url, const char *ca_file)
{
    cmx_origin origin;
    cmx_origin_id id = 0;
    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = "sk-test";
    origin.ca_file = ca_file;
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
