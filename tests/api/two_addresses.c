/* SPDX-License-Identifier: MIT */
/*
 * A host with two addresses, ::1 and 127.0.0.1: the Linux port with a resolver of the program's
 * own, as an application with its own idea of names would have it. Two requests, each over a
 * connection of its own; prints the families in the order in which they were tried.
 * usage: two_addresses URL CA_FILE
 */
#include "common.h"

#include <poll.h>

static cmx_port table;
static uint16_t asked_port;
static char families[16];

static int start_name(void *state, const char *host, uint16_t port, uint32_t *query)
{
    REQUIRE(strcmp(host, "localhost") == 0);
    asked_port = port;
    *query = 1;
    cmx_port_linux()->wakeup(state); /* the answer is there */
    return CMX_OK;
}

static int poll_name(void *state, uint32_t query, cmx_address *out, size_t capacity, size_t *count)
{
    (void)state;
    REQUIRE(query == 1 && capacity >= 2);
    out[0] = (cmx_address){.family = 6, .port = asked_port, .ip = {[15] = 1}};
    out[1] = (cmx_address){.family = 4, .port = asked_port, .ip = {127, 0, 0, 1}};
    *count = 2;
    return CMX_OK;
}

static void cancel_name(void *state, uint32_t query)
{
    (void)state;
    (void)query;
}

static int note_socket(void *user, intptr_t native, const cmx_address *to)
{
    (void)native;
    REQUIRE(strlen(families) + 1 < sizeof families);
    strcat(families, to->family == 6 ? "6" : "4");
    return *(int *)user;
}

/* Runs one request to its end, and the idle connection to its own. */
static void run_one(cmx_client *client, cmx_origin_id origin)
{
    cmx_chat chat = common_chat(origin, "m");
    cmx_id id = 0;
    cmx_event event;
    cmx_stats stats;
    REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    while (cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK) {
        REQUIRE(event.kind != CMX_EVENT_DONE || event.done.verdict == CMX_VERDICT_DONE);
    }
    /* Nothing is in flight: the connection ends in time as in any foreign loop. */
    for (cmx_client_stats(client, &stats); stats.connections > 0;
         cmx_client_stats(client, &stats)) {
        struct pollfd readable = {.fd = cmx_client_fd(client), .events = POLLIN};
        REQUIRE(poll(&readable, 1, (int)cmx_client_next_due_ms(client)) >= 0);
        REQUIRE(cmx_client_tick(client) == CMX_OK);
    }
}

int main(int argc, char **argv)
{
    int answer = CMX_OK;
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.idle_timeout_ms = 100;
    table = *cmx_port_linux();
    table.resolve_start = start_name;
    table.resolve_poll = poll_name;
    table.resolve_cancel = cancel_name;

    size_t bytes = cmx_client_bytes(&config);
    fence memory;
    void *block = fence_open(&memory, bytes, FENCE_END, 0xA5);
    cmx_client *client = NULL;
    REQUIRE(cmx_client_init(&client, block, bytes, &config, &table, NULL) == CMX_OK);
    cmx_origin origin;
    cmx_origin_id id = 0;
    cmx_origin_default(&origin);
    origin.base_url = argv[1];
    origin.key = "sk-test";
    origin.ca_file = argv[2];
    origin.socket_hook = note_socket;
    origin.socket_hook_user = &answer;
    REQUIRE(cmx_client_add_origin(client, &origin, &id, NULL) == CMX_OK);
    run_one(client, id);
    run_one(client, id);
    common_end(client, &memory);
    puts(families);
    return 0;
}
