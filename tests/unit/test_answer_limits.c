/* SPDX-License-Identifier: MIT */
/*
 * Events that do not fit: skipped while the limit allows, at every split the same, without a byte
 * of them being kept, and without losing what comes behind them. Malformed events have a limit of
 * their own.
 */
#include "chat/answer_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum { EVENT_BYTES_MAX = 128, BLOCK_BYTES = 144, STREAM_BYTES = 2048, LOG_BYTES = 256 };

#define SAY(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define STOP "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"
#define END "data: [DONE]\n\n"
#define FILL40 "0123456789012345678901234567890123456789"
#define LARGE(eol) "data: {\"x\":\"" FILL40 FILL40 FILL40 FILL40 "\"}" eol eol
/* Several lines, also of other fields and comments, each of which fits by itself. */
#define LARGE_LINES(eol)                                                                  \
    "event: error" eol "data: " FILL40 eol ": [DONE]" eol "data:" eol "data: " FILL40 eol \
    "data: [DONE]" eol FILL40 eol "data: " FILL40 eol eol

struct run {
    cmx_answer answer;
    cmx_blocks blocks;
    _Alignas(CMX_BLOCKS_ALIGN) uint8_t memory[BLOCK_BYTES + 16];
    uint8_t tail[EVENT_BYTES_MAX];
    char log[LOG_BYTES];
    int rc;
};

static void run_init(struct run *run, size_t tail_capacity, uint32_t malformed, uint32_t skipped)
{
    memset(run, 0, sizeof *run);
    cmx_blocks_init(&run->blocks, run->memory, 1, EVENT_BYTES_MAX);
    const cmx_answer_memory memory = {
        .notes = &notes,
        .id = id,
        .tail = run->tail,
        .tail_capacity = tail_capacity,
        .blocks = &run->blocks,
        .event_bytes_max = EVENT_BYTES_MAX,
        .malformed_events_max = malformed,
        .skipped_events_max = skipped,
    };
    cmx_answer_init(&run->answer, &memory);
    cmx_answer_head(&run->answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
}

static void pull(struct run *run)
{
    cmx_answer_item item;
    while ((run->rc = cmx_answer_next(&run->answer, &item)) == CMX_OK) {
        strncat(run->log, item.delta.text.data, item.delta.text.len);
    }
}

static void feed(struct run *run, const char *bytes, size_t len)
{
    uint8_t *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    cmx_answer_feed(&run->answer, exact, len);
    pull(run);
    free(exact);
}

static void feed_text(struct run *run, const char *text)
{
    feed(run, text, strlen(text));
}

static void expect(struct run *run, const char *log, uint32_t skipped, const char *how, size_t at)
{
    cmx_answer_end(&run->answer);
    pull(run);
    int error;
    enum cmx_verdict verdict = cmx_answer_verdict(&run->answer, true, &error);
    cmx_answer_result result;
    cmx_answer_result_get(&run->answer, &result);
    if (strcmp(run->log, log) != 0 || verdict != CMX_VERDICT_DONE || result.skipped != skipped ||
        result.malformed != 0) {
        fail_msg("%s %zu: log '%s' verdict %d error %d skipped %u malformed %u", how, at, run->log,
                 (int)verdict, error, result.skipped, result.malformed);
    }
    cmx_answer_deinit(&run->answer);
    assert_int_equal(run->blocks.free_count, 1);
}

static void test_answer_limits_large_events_are_skipped_at_every_split(void **state)
{
    (void)state;
    static const char *const bytes[] = {
        SAY("a") LARGE("\n") SAY("b") LARGE_LINES("\n") SAY("c") STOP END,
        SAY("a") LARGE("\r\n") SAY("b") LARGE_LINES("\r\n") SAY("c") STOP END,
        SAY("a") LARGE("\r") SAY("b") LARGE_LINES("\r") SAY("c") STOP END,
        "\xef\xbb\xbf" LARGE("\n") SAY("ab") LARGE("\r\n") "\r\n: x\r\n" SAY("c") STOP END,
    };
    static struct run run;
    for (size_t i = 0; i < CMX_ARRAY_LEN(bytes); i++) {
        size_t len = strlen(bytes[i]);
        for (size_t split = 0; split <= len; split++) {
            run_init(&run, split % 3 == 0 ? 16 : EVENT_BYTES_MAX, 0, 2);
            feed(&run, bytes[i], split);
            feed(&run, bytes[i] + split, len - split);
            expect(&run, "abc", 2, "split", split);
        }
        for (size_t piece = 1; piece < 40; piece++) {
            run_init(&run, 64, 0, 2);
            for (size_t at = 0; at < len; at += piece) {
                feed(&run, bytes[i] + at, len - at < piece ? len - at : piece);
            }
            expect(&run, "abc", 2, "pieces of", piece);
        }
    }
}

static void test_answer_limits_one_more_ends_as_limit(void **state)
{
    (void)state;
    static struct run run;
    static const char stream[] = SAY("a") LARGE("\n") SAY("b") LARGE("\n") SAY("c");
    for (uint32_t allowed = 0; allowed < 2; allowed++) {
        for (size_t split = 0; split <= sizeof stream - 1; split++) {
            run_init(&run, EVENT_BYTES_MAX, 0, allowed);
            feed(&run, stream, split);
            feed(&run, stream + split, sizeof stream - 1 - split);
            assert_int_equal(run.rc, CMX_ERR_EVENT_LARGE);
            assert_string_equal(run.log, allowed == 0 ? "a" : "ab");
            assert_int_equal(run.answer.skipped, allowed);
            int error;
            assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_LIMIT);
            assert_int_equal(error, CMX_ERR_EVENT_LARGE);
        }
    }
}

