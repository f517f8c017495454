/* SPDX-License-Identifier: MIT */
/*
 * A conversation with tools: the model calls two, the program computes, the model answers. Answers
 * are collected whole, at first in a buffer that is too small.
 * usage: tools URL CA_FILE
 */
#include "common.h"

enum { ARENA_BYTES = 4096, CALLS_MAX = 4 };

static const char tools_json[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"parameters\":{\"type\":\"object\","
    "\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}}}}},"
    "{\"type\":\"function\",\"function\":{\"name\":\"say\"}}]";

/* Runs one chat and collects its answer in `buffer`.
 *
 * finish  out: room for a finish_reason of 32 bytes and a NUL
 *
 * Returns what the collecting said. */
static int run(cmx_client *client, const cmx_chat *chat, cmx_collect *collect, char finish[33])
{
    cmx_id id = 0;
    cmx_event event;
    cmx_chat_fault fault;
    REQUIRE(cmx_chat_check(chat, &fault) == CMX_OK);
    REQUIRE(cmx_chat_start(client, chat, &id, NULL) == CMX_OK);
    while (cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK) {
        REQUIRE(event.id == id);
        int rc = cmx_collect_event(collect, &event);
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(event.done.verdict == CMX_VERDICT_DONE);
            REQUIRE(event.done.finish_reason.len <= 32);
            memcpy(finish, event.done.finish_reason.data, event.done.finish_reason.len);
            finish[event.done.finish_reason.len] = '\0';
            return rc;
        }
    }
    REQUIRE(false && "no DONE event");
    return CMX_OK;
}

static void write_text(char *out, cmx_text text)
{
    REQUIRE(strlen(out) + text.len < ARENA_BYTES);
    strncat(out, text.data, text.len);
}

/* Writes `text` as a JSON string. What a model sends has no control bytes but line ends here. */
static void write_string(char *out, cmx_text text)
{
    strcat(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            strcat(out, "\\");
        }
        write_text(out, (cmx_text){text.data + i, 1});
    }
    strcat(out, "\"");
}

/* Writes the message that repeats the model's calls. */
static void write_calls(char *out, const cmx_collect *collect)
{
    cmx_tool_call call;
    strcpy(out, "{\"tool_calls\":[");
    for (size_t i = 0; cmx_collect_tool_call(collect, i, &call); i++) {
        strcat(out, i == 0 ? "{\"id\":" : ",{\"id\":");
        write_string(out, call.id);
        strcat(out, ",\"type\":\"function\",\"function\":{\"name\":");
        write_string(out, call.name);
        strcat(out, ",\"arguments\":");
        write_string(out, call.arguments);
        strcat(out, "}}");
    }
    strcat(out, "]}");
}

static bool is_text(cmx_text text, const char *expected)
{
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

/* The first turn. Returns how much room its answer needs, from a try without any. */
static size_t measure_turn(cmx_client *client, const cmx_chat *chat)
{
    cmx_collect collect;
    char finish[33];
    cmx_collect_init(&collect, NULL, 0);
    REQUIRE(run(client, chat, &collect, finish) == CMX_ERR_BUFFER_SMALL);
    REQUIRE(collect.used == 0);
    return collect.needed;
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    fence memory;
    cmx_client *client = common_client(&config, &memory);
    cmx_message messages[2 + CALLS_MAX] = {
        {.role = CMX_ROLE_USER, .text = "What is 17 + 25? Then say hello."}};
    cmx_chat chat = common_chat(common_origin(client, argv[1], argv[2]), "gpt-4.1");
    chat.messages = messages;
    chat.message_count = 1;
    chat.tools_json = tools_json;
    chat.tool_choice_json = "\"auto\"";
    chat.max_completion_tokens = 1000;
    chat.no_obfuscation = true;
    chat.extra_json = "{\"parallel_tool_calls\":true}";

    size_t needed = measure_turn(client, &chat);
    static char arena[ARENA_BYTES];
    REQUIRE(needed > 0 && needed < sizeof arena);
    cmx_collect calls;
    char finish[33];
    cmx_collect_init(&calls, arena, needed);
    REQUIRE(run(client, &chat, &calls, finish) == CMX_OK);
    REQUIRE(strcmp(finish, "tool_calls") == 0);
    cmx_tool_call add;
    cmx_tool_call say;
    REQUIRE(cmx_collect_tool_call(&calls, 0, &add) && cmx_collect_tool_call(&calls, 1, &say));
    REQUIRE(is_text(add.name, "add") && is_text(add.arguments, "{\"a\":17,\"b\":25}"));
    REQUIRE(is_text(say.name, "say"));
    REQUIRE(is_text(say.arguments, "{\"text\":\"D\xc3\xa9j\xc3\xa0 vu\\n\"}"));

    static char extra[ARENA_BYTES];
    static char ids[2][64];
    write_calls(extra, &calls);
    snprintf(ids[0], sizeof ids[0], "%.*s", (int)add.id.len, add.id.data);
    snprintf(ids[1], sizeof ids[1], "%.*s", (int)say.id.len, say.id.data);
    messages[1] = (cmx_message){.role = CMX_ROLE_ASSISTANT, .extra_json = extra};
    messages[2] = (cmx_message){.role = CMX_ROLE_TOOL, .text = "42", .tool_call_id = ids[0]};
    messages[3] = (cmx_message){.role = CMX_ROLE_TOOL, .text = "", .tool_call_id = ids[1]};
    chat.message_count = 4;
    static char answer[ARENA_BYTES];
    cmx_collect collect;
    cmx_collect_init(&collect, answer, sizeof answer);
    REQUIRE(run(client, &chat, &collect, finish) == CMX_OK);
    REQUIRE(strcmp(finish, "stop") == 0);
    REQUIRE(cmx_collect_text(&collect, 0, CMX_CHANNEL_CONTENT).len > 0);
    REQUIRE(!cmx_collect_tool_call(&collect, 0, &add));

    common_end(client, &memory);
    puts("two tools called, their results answered");
    return 0;
}
