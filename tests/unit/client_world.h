/* SPDX-License-Identifier: MIT */
/*
 * A client on the fake port, with an origin, a chat and a request that are good until a test spoils
 * them, and calls that expect one status and one named field. For tests of what a caller may and
 * may not say. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_CLIENT_WORLD_H
#define TESTS_UNIT_CLIENT_WORLD_H

#include "chatmux/client.h"

#include "unit/fake_port.h"

CMX_BLOCK(memory, 1024 * 1024);
static cmx_client *client;
static cmx_origin origin;
static cmx_chat chat;
static cmx_request request;
static cmx_message message;
static const char *bad_field;

static inline int set_up(void **state)
{
    (void)state;
    cmx_config config;
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.connections_max = 2;
    config.origins_max = 2;
    config.requests_max = 2;
    assert_true(cmx_client_bytes(&config) <= sizeof(memory));
    assert_int_equal(cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL),
                     CMX_OK);

    cmx_origin_default(&origin);
    origin.base_url = "http://127.0.0.1:8080/v1";
    origin.key = "sk-1";
    message = (cmx_message){.role = CMX_ROLE_USER, .text = "hello"};
    cmx_chat_default(&chat);
    chat.model = "m";
    chat.messages = &message;
    chat.message_count = 1;
    cmx_request_default(&request);
    request.path = "/models";
    bad_field = "untouched";
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    cmx_client_deinit(client);
    fake_port_deinit();
    return 0;
}

static inline void expect_field(const char *field)
{
    if (field == NULL) {
        assert_null(bad_field);
    } else {
        assert_non_null(bad_field);
        assert_string_equal(bad_field, field);
    }
    bad_field = "untouched";
}

static inline void expect_origin(int status, const char *field)
{
    cmx_origin_id id = 77;
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, &bad_field), status);
    expect_field(field);
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), status);
    assert_int_equal(id, 77); /* untouched by a failure */
}

static inline void add_origin(void)
{
    cmx_origin_id id = 77;
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, &bad_field), CMX_OK);
    expect_field(NULL);
    assert_int_equal(id, 0);
}

static inline void expect_chat(int status, const char *field)
{
    cmx_id id = 77;
    assert_int_equal(cmx_chat_start(client, &chat, &id, &bad_field), status);
    expect_field(field);
    assert_int_equal(cmx_chat_start(client, &chat, &id, NULL), status);
    assert_int_equal(id, 77);
}

static inline void expect_request(int status, const char *field)
{
    cmx_id id = 77;
    assert_int_equal(cmx_request_start(client, &request, &id, &bad_field), status);
    expect_field(field);
    assert_int_equal(cmx_request_start(client, &request, &id, NULL), status);
    assert_int_equal(id, 77);
}

static inline cmx_id start_chat(void)
{
    cmx_id id = 0;
    assert_int_equal(cmx_chat_start(client, &chat, &id, &bad_field), CMX_OK);
    expect_field(NULL);
    assert_true(id != 0);
    return id;
}

#endif
