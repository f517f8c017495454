/* SPDX-License-Identifier: MIT */
/*
 * What prices, counters, histograms and alerts cost: the same chats with all of them or with none,
 * to be counted in instructions (`valgrind --tool=callgrind`). Answers that are not streamed token
 * by token come at full speed, so nothing else hides the difference.
 * usage: figures URL CHATS on|off    (a relay with --plain; 32 in flight)
 */
#include "chatmux/chatmux.h"
#include "require.h"

#include <string.h>

enum { IN_FLIGHT = 32, BLOCK_BYTES = 4 * 1024 * 1024 };

CMX_BLOCK(memory, BLOCK_BYTES);

static const char *const models[] = {"gpt-4.1", "claude-sonnet-4.5", "gemini-2.5-flash"};

static void configure(cmx_config *config, bool is_on)
{
    cmx_config_preset(config, CMX_PRESET_DEFAULT);
    config->connections_max = 1;
    config->models_max = is_on ? 4 : 0;
    config->prices_max = is_on ? 16 : 0;
    config->alert_errors = is_on ? 10 : 0;
    config->alert_retries = is_on ? 30 : 0;
    config->alert_p99_ms = is_on ? 500 : 0;
}

static void set_prices(cmx_client *client)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const cmx_price price = {models[i], 2000000, 500000, 8000000};
        REQUIRE(cmx_client_set_price(client, &price, NULL) == CMX_OK);
    }
    cmx_client_set_budget(client, UINT64_MAX - 1, CMX_BUDGET_STOP);
}

static void start(cmx_client *client, unsigned long number)
{
    static const cmx_message message = {.role = CMX_ROLE_USER, .text = "Explain pooling"};
    cmx_chat chat;
    cmx_id id = 0;
    cmx_chat_default(&chat);
    chat.model = models[number % (sizeof models / sizeof models[0])];
    chat.messages = &message;
    chat.message_count = 1;
    REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 4);
    const unsigned long count = strtoul(argv[2], NULL, 10);
    const bool is_on = strcmp(argv[3], "on") == 0;
    cmx_config config;
    cmx_client *client = NULL;
    cmx_origin origin;
    cmx_origin_id id = 0;
    configure(&config, is_on);
    REQUIRE(cmx_client_bytes(&config) <= sizeof memory);
    REQUIRE(cmx_client_init(&client, memory, sizeof memory, &config, cmx_port_linux(), NULL) ==
            CMX_OK);
    cmx_origin_default(&origin);
    origin.base_url = argv[1];
    origin.auth = CMX_AUTH_NONE;
    REQUIRE(cmx_client_add_origin(client, &origin, &id, NULL) == CMX_OK);
    if (is_on) {
        set_prices(client);
    }
    unsigned long started = 0;
    unsigned long done = 0;
    unsigned long long deltas = 0;
    while (done < count) {
        for (; started < count && started - done < IN_FLIGHT; started++) {
            start(client, started);
        }
        cmx_event event;
        REQUIRE(cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK);
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(cmx_verdict_complete(event.done.verdict));
            deltas += event.done.deltas;
            done++;
        }
    }
    printf("%lu chats, %llu deltas\n", done, deltas);
    cmx_client_deinit(client);
    return 0;
}
