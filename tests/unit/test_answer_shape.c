/* SPDX-License-Identifier: MIT */
/*
 * Shapes: what is learned and matched, and that an answer decoded with them says the same as one
 * decoded without, over many streams of events that are alike, nearly alike and broken.
 */
#include "base/random.h"
#include "chat/answer_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum {
    SHAPE_BYTES = 384,
    STREAMS = 3000,
    EVENTS_MAX = 12,
    STREAM_BYTES = 8192,
    LOG_BYTES = 16384,
    TOOLS = 16,
};

static cmx_json_span span(char *text)
{
    return (cmx_json_span){(uint8_t *)text, (uint8_t *)text + strlen(text)};
}

/* Learns `event`, whose text is between the first two '|' (which become quotes). */
static void learn(cmx_answer_shape *shape, char *event)
{
    char *open = strchr(event, '|');
    char *close = strchr(open + 1, '|');
    *open = '"';
    *close = '"';
    cmx_answer_shape_learn(shape, span(event),
                           (cmx_json_span){(uint8_t *)open + 1, (uint8_t *)close});
}

static void test_answer_shape_matches_other_text_only(void **state)
{
    (void)state;
    uint8_t bytes[64];
    cmx_answer_shape shape;
    cmx_json_span text;
    char event[] = "{\"a\":|old|,\"b\":1}";
    char other[] = "{\"a\":\"something new\",\"b\":1}";
    char before[] = "{\"c\":\"old\",\"b\":1}";
    char behind[] = "{\"a\":\"old\",\"b\":2}";
    char empty[] = "{\"a\":\"\",\"b\":1}";

    cmx_answer_shape_init(&shape, bytes, NULL, sizeof bytes);
    assert_false(cmx_answer_shape_match(&shape, span(other), &text));
    learn(&shape, event);
    assert_true(cmx_answer_shape_match(&shape, span(other), &text));
    assert_memory_equal(text.at, "something new", 13);
    assert_int_equal(cmx_json_span_len(text), 13);
    assert_true(cmx_answer_shape_match(&shape, span(empty), &text));
    assert_int_equal(cmx_json_span_len(text), 0);
    assert_false(cmx_answer_shape_match(&shape, span(before), &text));
    assert_false(cmx_answer_shape_match(&shape, span(behind), &text));
}

static void test_answer_shape_text_with_an_end_is_not_matched(void **state)
{
    (void)state;
    uint8_t bytes[64];
    cmx_answer_shape shape;
    cmx_json_span text;
    char event[] = "{\"a\":|x|,\"b\":1}";
    char two[] = "{\"a\":\"x\",\"n\":\"y\",\"b\":1}";
    char escaped[] = "{\"a\":\"x\\\",\\u00e4\",\"b\":1}";
    char broken[] = "{\"a\":\"x\\q\",\"b\":1}";
    char hanging[] = "{\"a\":\"x\\\",\"b\":1}";
    char control[] = "{\"a\":\"x\ny\",\"b\":1}";

    cmx_answer_shape_init(&shape, bytes, NULL, sizeof bytes);
    learn(&shape, event);
    assert_false(cmx_answer_shape_match(&shape, span(two), &text));
    assert_true(cmx_answer_shape_match(&shape, span(escaped), &text));
    assert_false(cmx_answer_shape_match(&shape, span(broken), &text));
    assert_false(cmx_answer_shape_match(&shape, span(hanging), &text));
    assert_false(cmx_answer_shape_match(&shape, span(control), &text));
}

static void test_answer_shape_too_large_is_forgotten(void **state)
{
    (void)state;
    uint8_t bytes[16];
    cmx_answer_shape shape;
    cmx_json_span text;
    char fits[] = "{\"a\":|x|,\"b\":1}";
    char same[] = "{\"a\":\"y\",\"b\":1}";
    char large[] = "{\"a\":|x|,\"b\":12345}";

    cmx_answer_shape_init(&shape, bytes, NULL, sizeof bytes);
    learn(&shape, fits);
    assert_true(cmx_answer_shape_match(&shape, span(same), &text));
    learn(&shape, large);
    assert_false(cmx_answer_shape_match(&shape, span(same), &text));
}

/* ---- the same with and without ---- */

#define TOOL(members) "{\"choices\":[{\"delta\":{\"tool_calls\":[{" members "}]}}]}"

static const char *const frames[] = {
    "{\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}",
    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}],\"usage\":null}",
    "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"%s\"}}],\"usage\":null}",
    "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"%s\"}}]}",
    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\",\"refusal\":\"no\"}}]}",
    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}",
    "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}],\"usage\":{\"prompt_tokens\":1}}",
    "{\"choices\":[{\"delta\":{\"content\":\"%s\"}},{\"index\":1,\"delta\":{\"content\":\"z\"}}]}",
    "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}],\"error\":null}",
    TOOL("\"index\":0,\"function\":{\"arguments\":\"%s\"}"),
    TOOL("\"index\":1,\"function\":{\"arguments\":\"%s\"}"),
    TOOL("\"function\":{\"arguments\":\"%s\"}"),
    TOOL("\"index\":0,\"id\":\"b\",\"function\":{\"arguments\":\"%s\"}"),
    TOOL("\"index\":0,\"id\":\"%s\",\"function\":{\"arguments\":\"a\"}"),
    TOOL("\"id\":\"%s\",\"function\":{\"name\":\"f\"}"),
    TOOL("\"index\":0,\"function\":{\"arguments\":{\"a\":\"%s\"}}"),
    TOOL("\"function\":{\"arguments\":\"y\"}},{\"function\":{\"arguments\":\"%s\"}"),
    TOOL("\"index\":1},{\"function\":{\"arguments\":\"%s\"}"),
    "{\"choices\":[{\"delta\":{\"function_call\":{\"arguments\":\"%s\"}}}]}",
    "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}]}",
    "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"text\":\"%s\"}]"
    "}]}}"
    "]}",
    "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}],\"x_groq\":{\"usage\":{\"prompt_tokens\":2}}}",
};

