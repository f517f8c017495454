/* SPDX-License-Identifier: MIT */
/*
 * Collecting an answer: texts and tool calls that arrive interleaved, every size of buffer, too
 * many parts.
 */
#include "chatmux/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static cmx_event content(uint32_t choice, enum cmx_channel channel, const char *text)
{
    return (cmx_event){
        .kind = CMX_EVENT_DELTA,
        .delta = {.choice = choice, .channel = channel, .text = {text, strlen(text)}}};
}

static cmx_event call(uint32_t choice, uint32_t tool, const char *id, const char *name,
                      const char *text)
{
    cmx_event event = content(choice, CMX_CHANNEL_TOOL_CALL, text);
    event.delta.tool = tool;
    event.delta.tool_id = (cmx_text){id, strlen(id)};
    event.delta.tool_name = (cmx_text){name, strlen(name)};
    return event;
}

static void assert_text(cmx_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    if (text.len > 0) {
        assert_memory_equal(text.data, expected, text.len);
    }
}

static void assert_call(const cmx_collect *collect, size_t index, uint32_t choice,
                        const char *const expected[3])
{
    cmx_tool_call found;
    assert_true(cmx_collect_tool_call(collect, index, &found));
    assert_int_equal(found.choice, choice);
    assert_text(found.id, expected[0]);
    assert_text(found.name, expected[1]);
    assert_text(found.arguments, expected[2]);
}

/* Two choices, three channels, three calls, in an order in which every part grows after later ones
 * began. */
static size_t make_answer(cmx_event events[32])
{
    size_t n = 0;
    events[n++] = (cmx_event){.kind = CMX_EVENT_OPEN, .http_status = 200};
    events[n++] = content(0, CMX_CHANNEL_REASONING, "Let ");
    events[n++] = content(0, CMX_CHANNEL_CONTENT, "Two ");
    events[n++] = content(1, CMX_CHANNEL_CONTENT, "Zwei ");
    events[n++] = call(0, 0, "call_a", "add", "");
    events[n++] = call(0, 1, "call_b", "sub", "{\"x\":");
    events[n++] = content(0, CMX_CHANNEL_REASONING, "me see");
    events[n++] = call(1, 0, "", "neg", "{");
    events[n++] = call(0, 0, "", "", "{\"a\":");
    events[n++] = call(0, 1, "", "", "2}");
    events[n++] = content(1, CMX_CHANNEL_CONTENT, "Teile");
    events[n++] = (cmx_event){.kind = CMX_EVENT_USAGE};
    events[n++] = call(0, 0, "", "", "1}");
    events[n++] = call(1, 0, "call_c", "", "}");
    events[n++] = content(0, CMX_CHANNEL_CONTENT, "parts");
    events[n++] = content(1, CMX_CHANNEL_REFUSAL, "no");
    events[n++] = (cmx_event){.kind = CMX_EVENT_DONE};
    return n;
}

enum { ANSWER_BYTES = 10 + 9 + 10 + 2 + (6 + 3 + 7) + (6 + 3 + 7) + (6 + 3 + 2) };

static void assert_answer(const cmx_collect *collect)
{
    assert_text(cmx_collect_text(collect, 0, CMX_CHANNEL_REASONING), "Let me see");
    assert_text(cmx_collect_text(collect, 0, CMX_CHANNEL_CONTENT), "Two parts");
    assert_text(cmx_collect_text(collect, 0, CMX_CHANNEL_REFUSAL), "");
    assert_text(cmx_collect_text(collect, 1, CMX_CHANNEL_CONTENT), "Zwei Teile");
    assert_text(cmx_collect_text(collect, 1, CMX_CHANNEL_REFUSAL), "no");
    assert_text(cmx_collect_text(collect, 2, CMX_CHANNEL_CONTENT), "");
    assert_text(cmx_collect_text(collect, 0, CMX_CHANNEL_TOOL_CALL), "");
    assert_call(collect, 0, 0, (const char *const[]){"call_a", "add", "{\"a\":1}"});
    assert_call(collect, 1, 0, (const char *const[]){"call_b", "sub", "{\"x\":2}"});
    assert_call(collect, 2, 1, (const char *const[]){"call_c", "neg", "{}"});
    cmx_tool_call none;
    assert_false(cmx_collect_tool_call(collect, 3, &none));
}

