/* SPDX-License-Identifier: MIT */
/*
 * Tool calls and content in parts, in the spellings of servers: each stream whole, byte by byte and
 * at every split in two, with and without shapes. Then the rules of the table by themselves, its
 * limit, and that a row belongs to one request.
 */
#include "base/random.h"
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

enum { TAIL_BYTES = 2048, SHAPE_BYTES = 384, TOOLS = 4, LOG_BYTES = 2048 };

#define EVENT(json) "data: " json "\n\n"
#define DELTA(members) EVENT("{\"choices\":[{\"index\":0,\"delta\":{" members "}}]}")
#define TOOL(members) DELTA("\"tool_calls\":[{" members "}]")
#define ARGS(text) "\"function\":{\"arguments\":\"" text "\"}"
#define STOP EVENT("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}")
#define END EVENT("[DONE]")

struct stream {
    const char *name;
    const char *bytes;
    /* "choice channel tool:text;" per run, with <id|name> where one of them was told */
    const char *log;
    unsigned calls;
};

static const struct stream streams[] = {
    {"27 normal",
     TOOL("\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"arguments\":\"\"}") TOOL("\"index\":0," ARGS("{\\\"a\\\""))
         TOOL("\"index\":0," ARGS(":1}")) STOP END,
     "0t0<call_1|f>:{\"a\":1};", 1},
    {"27 two calls in turn",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}") TOOL(
         "\"index\":0," ARGS("2")) TOOL("\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\"}")
         TOOL("\"index\":1," ARGS("3")) TOOL("\"index\":0," ARGS("4")) STOP END,
     "0t0<a|f>:12;0t1<b|g>:3;0t0:4;", 2},
    {"28 no index",
     TOOL("\"extra_content\":{\"google\":{\"thought_signature\":\"x\"}},\"function\":{"
          "\"arguments\":"
          "\"{1}\",\"name\":\"read\"},\"id\":\"call_297140\",\"type\":\"function\"")
         TOOL("\"function\":{\"arguments\":\"{2}\",\"name\":\"read\"},\"id\":\"call_2\"")
             TOOL(ARGS("{3}")) STOP END,
     "0t0<call_297140|read>:{1};0t1<call_2|read>:{2}{3};", 2},
    {"29 all of index 0, ids differ",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}")
         TOOL("\"index\":0," ARGS("2")) TOOL("\"index\":0," ARGS("3"))
             TOOL("\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"4\"}")
                 TOOL("\"index\":0," ARGS("5")) TOOL("\"index\":0," ARGS("6"))
                     TOOL("\"index\":0,\"id\":\"a\"," ARGS("7")) STOP END,
     "0t0<a|f>:123;0t1<b|f>:456;0t0:7;", 2},
    {"30 first call at index 1",
     TOOL("\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}")
         TOOL("\"index\":1," ARGS("2")) TOOL("\"index\":7," ARGS("3")) STOP END,
     "0t0<a|f>:12;0t1:3;", 2},
    {"31 empty and null are absent",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}")
         TOOL("\"index\":0,\"id\":\"\",\"function\":{\"name\":\"\",\"arguments\":\"2\"}")
             TOOL("\"index\":0,\"id\":null,\"type\":null,\"function\":{\"name\":null,"
                  "\"arguments\":\"3\"}") TOOL("\"index\":0,\"function\":{\"arguments\":null}")
                 TOOL("\"index\":0") STOP END,
     "0t0<a|f>:123;", 1},
    {"32 name later",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"\",\"arguments\":\"1\"}")
         TOOL("\"index\":0,\"function\":{\"name\":\"real\"}") TOOL("\"index\":0," ARGS("2"))
             TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"other\"}") STOP END,
     "0t0<a|>:1<|real>:2;", 1},
    {"32 id later",
     TOOL("\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"1\"}")
         TOOL("\"index\":0,\"id\":\"a\"," ARGS("2")) STOP END,
     "0t0<|f>:1<a|>:2;", 1},
    {"33 name and id in each delta",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}")
         TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"2\"}") TOOL(
             "\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}") STOP END,
     "0t0<a|f>:12;", 1},
    {"34 arguments as an object",
     TOOL("\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":{\"a\":"
          "\"\\u00e9\\n\xc3\xa9\xff\"}"
          "}") TOOL("\"index\":0,\"function\":{\"arguments\":[1, 2]}") STOP END,
     "0t0<|f>:{\"a\":\"\\u00e9\\n\xc3\xa9" CMX_UTF8_REPLACEMENT "\"}[1, 2];", 1},
    {"35 whole call, then an empty delta",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":"
               "\"stop\"}]}") END,
     "0t0<a|f>:{};", 1},
    {"36 function_call",
     DELTA("\"content\":null,\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}") DELTA(
         "\"function_call\":{\"arguments\":\"1\"}") DELTA("\"function_call\":{\"arguments\":\"2\"}")
         TOOL("\"id\":\"x\"," ARGS("3")) DELTA("\"function_call\":{\"arguments\":\"4\"}")
             DELTA("\"function_call\":null,\"tool_calls\":null") STOP END,
     "0t0<|f>:12;0t1<x|>:3;0t0:4;", 2},
    {"37 empty arguments behind the opening",
     TOOL("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}") TOOL("\"index\":0," ARGS(""))
         TOOL("\"index\":0," ARGS("1")) STOP END,
     "0t0<a|f>:1;", 1},
    {"several in one array, with nothing that tells them apart",
     DELTA("\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}},{\"function\":{"
           "\"name\":"
           "\"g\",\"arguments\":{}}},7]") TOOL(ARGS("1")) STOP END,
     "0t0<|f>:{};0t1<|g>:{}1;", 2},
    {"choices are apart",
     EVENT("{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":"
           "\"a\"," ARGS("1") "}]}},{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
                              "\"id\":\"a\"," ARGS("2") "}]}}]}")
         EVENT("{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0," ARGS(
             "3") "}]},\"finish_reason\":\"stop\"}]}") STOP END,
     "1t0<a|>:1;0t0<a|>:2;1t0:3;", 2},
    {"calls are numbered within their choice",
     TOOL("\"index\":0,\"id\":\"a\"," ARGS("1")) TOOL("\"index\":1,\"id\":\"b\"," ARGS("2"))
         EVENT("{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":1," ARGS(
             "3") "}]},\"finish_reason\":\"stop\"}]}") TOOL("\"index\":1," ARGS("4")) STOP END,
     "0t0<a|>:1;0t1<b|>:2;1t0:3;0t1:4;", 3},
    {"an id without an index is another call, whatever went before",
     TOOL("\"function\":{\"name\":\"f\"}") TOOL("\"id\":\"a\"," ARGS("1")) TOOL(ARGS("2")) STOP END,
     "0t0<|f>:;0t1<a|>:12;", 2},
    {"surrogates wait per call",
     TOOL("\"index\":0,\"id\":\"a\"," ARGS("\\ud83d")) TOOL("\"index\":1," ARGS("\\ud83e"))
         TOOL("\"index\":0," ARGS("\\ude00")) TOOL("\"index\":2,\"id\":\"c\"," ARGS("x\\ud83d"))
             STOP END,
     "0t0<a|>:\xf0\x9f\x98\x80;0t2<c|>:x;0t1:" CMX_UTF8_REPLACEMENT ";0t2:" CMX_UTF8_REPLACEMENT
     ";",
     3},
    {"escapes in id and name",
     TOOL("\"index\":0,\"id\":\"\\u0061\\n\",\"function\":{\"name\":\"f\\u00e9\"}")
         TOOL("\"index\":0,\"id\":\"a\\n\"," ARGS("1")) STOP END,
     "0t0<a\n|f\xc3\xa9>:1;", 1},
    {"custom tool",
     TOOL("\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"f\","
          "\"input\":\"print\"}") STOP END,
     "0t0<a|f>:print;", 1},
    {"text and a call in one delta",
     DELTA("\"content\":\"hi\",\"tool_calls\":[{\"index\":0,\"id\":\"a\"," ARGS("1") "}]")
         DELTA("\"content\":\"ho\"") TOOL("\"index\":0," ARGS("2")) STOP END,
     "0c0:hi;0t0<a|>:1;0c0:ho;0t0:2;", 1},
    {"plain answer",
     "{\"choices\":[{\"index\":0,\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"a\","
     "\"type\":"
     "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{1}\"}},{\"id\":\"b\","
     "\"function\":{"
     "\"name\":\"g\",\"arguments\":\"{2}\"}},{\"function\":{\"name\":\"h\"}}]},\"finish_"
     "reason\":"
     "\"tool_calls\"}]}",
     "0t0<a|f>:{1};0t1<b|g>:{2};0t2<|h>:;", 3},

    {"24 parts of content",
     DELTA("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"
           "\"hm\"},{"
           "\"text\":\"!\"}],\"closed\":true},{\"type\":\"text\",\"text\":\"H\\u0069\"},{"
           "\"type\":"
           "\"reference\",\"reference_ids\":[1],\"text\":\"no\"},\"no\",[{\"text\":\"no\"}],{"
           "\"text\":"
           "\" you\"}]") DELTA("\"content\":[]")
         DELTA("\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\"},{\"type\":\"thinking\","
               "\"thinking\":[]},{\"type\":\"text\",\"text\":\"\"},{\"type\":\"refusal\","
               "\"refusal\":"
               "\"no\"},{\"type\":\"thinking\",\"thinking\":[{\"type\":\"thinking\","
               "\"thinking\":[{"
               "\"text\":\"deep\"}]},{\"text\":\"b\"}]}],\"reasoning\":\"c\"")
             DELTA("\"content\":\"d\"") STOP END,
     "0r0:hm!;0c0:Hi you;0r0:a;0f0:no;0r0:bc;0c0:d;", 0},
};

