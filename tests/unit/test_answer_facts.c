/* SPDX-License-Identifier: MIT */
/*
 * What an answer says beside its text: usage in every spelling, errors in every carrier, where a
 * server redirects to. Each stream whole, and at every split in two.
 */
#include "chat/answer_verdict.h"
#include "text/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum { BYTES_MAX = 1024, BLOCK_BYTES = BYTES_MAX + 32, LOG_BYTES = 512 };

#define EVENT(json) "data: " json "\n\n"
#define SAY(text) EVENT("{\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}")
#define STOP EVENT("{\"choices\":[{\"finish_reason\":\"stop\"}]}")
#define END EVENT("[DONE]")
#define USAGE(members) EVENT("{\"choices\":[],\"usage\":{" members "}}")

static cmx_answer answer;
static cmx_blocks blocks;
static _Alignas(CMX_BLOCKS_ALIGN) uint8_t block[BLOCK_BYTES];
static uint8_t tail[64];
static char text[LOG_BYTES];
static cmx_answer_result result;
static enum cmx_verdict verdict;
static int error;

static void pull(void)
{
    cmx_answer_item item;
    while (cmx_answer_next(&answer, &item) == CMX_OK) {
        if (item.kind == CMX_ANSWER_DELTA) {
            strncat(text, item.delta.text.data, item.delta.text.len);
        } else {
            strcat(text, "U");
        }
    }
}

static void feed(const char *bytes, size_t len)
{
    uint8_t *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    cmx_answer_feed(&answer, exact, len);
    pull();
    free(exact);
}

static void decode(const char *bytes, size_t split, uint32_t status, const char *location)
{
    cmx_blocks_init(&blocks, block, 1, BYTES_MAX);
    const cmx_answer_memory memory = {
        .notes = &notes,
        .id = id,
        .tail = tail,
        .tail_capacity = sizeof tail,
        .blocks = &blocks,
        .event_bytes_max = BYTES_MAX,
        .malformed_events_max = 3,
    };
    memset(text, 0, sizeof text);
    cmx_answer_init(&answer, &memory);
    cmx_answer_head(&answer, status, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    cmx_view_text(location));
    feed(bytes, split);
    feed(bytes + split, strlen(bytes) - split);
    cmx_answer_end(&answer);
    pull();
    verdict = cmx_answer_verdict(&answer, true, &error);
    cmx_answer_result_get(&answer, &result);
    cmx_answer_deinit(&answer);
    assert_int_equal(blocks.free_count, 1);
}

/* ---- usage ---- */

struct usage_case {
    const char *name;
    const char *bytes;
    const char *text; /* with U where usage was delivered */
    cmx_usage usage;  /* prompt, completion, total, cached, reasoning */
};

static const struct usage_case usages[] = {
    {"3 empty choices",
     USAGE("\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12"),
     "U",
     {9, 3, 12, 0, 0, 0, false}},
    {"7 the last one counts, never the sum",
     USAGE("\"prompt_tokens\":9,\"completion_tokens\":1") USAGE(
         "\"prompt_tokens\":9,\"completion_tokens\":2") EVENT("{\"choices\":[],\"usage\":null}"),
     "UU",
     {9, 2, 0, 0, 0, 0, false}},
    {"what a later one does not have stays",
     USAGE("\"prompt_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":4}") USAGE(
         "\"completion_tokens\":2") USAGE("\"completion_tokens\":0") USAGE("") USAGE("\"x\":1"),
     "UUU",
     {9, 0, 0, 4, 0, 0, false}},
    {"8 x_groq",
     EVENT("{\"x_groq\":{\"id\":\"req\",\"usage\":{\"prompt_tokens\":1}},\"choices\":[]}")
         EVENT("{\"x_groq\":{\"usage\":{\"prompt_tokens\":7}},\"usage\":{\"prompt_tokens\":2}}")
             EVENT("{\"x_groq\":{\"usage\":null},\"choices\":[]}") EVENT("{\"x_groq\":7}"),
     "UU",
     {2, 0, 0, 0, 0, 0, false}},
    {"10 floats, strings, negative numbers",
     USAGE("\"prompt_tokens\":12.0,\"completion_tokens\":\"13\",\"total_tokens\":25")
         USAGE("\"prompt_tokens\":-1,\"completion_tokens\":1.5,\"total_tokens\":\"x\"")
             USAGE("\"prompt_tokens\":1.4e1,\"completion_tokens\":null,\"total_tokens\":{}"),
     "UU",
     {14, 13, 25, 0, 0, 0, false}},
    {"other names",
     USAGE("\"input_tokens\":5,\"output_tokens\":6,\"input_tokens_details\":{\"cached_tokens\":2},"
           "\"output_tokens_details\":{\"reasoning_tokens\":3}"),
     "U",
     {5, 6, 0, 2, 3, 0, false}},
    {"DeepSeek's cache",
     USAGE("\"prompt_tokens\":5,\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":1"),
     "U",
     {5, 0, 0, 4, 0, 0, false}},
    {"the usual name before the others",
     USAGE("\"prompt_cache_hit_tokens\":4,\"input_tokens\":8,\"prompt_tokens\":5,\"prompt_tokens_"
           "details\":{\"cached_tokens\":3}"),
     "U",
     {5, 0, 0, 3, 0, 0, false}},
    {"OpenRouter bills by itself",
     USAGE("\"prompt_tokens\":12,\"cost\":0.0001,\"is_byok\":false,\"cost_details\":{\"cost\":7}"),
     "U",
     {12, 0, 0, 0, 0, 100000000, true}},
    {"a cost that changes is told, one that is none is not",
     USAGE("\"cost\":\"1.5e-05\"") USAGE("\"cost\":2e-12") USAGE("\"cost\":null")
         USAGE("\"cost\":-1") USAGE("\"cost\":{}") USAGE("\"cost\":true"),
     "UU",
     {0, 0, 0, 0, 0, 2, true}},
    {"a cost of nothing is one",
     USAGE("\"prompt_tokens\":5") USAGE("\"cost\":0"),
     "UU",
     {5, 0, 0, 0, 0, 0, true}},
    {"a cost beyond 64 bits", USAGE("\"cost\":1e99"), "U", {0, 0, 0, 0, 0, UINT64_MAX, true}},
};

