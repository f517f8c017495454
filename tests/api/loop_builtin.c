/* SPDX-License-Identifier: MIT */
/*
 * The built-in loop: several chats at once, each must end complete.
 * usage: loop_builtin URL CA_FILE
 */
#include "common.h"

int main(int argc, char **argv)
{
    enum { CHATS = 20 };
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    fence memory;
    cmx_client *client = common_client(&config, &memory);
    cmx_origin_id origin = common_origin(client, argv[1], argv[2]);
    cmx_chat chat = common_chat(origin, "gpt-4.1");

    uint64_t bytes[CHATS] = {0};
    for (size_t i = 0; i < CHATS; i++) {
        cmx_id id = 0;
        chat.user = &bytes[i];
        REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    }
    unsigned done = 0;
    cmx_event event;
    int rc;
    while ((rc = cmx_client_wait(client, &event, UINT32_MAX)) == CMX_OK) {
        uint64_t *counter = event.user;
        if (event.kind == CMX_EVENT_DELTA) {
            *counter += event.delta.text.len;
        }
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(cmx_verdict_complete(event.done.verdict));
            REQUIRE(event.done.bytes == *counter);
            REQUIRE(*counter > 0);
            done++;
        }
    }
    REQUIRE(rc == CMX_IDLE);
    REQUIRE(done == CHATS);
    common_end(client, &memory);
    puts("20 chats complete");
    return 0;
}
