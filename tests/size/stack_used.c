/* SPDX-License-Identifier: MIT */
/*
 * Prints how much stack one chat takes, the TLS handshake and the check of the certificates in it:
 * the chat runs on a stack of its own, filled with a pattern before and looked at afterwards. In:
 * base URL and CA file. Read by size.py; a program of a user, so it sees include/ alone.
 */
#include "chatmux/chatmux.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

enum { STACK_BYTES = 256 * 1024, PATTERN = 0xA5, BLOCK_BYTES = 1 << 20 };

static alignas(4096) unsigned char stack[STACK_BYTES];
static alignas(16) unsigned char block[BLOCK_BYTES];
static const char *url;
static const char *ca_file;
static int result = CMX_ERR_INTERNAL;

static int ask(cmx_client *client)
{
    const cmx_message messages[] = {{.role = CMX_ROLE_USER, .text = "hello"}};
    const char *bad_field = NULL;
    cmx_origin relay;
    cmx_origin_id relay_id;
    cmx_origin_default(&relay);
    relay.base_url = url;
    relay.key = "none";
    relay.ca_file = ca_file;
    int rc = cmx_client_add_origin(client, &relay, &relay_id, &bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_chat chat;
    cmx_id chat_id;
    cmx_chat_default(&chat);
    chat.origin = relay_id;
    chat.model = "gpt-4.1";
    chat.messages = messages;
    chat.message_count = 1;
    rc = cmx_chat_start(client, &chat, &chat_id, &bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    int end = CMX_ERR_INTERNAL;
    cmx_event event;
    while ((rc = cmx_client_wait(client, &event, UINT32_MAX)) == CMX_OK) {
        if (event.kind == CMX_EVENT_DONE) {
            end = event.done.error;
        }
    }
    return rc == CMX_IDLE ? end : rc;
}

static void *run(void *unused)
{
    cmx_config config;
    cmx_client *client = NULL;
    const char *bad_field = NULL;
    (void)unused;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    result = cmx_client_init(&client, block, sizeof block, &config, cmx_port_linux(), &bad_field);
    if (result == CMX_OK) {
        result = ask(client);
        cmx_client_deinit(client);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t thread;
    size_t untouched = 0;
    if (argc != 3) {
        fputs("usage: stack_used URL CA_FILE\n", stderr);
        return 2;
    }
    url = argv[1];
    ca_file = argv[2];
    memset(stack, PATTERN, sizeof stack);
    if (pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstack(&attributes, stack, sizeof stack) != 0 ||
        pthread_create(&thread, &attributes, run, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        fputs("stack_used: no thread\n", stderr);
        return 1;
    }
    if (result != CMX_OK) {
        fprintf(stderr, "stack_used: %s\n", cmx_error_text(result));
        return 1;
    }
    while (untouched < sizeof stack && stack[untouched] == PATTERN) {
        untouched++;
    }
    printf("%lu\n", (unsigned long)(sizeof stack - untouched));
    return 0;
}