static void test_answer_facts_usage_in_every_spelling(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(usages); i++) {
        const cmx_usage *usage = &usages[i].usage;
        for (size_t split = 0; split <= strlen(usages[i].bytes); split++) {
            decode(usages[i].bytes, split, 200, "");
            if (strcmp(text, usages[i].text) != 0 || !result.has_usage ||
                memcmp(usage, &result.usage, offsetof(cmx_usage, cost)) != 0 ||
                usage->cost != result.usage.cost || usage->has_cost != result.usage.has_cost) {
                fail_msg("%s at %zu: '%s' %u %u %u %u %u", usages[i].name, split, text,
                         (unsigned)result.usage.prompt_tokens,
                         (unsigned)result.usage.completion_tokens,
                         (unsigned)result.usage.total_tokens, (unsigned)result.usage.cached_tokens,
                         (unsigned)result.usage.reasoning_tokens);
            }
        }
    }
    decode(USAGE("\"prompt_tokens\":-1"), 0, 200, "");
    assert_false(result.has_usage);
}

/* ---- errors ---- */

struct error_case {
    const char *name;
    const char *bytes;
    enum cmx_verdict verdict;
    int error;
    const char *message;
    uint32_t code;
    uint32_t malformed;
    uint32_t status; /* 0 = 200 */
};

#define INBAND CMX_VERDICT_ERROR_INBAND, CMX_ERR_INBAND
#define HTTP CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS

