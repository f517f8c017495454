/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of wrong calls: configurations out of range, blocks that do not fit, URLs and keys that
 * must not be used. Each gets its own error and the field's name, and nothing is lost.
 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What chatmux/config.h promises of each field. */
typedef struct field_range {
    const char *field;
    size_t offset;
    uint32_t least;
    uint32_t most;
} field_range;

#define RANGE(name, least, most)                       \
    {                                                  \
#name, offsetof(cmx_config, name), least, most \
    }

static const field_range ranges[] = {
    RANGE(connections_max, 1, 16),
    RANGE(origins_max, 1, 16),
    RANGE(requests_max, 1, 4096),
    RANGE(streams_soft, 1, 1024),
    RANGE(streams_hard, 8, 1024), /* not below streams_soft, which the preset sets to 8 */
    RANGE(streams_before_settings, 1, 1024),
    RANGE(stream_window_bytes, 1024, 1048576),
    RANGE(connection_window_bytes, 65535, 16777216),
    RANGE(head_bytes_max, 1024, 65536),
    RANGE(read_bytes, 2048, 262144),
    RANGE(write_bytes, 2048, 65536),
    RANGE(tail_bytes, 128, 4096),
    RANGE(event_bytes_max, 2048, 1048576),
    RANGE(event_buffers, 1, 64),
    RANGE(trust_bytes, 2048, 1048576),
    RANGE(resolve_timeout_ms, 100, 120000),
    RANGE(connect_timeout_ms, 100, 120000),
    RANGE(tls_timeout_ms, 100, 120000),
    RANGE(settings_timeout_ms, 100, 120000),
    RANGE(queue_timeout_ms, 100, 3600000),
    RANGE(head_timeout_ms, 100, 3600000),
    RANGE(first_token_timeout_ms, 100, 3600000),
    RANGE(progress_timeout_ms, 100, 3600000),
    RANGE(total_timeout_ms, 0, 86400000),
    RANGE(idle_timeout_ms, 100, 3600000),
};

static void expect_bad(sim_run *run, const field_range *range, uint32_t value)
{
    cmx_config config = run->app.config;
    cmx_client *client = (cmx_client *)(void *)&config;
    const char *bad_field = NULL;
    _Alignas(16) unsigned char block[16];
    int rc;

    memcpy((char *)&config + range->offset, &value, sizeof value);
    rc = cmx_config_check(&config, &bad_field);
    if (rc != CMX_ERR_CONFIG || bad_field == NULL || strcmp(bad_field, range->field) != 0) {
        sim_fail(&run->world, "%s = %u gave %s and the field %s", range->field, (unsigned)value,
                 cmx_error_name(rc), bad_field == NULL ? "NULL" : bad_field);
    }
    SIM_CHECK(cmx_client_bytes(&config) == 0);
    rc = cmx_client_init(&client, block, sizeof block, &config, &run->port.table, &bad_field);
    SIM_CHECK(rc == CMX_ERR_CONFIG);
    SIM_CHECK(client == NULL);
    SIM_CHECK(bad_field != NULL && strcmp(bad_field, range->field) == 0);
}

static void play_ranges(sim_run *run)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const uint32_t edges[] = {ranges[i].least, ranges[i].most};
        if (ranges[i].least > 0) {
            expect_bad(run, &ranges[i], ranges[i].least - 1);
        }
        expect_bad(run, &ranges[i], ranges[i].most + 1);
        expect_bad(run, &ranges[i], UINT32_MAX);
        for (int edge = 0; edge < 2; edge++) {
            cmx_config config = run->app.config;
            const char *bad_field = "not written";
            config.streams_hard = 1024;
            memcpy((char *)&config + ranges[i].offset, &edges[edge], sizeof edges[edge]);
            SIM_CHECK(cmx_config_check(&config, &bad_field) == CMX_OK);
            SIM_CHECK(bad_field == NULL);
            SIM_CHECK(cmx_client_bytes(&config) > 0);
        }
    }
}

/* A client at the edges of what is allowed works. */
static void play_edges(sim_run *run)
{
    const uint64_t lot = run->world.seed;

    cmx_config_preset(&run->app.config, lot % 2 == 0 ? CMX_PRESET_TINY : CMX_PRESET_DEFAULT);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        bool is_size =
            strstr(ranges[i].field, "_ms") == NULL && strstr(ranges[i].field, "streams") == NULL;
        if (is_size && sim_chance(&run->world, SIM_STREAM_APP, 300)) {
            memcpy((char *)&run->app.config + ranges[i].offset, &ranges[i].least,
                   sizeof ranges[i].least);
        }
    }
    sim_open(run);
    sim_expect_alive(run);
    sim_expect_alive(run);
}

