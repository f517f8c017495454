/* SPDX-License-Identifier: MIT */
/*
 * Two origins: the first one's relay is down, the application starts again at the second.
 * usage: failover URL CA_FILE DEAD_URL
 */
#include "common.h"

static enum cmx_verdict run(cmx_client *client, cmx_origin_id origin, int *error)
{
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    cmx_id id = 0;
    cmx_event event;
    REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    while (cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK) {
        if (event.kind == CMX_EVENT_DONE) {
            *error = event.done.error;
            REQUIRE(event.done.attempts == (origin == 0 ? 0 : 1));
            return event.done.verdict;
        }
    }
    REQUIRE(false && "no DONE event");
    return CMX_VERDICT_NETWORK;
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 4);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    fence memory;
    cmx_client *client = common_client(&config, &memory);
    cmx_origin_id dead = common_origin(client, argv[3], argv[2]);
    cmx_origin_id alive = common_origin(client, argv[1], argv[2]);
    REQUIRE(dead == 0);

    int error = CMX_OK;
    REQUIRE(run(client, dead, &error) == CMX_VERDICT_NETWORK);
    REQUIRE(error == CMX_ERR_REFUSED);
    REQUIRE(cmx_error_class(error) == CMX_CLASS_NETWORK); /* "retry later or elsewhere" */
    REQUIRE(run(client, alive, &error) == CMX_VERDICT_DONE);

    common_end(client, &memory);
    puts("refused by one origin, complete at the other");
    return 0;
}