static const struct error_case errors[] = {
    {"45 error sticks over the sentinel",
     EVENT("{\"object\":\"error\",\"message\":\"m\",\"type\":\"BadRequestError\",\"code\":400}")
         END,
     INBAND, "m", .code = 400},
    {"45 new vLLM", EVENT("{\"error\":{\"message\":\"m\",\"code\":\"400\"}}") END, INBAND, "m",
     .code = 400},
    {"47 line of old llama.cpp", SAY("a") "error: {\"code\":500,\"message\":\"m\"}\n\n", INBAND,
     "m", .code = 500},
    {"53 a ping is no error",
     "event: ping\ndata: {}\n\n" EVENT("{\"type\":\"ping\"}") SAY("a") STOP,
     CMX_VERDICT_DONE_NO_SENTINEL, CMX_OK, "", .code = 0},
    {"52 events without choices",
     EVENT("{\"hook_results\":{\"before_request_hooks\":[]},\"created\":1700000000000}") SAY("a")
         STOP END,
     CMX_VERDICT_DONE, CMX_OK, "", .code = 0},
    {"57 a page in a stream", "<html>\n<b>no</b>\n\n" EVENT("error: upstream"), CMX_VERDICT_EMPTY,
     CMX_ERR_EMPTY, "", .malformed = 1},
    {"58 an unfinished event, then an error",
     SAY("a") "data: {\"choi\ndata: {\"type\":\"error\",\"message\":\"m\"}\n\n", INBAND, "m",
     .malformed = 1},
    {"58 the last line that is an error",
     "data: {\"choi\ndata: {\"error\":\"first\"}\ndata: {\"error\":\"m\"}\ndata: {\"err\n\n",
     INBAND, "m", .malformed = 1},
    {"58 an error that is none", "data: {\"choi\ndata: {\"error\":null}\n\n" SAY("a") STOP END,
     CMX_VERDICT_DONE, CMX_OK, "", .malformed = 1},
    {"error in an array", "[{\"error\":{\"message\":\"m\",\"code\":404}}]",
     CMX_VERDICT_ERROR_INBAND, CMX_ERR_MALFORMED, "m", .code = 404},

    {"error body in an array", "[{\"error\":{\"message\":\"m\",\"code\":404}}]", HTTP, "m",
     .code = 404, .status = 404},
    {"error body in an event", EVENT("{\"error\":{\"message\":\"m\",\"code\":7}}") END, HTTP, "m",
     .code = 7, .status = 500},
    {"error body in an event behind a comment", ": hi\n\nevent: error\ndata: {\"message\":\"m\"}",
     HTTP, "m", .status = 500},
    {"error body in several lines", "data: {\"error\":\ndata: \"m\"}\n\n", HTTP, "m",
     .status = 500},
    {"error body in a line of its own", "error: {\"message\":\"m\"}\n", HTTP, "m", .status = 500},
    {"error body in an event without JSON", "data: not today\n\n", HTTP, "not today",
     .status = 500},
    {"error body that only looks like events", "error: upstream\ttimeout\n", HTTP,
     "error: upstream timeout", .status = 500},
    {"error body of one comment", ": x\n\n", HTTP, ": x", .status = 500},
    {"54 page", "<html>\r\n<head>\x01 502\r\n\r\n", HTTP, "<html> <head> 502", .status = 502},
    {"304 leads nowhere", "", HTTP, "", .status = 304},
};

static void test_answer_facts_errors_in_every_carrier(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(errors); i++) {
        const struct error_case *row = &errors[i];
        for (size_t split = 0; split <= strlen(row->bytes); split++) {
            decode(row->bytes, split, row->status == 0 ? 200 : row->status, "");
            bool same = result.message.len == strlen(row->message) &&
                        memcmp(result.message.data, row->message, result.message.len) == 0;
            if (!same || verdict != row->verdict || error != row->error ||
                result.error_code != row->code || result.malformed != row->malformed) {
                fail_msg("%s at %zu: verdict %d error %d message '%.*s' code %u malformed %u",
                         row->name, split, (int)verdict, error, (int)result.message.len,
                         result.message.data, result.error_code, result.malformed);
            }
        }
    }
}

static void test_answer_facts_oversized_error_body_is_cut_and_drained(void **state)
{
    (void)state;
    static char body[5 * BYTES_MAX];
    memset(body, 'x', sizeof body - 1);
    memcpy(body, "{\"error\":{\"message\":\"", 21);
    decode(body, 3000, 500, "");
    assert_int_equal(verdict, CMX_VERDICT_ERROR_HTTP);
    assert_int_equal(result.message.len, CMX_ANSWER_MESSAGE_BYTES_MAX);
    assert_memory_equal(result.message.data, body, result.message.len);
}

static void test_answer_facts_redirect_tells_where_to(void **state)
{
    (void)state;
    static const uint32_t statuses[] = {300, 301, 302, 303, 307, 308, 399};
    for (size_t i = 0; i < CMX_ARRAY_LEN(statuses); i++) {
        decode("<html>moved</html>", 4, statuses[i], "https://else.example/v1\t");
        assert_int_equal(verdict, CMX_VERDICT_ERROR_HTTP);
        assert_int_equal(error, CMX_ERR_REDIRECT);
        assert_int_equal(result.message.len, 23);
        assert_memory_equal(result.message.data, "https://else.example/v1", 23);
    }
    decode("gone there", 4, 302, "");
    assert_int_equal(error, CMX_ERR_REDIRECT);
    assert_memory_equal(result.message.data, "gone there", 10);
    decode("no", 1, 404, "https://else.example");
    assert_int_equal(error, CMX_ERR_HTTP_STATUS);
    assert_int_equal(result.message.len, 2);
    decode(SAY("a") STOP END, 1, 201, "/v1/thing");
    assert_int_equal(verdict, CMX_VERDICT_DONE);
    assert_int_equal(result.message.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_facts_usage_in_every_spelling),
        cmocka_unit_test(test_answer_facts_errors_in_every_carrier),
        cmocka_unit_test(test_answer_facts_oversized_error_body_is_cut_and_drained),
        cmocka_unit_test(test_answer_facts_redirect_tells_where_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