/* What is refused, and how; the byte in front of the block and the one behind it fault. */
static void refuse_blocks(sim_run *run)
{
    const cmx_config *config = &run->app.config;
    const size_t bytes = cmx_client_bytes(config);
    const cmx_port *port = &run->port.table;
    cmx_client *client = NULL;
    const char *bad = NULL;
    char wanted[40];
    fence place;

    SIM_CHECK(bytes > 0);
    snprintf(wanted, sizeof wanted, "bytes: %zu needed", bytes);
    uint8_t *block = fence_open(&place, bytes - 1, FENCE_END, 0xA5);
    SIM_CHECK(cmx_client_init(&client, block, bytes - 1, config, port, &bad) ==
              CMX_ERR_MEMORY_SMALL);
    SIM_CHECK(client == NULL && bad != NULL && strcmp(bad, wanted) == 0);
    SIM_CHECK(block[sizeof wanted] == 0xA5 && block[bytes - 2] == 0xA5);
    for (size_t few = 0; few < sizeof wanted; few++) {
        memset(block, 0xA5, sizeof wanted + 1);
        SIM_CHECK(cmx_client_init(&client, block, few, config, port, &bad) == CMX_ERR_MEMORY_SMALL);
        SIM_CHECK(strcmp(bad, few > strlen(wanted) ? wanted : "bytes") == 0);
        SIM_CHECK(block[few] == 0xA5);
    }
    SIM_CHECK(cmx_client_init(&client, block, 0, config, port, NULL) == CMX_ERR_MEMORY_SMALL);
    for (size_t shift = 1; shift < CMX_BLOCK_ALIGN; shift++) {
        SIM_CHECK(cmx_client_init(&client, block + shift, bytes, config, port, &bad) ==
                  CMX_ERR_MEMORY_ALIGN);
    }
    SIM_CHECK(cmx_client_init(&client, NULL, bytes, config, port, &bad) == CMX_ERR_MEMORY_ALIGN);
    SIM_CHECK(cmx_client_init(&client, block, bytes, config, NULL, &bad) < 0);
    SIM_CHECK(client == NULL && fence_is_intact(&place) && run->port.sockets_open == 0);
    fence_close(&place);
}

/* Each preset: wrong blocks, then the smallest that is right, full of 0xA5, carries chats. */
static void play_blocks(sim_run *run)
{
    static const enum cmx_preset presets[] = {CMX_PRESET_TINY,        CMX_PRESET_DEFAULT,
                                              CMX_PRESET_DEVELOPMENT, CMX_PRESET_STARTUP,
                                              CMX_PRESET_GROWTH,      CMX_PRESET_ENTERPRISE};

    cmx_config_preset(&run->app.config, presets[run->world.seed % 6]);
    refuse_blocks(run);
    cmx_client_deinit(NULL);
    sim_open(run);
    for (unsigned i = 0; i < 8; i++) {
        (void)sim_start(run, "block");
    }
    sim_finish(run, 120000);
    sim_expect_alive(run);
}

typedef struct bad_origin {
    const char *base_url;
    const char *key;
    const char *address;
    int error;
    const char *field;
} bad_origin;

static const bad_origin bad_origins[] = {
    {"", "k", NULL, CMX_ERR_URL, "base_url"},
    {"relay.test/v1", "k", NULL, CMX_ERR_URL, "base_url"},
    {"ftp://relay.test/v1", "k", NULL, CMX_ERR_URL, "base_url"},
    {"http://", "k", NULL, CMX_ERR_URL, "base_url"},
    {"http://relay.test:0/v1", "k", NULL, CMX_ERR_URL, "base_url"},
    {"http://relay.test:65536/v1", "k", NULL, CMX_ERR_URL, "base_url"},
    {"http://user:secret@relay.test/v1", "k", NULL, CMX_ERR_URL, "base_url"},
    {"http://relay.test/v 1", "k", NULL, CMX_ERR_URL, "base_url"},
    {"http://relay.test/v1\r\nx: y", "k", NULL, CMX_ERR_URL, "base_url"},
    {SIM_URL, "sk-1\n", NULL, CMX_ERR_KEY, "key"},
    {SIM_URL, "sk-1\r\nx-evil: 1", NULL, CMX_ERR_KEY, "key"},
    {SIM_URL, "sk\x01", NULL, CMX_ERR_KEY, "key"},
    {SIM_URL, NULL, NULL, CMX_ERR_ARGUMENT, "key"},
    {SIM_URL, "", NULL, CMX_ERR_ARGUMENT, "key"},
    {SIM_URL, "k", "relay.test", CMX_ERR_ARGUMENT, "address"},
    {SIM_URL, "k", "192.0.2.256", CMX_ERR_ARGUMENT, "address"},
};

