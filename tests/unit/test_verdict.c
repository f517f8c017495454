/* SPDX-License-Identifier: MIT */
/*
 * The verdict: what the bytes said crossed with how the stream ended, for chats and for plain
 * requests, and the names. The answers are decoded by the real decoder.
 */
#include "client/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum { TAIL_BYTES = 256, BLOCK_BYTES = 2048, TEXT_BYTES = 2048 };

#define TOKEN "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define SENTINEL "data: [DONE]\n\n"
#define INBAND "data: {\"error\":{\"message\":\"no\",\"code\":500}}\n\n"

static _Alignas(16) uint8_t block[BLOCK_BYTES + 64];
static uint8_t tail[TAIL_BYTES];
static cmx_blocks blocks;
static cmx_answer answer;
static cmx_verdict_facts facts;

static int set_up(void **state)
{
    (void)state;
    cmx_blocks_init(&blocks, block, 1, BLOCK_BYTES);
    const cmx_answer_memory memory = {.notes = &notes,
                                      .id = id,
                                      .tail = tail,
                                      .tail_capacity = TAIL_BYTES,
                                      .blocks = &blocks,
                                      .event_bytes_max = BLOCK_BYTES};
    cmx_answer_init(&answer, &memory);
    facts = (cmx_verdict_facts){.answer = &answer, .http_status = 200};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_answer_deinit(&answer);
    return 0;
}

static void drain(void)
{
    cmx_answer_item item;
    while (cmx_answer_next(&answer, &item) == CMX_OK) {
        facts.delivered = facts.delivered || item.kind == CMX_ANSWER_DELTA;
    }
}

