/* SPDX-License-Identifier: MIT */
/*
 * What a caller can get wrong before anything is sent: each mistake has its own code and names the
 * field; the block's size is exact.
 * usage: refusals URL CA_FILE
 */
#include "common.h"

CMX_BLOCK(block, 1024 * 1024);

/* One mistake in an origin. */
typedef struct bad_origin {
    const char *base_url;
    const char *key;
    int code;
    const char *field;
} bad_origin;

static void check_block(const cmx_config *config)
{
    cmx_client *client = NULL;
    const char *bad_field = NULL;
    size_t bytes = cmx_client_bytes(config);
    REQUIRE(bytes > 0 && bytes < sizeof block);
    REQUIRE(cmx_client_init(&client, block, bytes - 1, config, cmx_port_linux(), &bad_field) ==
            CMX_ERR_MEMORY_SMALL);
    REQUIRE(cmx_client_init(&client, block + 1, sizeof block - 1, config, cmx_port_linux(),
                            &bad_field) == CMX_ERR_MEMORY_ALIGN);
    REQUIRE(cmx_client_init(&client, NULL, bytes, config, cmx_port_linux(), &bad_field) ==
            CMX_ERR_MEMORY_ALIGN);
    REQUIRE(cmx_client_init(&client, block, bytes, config, cmx_port_linux(), &bad_field) == CMX_OK);
    REQUIRE(bad_field == NULL);
    cmx_client_deinit(client);
}

static void check_config(void)
{
    cmx_config config;
    const char *bad_field = NULL;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.head_bytes_max = 100;
    REQUIRE(cmx_client_bytes(&config) == 0);
    REQUIRE(cmx_config_check(&config, &bad_field) == CMX_ERR_CONFIG);
    REQUIRE(strcmp(bad_field, "head_bytes_max") == 0);
}

static void check_origins(cmx_client *client, const char *url, const char *ca_file)
{
    const bad_origin cases[] = {
        {"ftp://relay.example/v1", "sk-test", CMX_ERR_URL, "base_url"},
        {"https://user:secret@relay.example/v1", "sk-test", CMX_ERR_URL, "base_url"},
        {NULL, "sk-test", CMX_ERR_URL, "base_url"},
        {url, "sk-te\nst", CMX_ERR_KEY, "key"},
        {url, NULL, CMX_ERR_ARGUMENT, "key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cmx_origin origin;
        cmx_origin_id id = 0;
        const char *bad_field = NULL;
        cmx_origin_default(&origin);
        origin.base_url = cases[i].base_url;
        origin.key = cases[i].key;
        origin.ca_file = ca_file;
        int rc = cmx_client_add_origin(client, &origin, &id, &bad_field);
        if (rc != cases[i].code || bad_field == NULL || strcmp(bad_field, cases[i].field) != 0) {
            fprintf(stderr, "origin %zu: %s, field %s\n", i, cmx_error_name(rc),
                    bad_field == NULL ? "none" : bad_field);
            exit(1);
        }
    }
}

static void refuse_chat(cmx_client *client, const cmx_chat *chat, int code, const char *field)
{
    cmx_id id = 0;
    const char *bad_field = NULL;
    int rc = cmx_chat_start(client, chat, &id, &bad_field);
    if (rc != code || bad_field == NULL || strcmp(bad_field, field) != 0) {
        fprintf(stderr, "%s: got %s, field %s\n", field, cmx_error_name(rc),
                bad_field == NULL ? "none" : bad_field);
        exit(1);
    }
}

static void check_chats(cmx_client *client, cmx_origin_id origin)
{
    static const cmx_message broken = {.role = CMX_ROLE_USER, .text = "a\xff"};
    cmx_chat chat = common_chat(origin, NULL);
    refuse_chat(client, &chat, CMX_ERR_ARGUMENT, "model");
    chat = common_chat(origin, "gpt-4.1");
    chat.message_count = 0;
    refuse_chat(client, &chat, CMX_ERR_ARGUMENT, "message_count");
    chat = common_chat(origin, "gpt-4.1");
    chat.messages = &broken;
    refuse_chat(client, &chat, CMX_ERR_UTF8, "messages.text");
    cmx_chat_fault fault;
    REQUIRE(cmx_chat_check(&chat, &fault) == CMX_ERR_UTF8);
    REQUIRE(strcmp(fault.field, "messages.text") == 0 && fault.message == 0 && fault.offset == 1);
    chat = common_chat(origin, "gpt-4.1");
    chat.extra_json = "{\"seed\":1,\"model\":\"x\"}";
    refuse_chat(client, &chat, CMX_ERR_JSON, "extra_json");
    REQUIRE(cmx_chat_check(&chat, &fault) == CMX_ERR_JSON && fault.offset == 10);
    chat.extra_json = NULL;
    REQUIRE(cmx_chat_check(&chat, &fault) == CMX_OK && fault.field == NULL);
    chat = common_chat(origin, "gpt-4.1");
    chat.temperature_milli = 2001;
    refuse_chat(client, &chat, CMX_ERR_ARGUMENT, "temperature_milli");
    chat = common_chat(origin, "gpt-4.1");
    chat.stream = false;
    refuse_chat(client, &chat, CMX_ERR_ARGUMENT, "answer");
    chat = common_chat(origin + 1, "gpt-4.1");
    refuse_chat(client, &chat, CMX_ERR_ARGUMENT, "origin");
}

/* A full table is told at once; it is no queue without an end. */
static void check_busy(cmx_client *client, const cmx_config *config, cmx_origin_id origin)
{
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    cmx_id id = 0;
    for (uint32_t i = 0; i < config->requests_max; i++) {
        REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    }
    REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_ERR_BUSY);

    cmx_event event;
    uint32_t done = 0;
    while (cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK) {
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(event.done.verdict == CMX_VERDICT_DONE);
            done++;
        }
    }
    REQUIRE(done == config->requests_max);
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    check_config();
    check_block(&config);

    fence memory;
    cmx_client *client = common_client(&config, &memory);
    check_origins(client, argv[1], argv[2]);
    /* None of the refused ones took a row of the table. */
    cmx_origin_id origin = common_origin(client, argv[1], argv[2]);
    REQUIRE(origin == 0);
    check_chats(client, origin);
    check_busy(client, &config, origin);
    common_end(client, &memory);
    puts("every mistake named");
    return 0;
}