static const char *const texts[] = {
    "hello",
    " wor",
    "",
    "\\n",
    "a\\\"b",
    "\\ud83d",
    "\\ude00",
    "\\u00e4",
    "\xc3\xa4",
    "\xc3",
    "x\\q",
    "x\\",
    "y\",\"content\":\"z",
    "\\\\",
    "\"}}]}",
    "\x01",
    "\\ud83d\\ude00",
    "long text with many words in it",
};

static size_t make_stream(cmx_random *random, char *out)
{
    size_t len = 0;
    const char *frame = frames[cmx_random_below(random, CMX_ARRAY_LEN(frames))];
    uint32_t events = 2 + cmx_random_below(random, EVENTS_MAX - 2);
    for (uint32_t i = 0; i < events; i++) {
        if (cmx_random_below(random, 5) == 0) {
            frame = frames[cmx_random_below(random, CMX_ARRAY_LEN(frames))];
        }
        char event[512];
        const char *hole = strstr(frame, "%s");
        assert_non_null(hole);
        (void)snprintf(event, sizeof event, "%.*s%s%s", (int)(hole - frame), frame,
                       texts[cmx_random_below(random, CMX_ARRAY_LEN(texts))], hole + 2);
        if (cmx_random_below(random, 20) == 0) {
            event[cmx_random_below(random, (uint32_t)strlen(event))] =
                (char)(32 + cmx_random_below(random, 95));
        }
        len += (size_t)sprintf(out + len, "data: %s\n\n", event);
    }
    return len;
}

static void decode(const char *bytes, size_t len, size_t split, size_t shape_bytes, char *log)
{
    static uint8_t tail[2048];
    static uint8_t shape[SHAPE_BYTES];
    static cmx_answer_tool tools[TOOLS];
    cmx_answer answer;
    cmx_blocks blocks;
    _Alignas(CMX_BLOCKS_ALIGN) uint8_t none[64];
    cmx_blocks_init(&blocks, none, 0, 16);
    const cmx_answer_memory memory = {
        .notes = &notes,
        .id = id,
        .tail = tail,
        .tail_capacity = sizeof tail,
        .shape = shape,
        .shape_capacity = shape_bytes,
        .blocks = &blocks,
        .event_bytes_max = sizeof tail,
        .tools = tools,
        .tools_capacity = CMX_ARRAY_LEN(tools),
        .malformed_events_max = 3,
    };
    cmx_answer_init(&answer, &memory);
    cmx_answer_head(&answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});

    size_t at = 0;
    char *out = log;
    cmx_answer_item item;
    for (unsigned part = 0; part < 3; part++) {
        size_t piece = part == 0 ? split : (part == 1 ? len - split : 0);
        uint8_t *exact = malloc(piece + 1);
        assert_non_null(exact);
        memcpy(exact, bytes + at, piece);
        at += piece;
        if (part < 2) {
            cmx_answer_feed(&answer, exact, piece);
        } else {
            cmx_answer_end(&answer);
        }
        while (cmx_answer_next(&answer, &item) == CMX_OK) {
            if (item.kind == CMX_ANSWER_DELTA) {
                const cmx_delta *delta = &item.delta;
                out += sprintf(out, "%u.%u.%u:%.*s:%.*s:%.*s|", delta->choice, delta->channel,
                               delta->tool, (int)delta->tool_id.len, delta->tool_id.data,
                               (int)delta->tool_name.len, delta->tool_name.data,
                               (int)delta->text.len, delta->text.data);
            } else {
                out += sprintf(out, "usage|");
            }
        }
        free(exact);
    }
    int error;
    enum cmx_verdict verdict = cmx_answer_verdict(&answer, true, &error);
    (void)sprintf(out, "%d %d %u %u %u", (int)verdict, error, answer.malformed,
                  answer.deltas.tools.count, answer.deltas.replaced);
    cmx_answer_deinit(&answer);
}

static void test_answer_shape_changes_nothing_in_random_streams(void **state)
{
    (void)state;
    static char bytes[STREAM_BYTES];
    static char with[LOG_BYTES];
    static char without[LOG_BYTES];
    cmx_random random;
    cmx_random_seed(&random, 20);
    for (unsigned i = 0; i < STREAMS; i++) {
        size_t len = make_stream(&random, bytes);
        size_t split = cmx_random_below(&random, (uint32_t)len + 1);
        decode(bytes, len, split, 0, without);
        decode(bytes, len, split, SHAPE_BYTES, with);
        assert_string_equal(with, without);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_shape_matches_other_text_only),
        cmocka_unit_test(test_answer_shape_text_with_an_end_is_not_matched),
        cmocka_unit_test(test_answer_shape_too_large_is_forgotten),
        cmocka_unit_test(test_answer_shape_changes_nothing_in_random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