static void test_collect_interleaved_answer_comes_out_whole(void **state)
{
    (void)state;
    cmx_event events[32];
    size_t count = make_answer(events);
    char *buffer = malloc(ANSWER_BYTES);
    assert_non_null(buffer);
    cmx_collect collect;
    cmx_collect_init(&collect, buffer, ANSWER_BYTES);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cmx_collect_event(&collect, &events[i]), CMX_OK);
    }
    assert_int_equal(collect.used, ANSWER_BYTES);
    assert_int_equal(collect.needed, ANSWER_BYTES);
    assert_answer(&collect);
    free(buffer);
}

/* What fitted stays, whole events of it; what is needed is known at the end, and is enough. */
static void test_collect_every_small_buffer_tells_what_is_needed(void **state)
{
    (void)state;
    cmx_event events[32];
    size_t count = make_answer(events);
    for (size_t bytes = 0; bytes < ANSWER_BYTES; bytes++) {
        char *buffer = bytes > 0 ? malloc(bytes) : NULL;
        cmx_collect collect;
        cmx_collect_init(&collect, buffer, bytes);
        size_t fitted = 0; /* bytes of the events that were taken */
        bool full = false;
        for (size_t i = 0; i < count; i++) {
            size_t before = collect.needed;
            int rc = cmx_collect_event(&collect, &events[i]);
            full = full || collect.needed > bytes;
            assert_int_equal(rc, full ? CMX_ERR_BUFFER_SMALL : CMX_OK);
            fitted += full ? 0 : collect.needed - before;
            assert_int_equal(collect.used, fitted);
        }
        assert_true(full);
        assert_int_equal(collect.needed, ANSWER_BYTES);
        cmx_text reasoning = cmx_collect_text(&collect, 0, CMX_CHANNEL_REASONING);
        assert_true(reasoning.len <= bytes);
        assert_text(reasoning, bytes < 4 ? "" : bytes < 42 ? "Let " : "Let me see");
        free(buffer);
    }
}

static void test_collect_empty_answer_needs_no_buffer(void **state)
{
    (void)state;
    cmx_collect collect;
    cmx_event done = {.kind = CMX_EVENT_DONE};
    cmx_event bare = call(0, 0, "", "", "");
    cmx_collect_init(&collect, NULL, 0);
    assert_int_equal(cmx_collect_event(&collect, &done), CMX_OK);
    assert_text(cmx_collect_text(&collect, 0, CMX_CHANNEL_CONTENT), "");
    assert_int_equal(cmx_collect_event(&collect, &bare), CMX_OK);
    assert_call(&collect, 0, 0, (const char *const[]){"", "", ""});
    assert_int_equal(collect.needed, 0);
    cmx_event text = content(0, CMX_CHANNEL_CONTENT, "x");
    assert_int_equal(cmx_collect_event(&collect, &text), CMX_ERR_BUFFER_SMALL);
    assert_int_equal(cmx_collect_event(&collect, &done), CMX_ERR_BUFFER_SMALL);
    assert_int_equal(collect.needed, 1);
}

static void test_collect_too_many_parts_are_told(void **state)
{
    (void)state;
    char buffer[4 * CMX_COLLECT_PARTS_MAX];
    cmx_collect collect;
    cmx_collect_init(&collect, buffer, sizeof buffer);
    cmx_event event;
    uint32_t calls = CMX_COLLECT_PARTS_MAX / 3; /* two parts are left over */
    for (uint32_t i = 0; i < calls; i++) {
        event = call(0, i, "id", "name", "{}");
        assert_int_equal(cmx_collect_event(&collect, &event), CMX_OK);
    }
    event = content(0, CMX_CHANNEL_CONTENT, "a");
    assert_int_equal(cmx_collect_event(&collect, &event), CMX_OK);
    size_t used = collect.used;
    event = call(0, calls, "id", "", "{}"); /* needs two */
    assert_int_equal(cmx_collect_event(&collect, &event), CMX_ERR_BUFFER_SMALL);
    assert_int_equal(collect.used, used);
    assert_int_equal(collect.needed, used + 4);
    /* Not even what would fit: an answer with a hole is none. */
    event = content(0, CMX_CHANNEL_CONTENT, "b");
    assert_int_equal(cmx_collect_event(&collect, &event), CMX_ERR_BUFFER_SMALL);
    assert_text(cmx_collect_text(&collect, 0, CMX_CHANNEL_CONTENT), "a");
    cmx_tool_call last;
    assert_true(cmx_collect_tool_call(&collect, calls - 1, &last));
    assert_false(cmx_collect_tool_call(&collect, calls, &last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect_interleaved_answer_comes_out_whole),
        cmocka_unit_test(test_collect_every_small_buffer_tells_what_is_needed),
        cmocka_unit_test(test_collect_empty_answer_needs_no_buffer),
        cmocka_unit_test(test_collect_too_many_parts_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