static void play_bad_origins(sim_run *run)
{
    sim_open(run);
    for (size_t i = 0; i < sizeof bad_origins / sizeof bad_origins[0]; i++) {
        const bad_origin *bad = &bad_origins[i];
        const char *field = NULL;
        cmx_origin origin;
        cmx_origin_id id = 77;
        int rc;
        cmx_origin_default(&origin);
        origin.base_url = bad->base_url;
        origin.key = bad->key;
        origin.address = bad->address;
        rc = cmx_client_add_origin(run->app.client, &origin, &id, &field);
        if (rc != bad->error || field == NULL || strcmp(field, bad->field) != 0) {
            sim_fail(&run->world, "origin %u gave %s and the field %s", (unsigned)i,
                     cmx_error_name(rc), field == NULL ? "NULL" : field);
        }
    }
    sim_expect_alive(run);
}

static void expect_bad_chat(sim_run *run, const cmx_chat *chat, int error, const char *expected)
{
    const char *field = NULL;
    cmx_id id = 0;
    int rc = cmx_chat_start(run->app.client, chat, &id, &field);

    if (rc != error || field == NULL || strcmp(field, expected) != 0) {
        sim_fail(&run->world, "a bad chat gave %s and the field %s, expected %s and %s",
                 cmx_error_name(rc), field == NULL ? "NULL" : field, cmx_error_name(error),
                 expected);
    }
}

static void play_bad_chats(sim_run *run)
{
    cmx_message message = {.role = CMX_ROLE_USER, .text = "hello"};
    cmx_chat good;
    cmx_chat chat;

    sim_open(run);
    cmx_chat_default(&good);
    good.model = "m";
    good.messages = &message;
    good.message_count = 1;
    chat = good;
    chat.origin = 1;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "origin");
    chat = good;
    chat.model = NULL;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "model");
    chat = good;
    chat.message_count = 0;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "message_count");
    chat = good;
    chat.messages = NULL;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "messages");
    chat = good;
    chat.temperature_milli = 2001;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "temperature_milli");
    chat = good;
    chat.max_tokens = 0;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "max_tokens");
    chat = good;
    chat.stream = false;
    expect_bad_chat(run, &chat, CMX_ERR_ARGUMENT, "answer");
    chat = good;
    chat.model = "\xFF";
    expect_bad_chat(run, &chat, CMX_ERR_UTF8, "model");
    sim_check_state(&run->app);
    sim_expect_alive(run);
}

static void play_second_port(sim_run *run)
{
    sim_port second;
    cmx_client *client = NULL;
    const char *bad = NULL;
    size_t bytes = cmx_client_bytes(&run->app.config);
    uint8_t *block = aligned_alloc(16, (bytes + 15) / 16 * 16);

    sim_open(run);
    sim_port_init(&second, &run->world);
    SIM_CHECK(cmx_client_init(&client, block, bytes, &run->app.config, &second.table, &bad) ==
              CMX_ERR_PORT_CONFLICT);
    SIM_CHECK(client == NULL && bad != NULL);
    /* With the same port there may be as many as one likes. */
    SIM_CHECK(cmx_client_init(&client, block, bytes, &run->app.config, &run->port.table, &bad) ==
              CMX_OK);
    cmx_client_deinit(client);
    sim_port_deinit(&second);
    free(block);
    sim_app_close(&run->app);
}

static const sim_scenario scenarios[] = {
    {"config-ranges", play_ranges, 0},
    {"config-edges", play_edges, 3},
    {"bad-blocks", play_blocks, 0},
    {"bad-origins", play_bad_origins, 0},
    {"bad-chats", play_bad_chats, 0},
    {"second-port", play_second_port, 0},
    {NULL, NULL, 0},
};

const sim_family sim_family_config = {"config", scenarios};