static void test_answer_limits_exact_size_is_not_skipped(void **state)
{
    (void)state;
    static struct run run;
    char event[EVENT_BYTES_MAX + 2];
    static const char front[] = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"x\":\"";
    for (size_t size = EVENT_BYTES_MAX - 1; size <= EVENT_BYTES_MAX + 1; size++) {
        memset(event, 'x', size);
        memcpy(event, front, sizeof front - 1);
        memcpy(event + size - 4, "\"}\n\n", 4);
        for (size_t split = 0; split <= size; split++) {
            run_init(&run, 16, 0, 1);
            feed(&run, event, split);
            feed(&run, event + split, size - split);
            feed_text(&run, STOP END);
            bool fits = size <= EVENT_BYTES_MAX;
            expect(&run, fits ? "a" : "", fits ? 0 : 1, "size", size);
        }
    }
}

static void test_answer_limits_without_a_block_events_are_skipped(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, 16, 0, 1);
    uint8_t *block = cmx_blocks_take(&run.blocks);
    feed(&run, SAY("lost"), 30);
    assert_int_equal(run.rc, CMX_AGAIN);
    assert_int_equal(run.answer.skipped, 1);
    assert_int_equal(run.answer.keep.len, 0);
    assert_int_equal(run.blocks.refused, 1);
    feed_text(&run, &SAY("lost")[30]);
    feed_text(&run, SAY("a"));
    cmx_blocks_give(&run.blocks, block);
    feed(&run, SAY("b"), 30);
    feed_text(&run, &SAY("b")[30]);
    block = cmx_blocks_take(&run.blocks);
    feed(&run, SAY("c"), 30);
    assert_int_equal(run.rc, CMX_ERR_NO_BUFFER);
    assert_string_equal(run.log, "ab");
    int error;
    assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_LIMIT);
    assert_int_equal(error, CMX_ERR_NO_BUFFER);
    cmx_blocks_give(&run.blocks, block);
}

static void test_answer_limits_endless_event_is_counted_once(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, 64, 0, 1);
    feed_text(&run, SAY("a") STOP "data: ");
    for (int i = 0; i < 10000; i++) {
        feed_text(&run, i % 100 == 99 ? "\ndata: " : FILL40);
        assert_int_equal(run.rc, CMX_AGAIN);
        assert_true(run.answer.keep.len <= EVENT_BYTES_MAX);
    }
    assert_int_equal(run.blocks.free_count, 1);
    feed_text(&run, "[DONE]"); /* of the event that is passed over: no end */
    cmx_answer_end(&run.answer);
    pull(&run);
    assert_int_equal(run.answer.skipped, 1);
    assert_false(cmx_answer_finished(&run.answer));
    assert_string_equal(run.log, "a");
}

static void test_answer_limits_malformed_events_have_their_own(void **state)
{
    (void)state;
    static struct run run;
    for (uint32_t allowed = 0; allowed < 5; allowed++) {
        run_init(&run, 64, allowed, 9);
        for (uint32_t i = 0; i < allowed; i++) {
            feed_text(&run, "data: {\n\n" SAY("a"));
            assert_int_equal(run.rc, CMX_AGAIN);
        }
        feed_text(&run, "data: nonsense\n\n" SAY("b"));
        assert_int_equal(run.rc, CMX_ERR_MALFORMED);
        assert_int_equal(strlen(run.log), allowed);
        assert_int_equal(run.answer.malformed, allowed + 1);
    }
}

static void test_answer_limits_behind_the_end_nothing_is_kept(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, 16, 0, 0);
    feed_text(&run, SAY("a") STOP END LARGE("\n"));
    for (int i = 0; i < 100; i++) {
        feed_text(&run, FILL40 FILL40 FILL40 FILL40);
        assert_int_equal(run.rc, CMX_AGAIN);
    }
    expect(&run, "a", 0, "behind the end", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_limits_large_events_are_skipped_at_every_split),
        cmocka_unit_test(test_answer_limits_one_more_ends_as_limit),
        cmocka_unit_test(test_answer_limits_exact_size_is_not_skipped),
        cmocka_unit_test(test_answer_limits_without_a_block_events_are_skipped),
        cmocka_unit_test(test_answer_limits_endless_event_is_counted_once),
        cmocka_unit_test(test_answer_limits_malformed_events_have_their_own),
        cmocka_unit_test(test_answer_limits_behind_the_end_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
