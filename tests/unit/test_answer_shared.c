/* SPDX-License-Identifier: MIT */
/*
 * Answers that share tails, memory for shapes and tables of tool calls: who comes first has them,
 * who comes last does with less or ends as documented, and everything comes back.
 */
#include "chat/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ANSWERS = 3, BYTES = 128, TOOLS = 2, LOG_BYTES = 256 };

#define SAY(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define HALF "data: {\"choices\":[{\"delta\":{\"con"
#define OTHER_HALF "tent\":\"x\"}}]}\n\n"
#define CALL "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}}]}\n\n"
#define END "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

/* What is shared; one of each. */
static struct {
    cmx_blocks tails;
    cmx_blocks blocks;
    cmx_blocks shapes;
    cmx_blocks tables;
    _Alignas(CMX_BLOCKS_ALIGN) uint8_t memory[4][BYTES + 64];
} shared;

static struct run {
    cmx_answer answer;
    char log[LOG_BYTES];
    int rc;
} runs[ANSWERS];

static void open_answer(size_t i, uint32_t skipped_max)
{
    const cmx_answer_memory memory = {
        .tails = &shared.tails,
        .tail_capacity = BYTES,
        .blocks = &shared.blocks,
        .event_bytes_max = BYTES,
        .shapes = &shared.shapes,
        .shape_capacity = BYTES,
        .tables = &shared.tables,
        .tools_capacity = TOOLS,
        .skipped_events_max = skipped_max,
    };
    memset(&runs[i], 0, sizeof(runs[i]));
    cmx_answer_init(&runs[i].answer, &memory);
    cmx_answer_head(&runs[i].answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
}

static int open_all(void **state)
{
    (void)state;
    cmx_blocks_init(&shared.tails, shared.memory[0], 1, BYTES);
    cmx_blocks_init(&shared.blocks, shared.memory[1], 1, BYTES);
    cmx_blocks_init(&shared.shapes, shared.memory[2], 1, BYTES);
    cmx_blocks_init(&shared.tables, shared.memory[3], 1, TOOLS * sizeof(cmx_answer_tool));
    for (size_t i = 0; i < ANSWERS; i++) {
        open_answer(i, 0);
    }
    return 0;
}

static void expect_free(cmx_blocks *blocks)
{
    uint8_t *block = cmx_blocks_take(blocks);
    assert_non_null(block);
    assert_null(cmx_blocks_take(blocks));
    cmx_blocks_give(blocks, block);
}

/* Whatever happened: what was shared is there for the next. */
static int close_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        cmx_answer_deinit(&runs[i].answer);
    }
    expect_free(&shared.tails);
    expect_free(&shared.blocks);
    expect_free(&shared.shapes);
    expect_free(&shared.tables);
    return 0;
}

static void feed(size_t i, const char *text)
{
    static uint8_t bytes[1024];
    struct run *run = &runs[i];
    cmx_answer_item item;
    size_t len = strlen(text);
    assert_true(len <= sizeof(bytes));
    memcpy(bytes, text, len);
    cmx_answer_feed(&run->answer, bytes, len);
    while ((run->rc = cmx_answer_next(&run->answer, &item)) == CMX_OK) {
        strncat(run->log, item.delta.text.data, item.delta.text.len);
    }
}

static void expect_done(size_t i, const char *log)
{
    cmx_answer_result result;
    cmx_answer_result_get(&runs[i].answer, &result);
    assert_true(result.done);
    assert_string_equal(runs[i].log, log);
}

static void test_answer_shared_tail_serves_the_first(void **state)
{
    (void)state;
    feed(0, HALF); /* has the tail */
    feed(1, HALF); /* has the block */
    feed(2, SAY("whole") HALF);
    assert_int_equal(runs[2].rc, CMX_ERR_NO_BUFFER);
    assert_string_equal(runs[2].log, "whole");
    feed(0, OTHER_HALF END); /* nobody else notices */
    feed(1, OTHER_HALF END);
    expect_done(0, "x");
    expect_done(1, "x");
}

static void test_answer_shared_tail_comes_back_with_its_event(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < ANSWERS; i++) { /* one after the other there is always one */
            feed(i, HALF);
            feed(i, OTHER_HALF SAY("y"));
            assert_int_equal(runs[i].rc, CMX_AGAIN);
        }
    }
    for (size_t i = 0; i < ANSWERS; i++) {
        feed(i, END);
        expect_done(i, "xyxyxy");
    }
}

static void test_answer_shared_tail_that_lacks_is_a_skipped_event(void **state)
{
    cmx_answer_result result;
    (void)state;
    open_answer(2, 1);
    feed(0, HALF);
    feed(1, HALF);
    feed(2, SAY("a") HALF);
    feed(2, OTHER_HALF SAY("b") END);
    expect_done(2, "ab");
    cmx_answer_result_get(&runs[2].answer, &result);
    assert_int_equal(result.skipped, 1);
    feed(0, OTHER_HALF END);
    expect_done(0, "x");
}

static void test_answer_shared_shapes_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        feed(i, SAY("a") SAY("b"));
    }
    for (size_t i = ANSWERS; i-- > 0;) {
        feed(i, SAY("c") END);
        expect_done(i, "abc");
    }
}

static void test_answer_shared_table_serves_one_with_tool_calls(void **state)
{
    (void)state;
    feed(0, CALL);
    assert_int_equal(runs[0].rc, CMX_AGAIN);
    feed(1, SAY("a") CALL);
    assert_int_equal(runs[1].rc, CMX_ERR_TOOL_CALLS);
    feed(2, SAY("no calls") END);
    expect_done(2, "no calls");
    cmx_answer_deinit(&runs[0].answer);
    open_answer(0, 0);
    open_answer(2, 0);
    feed(2, CALL); /* the first one's came back */
    assert_int_equal(runs[2].rc, CMX_AGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answer_shared_tail_serves_the_first),
        TEST(test_answer_shared_tail_comes_back_with_its_event),
        TEST(test_answer_shared_tail_that_lacks_is_a_skipped_event),
        TEST(test_answer_shared_shapes_change_nothing),
        TEST(test_answer_shared_table_serves_one_with_tool_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