struct run {
    cmx_answer answer;
    cmx_answer_tool tools[TOOLS];
    uint8_t tail[TAIL_BYTES];
    uint8_t shape[SHAPE_BYTES];
    cmx_blocks blocks;
    char log[LOG_BYTES];
    char last[16];
    bool bare; /* nothing was logged behind `last` yet */
    int rc;
};

static size_t shape_capacity;

static void run_init(struct run *run, size_t tools_capacity)
{
    memset(run, 0, sizeof *run);
    cmx_blocks_init(&run->blocks, NULL, 0, 16);
    const cmx_answer_memory memory = {
        .notes = &notes,
        .id = id,
        .tail = run->tail,
        .tail_capacity = sizeof run->tail,
        .blocks = &run->blocks,
        .event_bytes_max = sizeof run->tail,
        .shape = run->shape,
        .shape_capacity = shape_capacity,
        .tools = run->tools,
        .tools_capacity = tools_capacity,
    };
    cmx_answer_init(&run->answer, &memory);
    cmx_answer_head(&run->answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
}

static void add(struct run *run, const char *data, size_t len)
{
    assert_true(cmx_utf8_is_valid((const uint8_t *)data, len));
    assert_non_null(data);
    assert_true(strlen(run->log) + len + 1 < LOG_BYTES);
    strncat(run->log, data, len);
}

static void log_delta(struct run *run, const cmx_delta *delta)
{
    static const char letters[] = "crft";
    char prefix[16];
    bool told = delta->tool_id.len > 0 || delta->tool_name.len > 0;
    assert_true(delta->text.len > 0 || told);
    assert_true(delta->channel == CMX_CHANNEL_TOOL_CALL || (!told && delta->tool == 0));
    (void)snprintf(prefix, sizeof prefix, "%u%c%u", delta->choice, letters[delta->channel],
                   delta->tool);
    bool is_new = strcmp(prefix, run->last) != 0;
    if (is_new) {
        add(run, ";", run->last[0] ? 1 : 0);
        add(run, prefix, strlen(prefix));
        strcpy(run->last, prefix);
    }
    if (told) {
        add(run, "<", 1);
        add(run, delta->tool_id.data, delta->tool_id.len);
        add(run, "|", 1);
        add(run, delta->tool_name.data, delta->tool_name.len);
        add(run, ">", 1);
    }
    add(run, ":", is_new || told ? 1 : 0);
    add(run, delta->text.data, delta->text.len);
}

static void pull(struct run *run)
{
    cmx_answer_item item;
    while ((run->rc = cmx_answer_next(&run->answer, &item)) == CMX_OK) {
        if (item.kind == CMX_ANSWER_DELTA) {
            log_delta(run, &item.delta);
        }
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

static void finish(struct run *run)
{
    cmx_answer_end(&run->answer);
    pull(run);
    add(run, ";", run->last[0] ? 1 : 0);
}

static void check(struct run *run, const struct stream *stream, const char *how, size_t split)
{
    finish(run);
    int error;
    enum cmx_verdict verdict = cmx_answer_verdict(&run->answer, true, &error);
    cmx_answer_result result;
    cmx_answer_result_get(&run->answer, &result);
    if (strcmp(run->log, stream->log) != 0 || verdict != CMX_VERDICT_DONE ||
        result.tool_calls != stream->calls || !result.has_text) {
        fail_msg("%s (%s %zu): log '%s' verdict %d error %d calls %u", stream->name, how, split,
                 run->log, (int)verdict, error, result.tool_calls);
    }
    cmx_answer_deinit(&run->answer);
}

static void test_answer_tools_streams_at_every_split(void **state)
{
    (void)state;
    static struct run run;
    for (size_t i = 0; i < CMX_ARRAY_LEN(streams); i++) {
        size_t len = strlen(streams[i].bytes);
        for (size_t split = 0; split <= len; split++) {
            run_init(&run, TOOLS);
            feed(&run, streams[i].bytes, split);
            feed(&run, streams[i].bytes + split, len - split);
            check(&run, &streams[i], "split", split);
        }
        run_init(&run, TOOLS);
        for (size_t at = 0; at < len; at++) {
            feed(&run, streams[i].bytes + at, 1);
        }
        check(&run, &streams[i], "bytes", 0);
    }
}

static void test_answer_tools_more_than_rows_end_as_limit(void **state)
{
    (void)state;
    static struct run run;
    static const char two[] = TOOL("\"index\":0,\"id\":\"a\"," ARGS("1"))
        TOOL("\"index\":1,\"id\":\"b\"," ARGS("2")) TOOL("\"index\":0," ARGS("3")) STOP END;
    run_init(&run, 2);
    feed(&run, two, sizeof two - 1);
    assert_int_equal(run.rc, CMX_AGAIN);
    for (size_t rows = 0; rows < 2; rows++) {
        run_init(&run, rows);
        feed(&run, two, sizeof two - 1);
        assert_int_equal(run.rc, CMX_ERR_TOOL_CALLS);
        feed(&run, two, sizeof two - 1); /* sticky */
        assert_int_equal(run.rc, CMX_ERR_TOOL_CALLS);
        assert_string_equal(run.log, rows == 0 ? "" : "0t0<a|>:1");
        finish(&run);
        int error;
        assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_LIMIT);
        assert_int_equal(error, CMX_ERR_TOOL_CALLS);
    }
}

static void test_answer_tools_a_call_alone_is_an_answer(void **state)
{
    (void)state;
    static struct run run;
    static const char named[] = TOOL("\"index\":0,\"function\":{\"name\":\"f\"}");
    run_init(&run, TOOLS);
    feed(&run, named, sizeof named - 1);
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    assert_true(result.has_text);
    finish(&run);
    int error;
    assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_TRUNCATED);
    assert_int_equal(error, CMX_ERR_TRUNCATED);
}

static void test_answer_tools_arguments_have_a_shape(void **state)
{
    (void)state;
    static struct run run;
    static const char first[] = TOOL("\"index\":0,\"id\":\"a\"," ARGS("1")) ": next\n";
    static const char more[] = TOOL("\"index\":0," ARGS("2"));
    static const char raw[] = TOOL("\"index\":0,\"function\":{\"arguments\":{}}") ": next\n";
    static const char parts[] =
        DELTA("\"content\":[{\"type\":\"text\",\"text\":\"a\"}]") ": next\n";
    run_init(&run, TOOLS);
    feed(&run, first, sizeof first - 1);
    assert_int_equal(run.answer.shape.before_len, 0); /* it tells an id */
    feed(&run, raw, sizeof raw - 1);
    assert_int_equal(run.answer.shape.before_len, 0);
    feed(&run, parts, sizeof parts - 1);
    assert_int_equal(run.answer.shape.before_len, 0);
    feed(&run, more, sizeof more - 1);
    feed(&run, ": next\n", 7); /* learned when it is used up */
    assert_int_equal(run.answer.shape.before_len != 0, shape_capacity > 0);
}

static void test_answer_tools_replaced_are_counted(void **state)
{
    (void)state;
    static struct run run;
    /* A character split over two strings is not valid in either: JSON has it so. */
    static const char stream[] = DELTA("\"content\":\"\xe2\"") DELTA("\"content\":\"\x82\xac\"")
        DELTA("\"content\":\"" CMX_UTF8_REPLACEMENT "\"") TOOL("\"index\":0," ARGS("\\udc00\xff"))
            TOOL("\"index\":0," ARGS("\\ud800")) STOP END;
    run_init(&run, TOOLS);
    feed(&run, stream, sizeof stream - 1);
    finish(&run);
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    assert_int_equal(result.replaced, 6);
    assert_string_equal(
        run.log,
        "0c0:" CMX_UTF8_REPLACEMENT CMX_UTF8_REPLACEMENT CMX_UTF8_REPLACEMENT CMX_UTF8_REPLACEMENT
        ";0t0:" CMX_UTF8_REPLACEMENT CMX_UTF8_REPLACEMENT CMX_UTF8_REPLACEMENT ";");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_tools_streams_at_every_split),
        cmocka_unit_test(test_answer_tools_more_than_rows_end_as_limit),
        cmocka_unit_test(test_answer_tools_a_call_alone_is_an_answer),
        cmocka_unit_test(test_answer_tools_arguments_have_a_shape),
        cmocka_unit_test(test_answer_tools_replaced_are_counted),
    };
    int failed = cmocka_run_group_tests_name("without shapes", tests, NULL, NULL);
    shape_capacity = SHAPE_BYTES;
    return failed + cmocka_run_group_tests_name("with shapes", tests, NULL, NULL);
}