/* Decodes an answer to its end. */
static void decode(uint32_t status, const char *body)
{
    static uint8_t text[TEXT_BYTES];
    size_t len = strlen(body);
    assert_true(len < TEXT_BYTES);
    memcpy(text, body, len);
    facts.http_status = status;
    cmx_answer_head(&answer, status, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    cmx_answer_feed(&answer, text, len);
    drain();
    cmx_answer_end(&answer);
    drain();
}

static void expect(enum cmx_verdict verdict, int error)
{
    int told = 77;
    enum cmx_verdict judged = cmx_verdict_judge(&facts, &told);
    assert_string_equal(cmx_verdict_name(judged), cmx_verdict_name(verdict));
    assert_string_equal(cmx_error_name(told), cmx_error_name(error));
}

static void ended(void)
{
    facts.complete = true;
    facts.cause = CMX_OK;
}

static void cut(int cause)
{
    facts.complete = false;
    facts.cause = cause;
}

static void test_verdict_whole_stream_is_done_however_it_ends(void **state)
{
    (void)state;
    decode(200, TOKEN FINISH SENTINEL);
    ended();
    expect(CMX_VERDICT_DONE, CMX_OK);
    cut(CMX_ERR_STREAM_RESET);
    expect(CMX_VERDICT_DONE, CMX_OK);
    cut(CMX_ERR_TIMEOUT_PROGRESS);
    expect(CMX_VERDICT_DONE, CMX_OK);
    cut(CMX_ERR_TRUNCATED); /* the grace after the sentinel */
    expect(CMX_VERDICT_DONE, CMX_OK);
}

static void test_verdict_cancel_comes_before_everything(void **state)
{
    (void)state;
    decode(200, TOKEN FINISH SENTINEL);
    cut(CMX_ERR_CANCELLED);
    expect(CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
    facts.answer = NULL;
    expect(CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
}

static void test_verdict_dropped_deltas_are_never_complete(void **state)
{
    (void)state;
    decode(200, TOKEN FINISH SENTINEL);
    cut(CMX_ERR_TIMEOUT_TOTAL);
    facts.dropped = true;
    expect(CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
    cut(CMX_ERR_TIMEOUT_PROGRESS);
    expect(CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS);
}

static void test_verdict_no_sentinel_is_told_apart(void **state)
{
    (void)state;
    decode(200, TOKEN FINISH);
    ended();
    expect(CMX_VERDICT_DONE_NO_SENTINEL, CMX_OK);
    cut(CMX_ERR_CLOSED);
    expect(CMX_VERDICT_DONE_NO_SENTINEL, CMX_OK);
}

static void test_verdict_text_without_finish_is_truncated(void **state)
{
    (void)state;
    decode(200, TOKEN);
    ended();
    expect(CMX_VERDICT_TRUNCATED, CMX_ERR_TRUNCATED);
    const int causes[] = {CMX_ERR_STREAM_RESET,  CMX_ERR_RESET, CMX_ERR_CLOSED,
                          CMX_ERR_TLS_TRUNCATED, CMX_ERR_HTTP2, CMX_ERR_STREAM_REFUSED};
    for (size_t i = 0; i < CMX_ARRAY_LEN(causes); i++) {
        cut(causes[i]);
        expect(CMX_VERDICT_TRUNCATED, causes[i]);
    }
}

static void test_verdict_clocks_after_text(void **state)
{
    (void)state;
    decode(200, TOKEN);
    cut(CMX_ERR_TIMEOUT_PROGRESS);
    expect(CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS);
    cut(CMX_ERR_TIMEOUT_TOTAL);
    expect(CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_TOTAL);
}

static void test_verdict_without_head_is_the_cause(void **state)
{
    (void)state;
    const struct {
        int cause;
        enum cmx_verdict verdict;
    } rows[] = {
        {CMX_ERR_TIMEOUT_QUEUE, CMX_VERDICT_TIMEOUT},
        {CMX_ERR_TIMEOUT_HEAD, CMX_VERDICT_TIMEOUT},
        {CMX_ERR_TIMEOUT_FIRST_TOKEN, CMX_VERDICT_TIMEOUT},
        {CMX_ERR_TIMEOUT_TOTAL, CMX_VERDICT_TIMEOUT},
        {CMX_ERR_TIMEOUT_CONNECT, CMX_VERDICT_NETWORK},
        {CMX_ERR_TIMEOUT_SETTINGS, CMX_VERDICT_NETWORK},
        {CMX_ERR_DNS_NOT_FOUND, CMX_VERDICT_NETWORK},
        {CMX_ERR_REFUSED, CMX_VERDICT_NETWORK},
        {CMX_ERR_CERT_HOST, CMX_VERDICT_NETWORK},
        {CMX_ERR_STREAM_REFUSED, CMX_VERDICT_NETWORK},
        {CMX_ERR_STREAM_RESET, CMX_VERDICT_NETWORK},
        {CMX_ERR_BODY_CHANGED, CMX_VERDICT_NETWORK},
        {CMX_ERR_NO_MEMORY, CMX_VERDICT_LIMIT},
    };
    facts.http_status = 0;
    cmx_answer_end(&answer);
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        cut(rows[i].cause);
        facts.answer = &answer;
        expect(rows[i].verdict, rows[i].cause);
        facts.answer = NULL;
        expect(rows[i].verdict, rows[i].cause);
    }
}

static void test_verdict_empty_answers(void **state)
{
    (void)state;
    decode(200, "");
    ended();
    expect(CMX_VERDICT_EMPTY, CMX_ERR_EMPTY);
    cut(CMX_ERR_CLOSED);
    expect(CMX_VERDICT_NETWORK, CMX_ERR_CLOSED);
}

static void test_verdict_sentinel_alone_is_empty_even_without_end_of_stream(void **state)
{
    (void)state;
    decode(200, SENTINEL);
    cut(CMX_ERR_TRUNCATED);
    expect(CMX_VERDICT_EMPTY, CMX_ERR_EMPTY);
}

static void test_verdict_inband_error_wins_over_the_cause(void **state)
{
    (void)state;
    decode(200, TOKEN INBAND);
    cut(CMX_ERR_INBAND);
    expect(CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND);
    cut(CMX_ERR_TIMEOUT_TOTAL);
    expect(CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND);
}

static void test_verdict_error_status_wins_over_the_cause(void **state)
{
    (void)state;
    decode(503, "{\"error\":{\"message\":\"busy\"}}");
    ended();
    expect(CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    cut(CMX_ERR_RESET);
    expect(CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
}

static void test_verdict_redirect_is_an_error_of_its_own(void **state)
{
    (void)state;
    decode(307, "moved");
    ended();
    expect(CMX_VERDICT_ERROR_HTTP, CMX_ERR_REDIRECT);
    cut(CMX_ERR_RESET);
    expect(CMX_VERDICT_ERROR_HTTP, CMX_ERR_REDIRECT);
}

static void test_verdict_tool_calls_beyond_their_rows_are_a_limit(void **state)
{
    (void)state;
    decode(200, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"a\"}]}}]}\n\n");
    cut(CMX_ERR_TOOL_CALLS);
    expect(CMX_VERDICT_LIMIT, CMX_ERR_TOOL_CALLS);
}

static void test_verdict_large_event_is_a_limit(void **state)
{
    (void)state;
    char body[TEXT_BYTES] = "data: ";
    memset(body + 6, 'x', BLOCK_BYTES - 32);
    facts.http_status = 200;
    cmx_answer_head(&answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    for (unsigned i = 0; i < 2; i++) {
        cmx_answer_feed(&answer, (uint8_t *)body, strlen(body));
        drain();
    }
    cut(CMX_ERR_EVENT_LARGE);
    expect(CMX_VERDICT_LIMIT, CMX_ERR_EVENT_LARGE);
}

static void test_verdict_plain_request_is_judged_by_status_and_end(void **state)
{
    (void)state;
    facts.answer = NULL;
    ended();
    const uint32_t good[] = {200, 204, 299};
    const uint32_t bad[] = {304, 404, 500};
    for (size_t i = 0; i < 3; i++) {
        facts.http_status = good[i];
        expect(CMX_VERDICT_DONE, CMX_OK);
        facts.http_status = bad[i];
        expect(CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    }
    const uint32_t redirects[] = {300, 301, 399};
    for (size_t i = 0; i < 3; i++) {
        facts.http_status = redirects[i];
        expect(CMX_VERDICT_ERROR_HTTP, CMX_ERR_REDIRECT);
    }
    facts.http_status = 200;
    facts.delivered = true;
    cut(CMX_ERR_STREAM_RESET);
    expect(CMX_VERDICT_TRUNCATED, CMX_ERR_STREAM_RESET);
    cut(CMX_ERR_TIMEOUT_PROGRESS);
    expect(CMX_VERDICT_STALLED, CMX_ERR_TIMEOUT_PROGRESS);
}

static void test_verdict_names_and_completeness(void **state)
{
    (void)state;
    for (int v = CMX_VERDICT_DONE; v <= CMX_VERDICT_NETWORK; v++) {
        enum cmx_verdict verdict = (enum cmx_verdict)v;
        assert_true(strlen(cmx_verdict_name(verdict)) > 0);
        assert_string_not_equal(cmx_verdict_name(verdict), "UNKNOWN");
        bool whole = verdict == CMX_VERDICT_DONE || verdict == CMX_VERDICT_DONE_NO_SENTINEL;
        assert_int_equal(cmx_verdict_complete(verdict), whole);
    }
    assert_string_equal(cmx_verdict_name(CMX_VERDICT_TRUNCATED), "TRUNCATED");
    assert_string_equal(cmx_verdict_name((enum cmx_verdict)99), "UNKNOWN");
    assert_false(cmx_verdict_complete((enum cmx_verdict)99));
}

static void test_verdict_cause_of_a_slot(void **state)
{
    (void)state;
    cmx_slot slot = {.end = CMX_SLOT_END_COMPLETE, .status = CMX_ERR_STREAM_RESET};
    assert_int_equal(cmx_verdict_cause(&slot), CMX_OK);
    slot.end = CMX_SLOT_END_RESET;
    assert_int_equal(cmx_verdict_cause(&slot), CMX_ERR_STREAM_RESET);
    slot.stream.source_error = CMX_ERR_BODY_CHANGED;
    assert_int_equal(cmx_verdict_cause(&slot), CMX_ERR_BODY_CHANGED);
    slot.end = CMX_SLOT_END_REFUSED;
    assert_int_equal(cmx_verdict_cause(&slot), CMX_ERR_STREAM_REFUSED);
    slot.status = CMX_ERR_CLOSED;
    assert_int_equal(cmx_verdict_cause(&slot), CMX_ERR_CLOSED);
    slot.end = CMX_SLOT_END_LOST;
    assert_int_equal(cmx_verdict_cause(&slot), CMX_ERR_CLOSED);
    slot.end = CMX_SLOT_END_NEVER_SENT;
    slot.status = CMX_ERR_REFUSED;
    assert_int_equal(cmx_verdict_cause(&slot), CMX_ERR_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_verdict_whole_stream_is_done_however_it_ends),
        TEST(test_verdict_cancel_comes_before_everything),
        TEST(test_verdict_dropped_deltas_are_never_complete),
        TEST(test_verdict_no_sentinel_is_told_apart),
        TEST(test_verdict_text_without_finish_is_truncated),
        TEST(test_verdict_clocks_after_text),
        TEST(test_verdict_without_head_is_the_cause),
        TEST(test_verdict_empty_answers),
        TEST(test_verdict_sentinel_alone_is_empty_even_without_end_of_stream),
        TEST(test_verdict_inband_error_wins_over_the_cause),
        TEST(test_verdict_error_status_wins_over_the_cause),
        TEST(test_verdict_redirect_is_an_error_of_its_own),
        TEST(test_verdict_tool_calls_beyond_their_rows_are_a_limit),
        TEST(test_verdict_large_event_is_a_limit),
        TEST(test_verdict_plain_request_is_judged_by_status_and_end),
        TEST(test_verdict_names_and_completeness),
        TEST(test_verdict_cause_of_a_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
