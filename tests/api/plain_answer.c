/* SPDX-License-Identifier: MIT */
/*
 * Answers that are not streamed: one of more than 64 KiB in the caller's buffer, and the same with
 * too small a buffer, which ends as LIMIT and says so.
 * usage: plain_answer URL CA_FILE   (of a relay whose answers have at least 64 KiB)
 */
#include "common.h"

static char answer[128 * 1024];

static cmx_done run(cmx_client *client, size_t answer_bytes, size_t *text_bytes)
{
    cmx_chat chat = common_chat(0, "gpt-4.1");
    cmx_id id = 0;
    cmx_event event;
    chat.stream = false;
    chat.answer = answer;
    chat.answer_bytes = answer_bytes;
    *text_bytes = 0;
    REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    while (cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK) {
        if (event.kind == CMX_EVENT_DELTA) {
            /* Lent inside the caller's own buffer. */
            REQUIRE(event.delta.text.data >= answer);
            REQUIRE(event.delta.text.data + event.delta.text.len <= answer + answer_bytes);
            *text_bytes += event.delta.text.len;
        } else if (event.kind == CMX_EVENT_DONE) {
            return event.done;
        }
    }
    REQUIRE(false && "no DONE event");
    return (cmx_done){0};
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    fence memory;
    cmx_client *client = common_client(&config, &memory);
    common_origin(client, argv[1], argv[2]);

    size_t text_bytes = 0;
    cmx_done done = run(client, sizeof answer, &text_bytes);
    REQUIRE(done.verdict == CMX_VERDICT_DONE);
    REQUIRE(text_bytes >= 64 * 1024);
    REQUIRE(done.has_usage);

    done = run(client, 10000, &text_bytes);
    REQUIRE(done.verdict == CMX_VERDICT_LIMIT);
    REQUIRE(done.error == CMX_ERR_BUFFER_SMALL);
    REQUIRE(text_bytes == 0);

    common_end(client, &memory);
    puts("a long plain answer fits, a small buffer is told");
    return 0;
}
