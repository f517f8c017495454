/* SPDX-License-Identifier: MIT */
/*
 * The decoder of an answer on what servers really send: each stream whole, byte by byte and at
 * every split in two, in memory that ends with the bytes given, with a tiny tail and with a roomy
 * one. Text, facts and verdict must be the same each time.
 */
#include "chat/answer_verdict.h"
#include "text/utf8.h"
#include "vectors/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum {
    LOG_BYTES = 4096,
    TAIL_BYTES_MAX = 512,
    SHAPE_BYTES_MAX = 384,
    EVENT_BYTES_MAX = 1024,
    BLOCKS = 2
};

/* All tests run without and with the memory for shapes: nothing may differ. */
static size_t shape_capacity;

struct run {
    cmx_answer answer;
    cmx_blocks blocks;
    _Alignas(CMX_BLOCKS_ALIGN) uint8_t blocks_memory[BLOCKS * (EVENT_BYTES_MAX + 64)];
    uint8_t tail[TAIL_BYTES_MAX];
    uint8_t shape[SHAPE_BYTES_MAX];
    char log[LOG_BYTES];
    char last[8]; /* prefix of the last run of text */
    int rc;
};

static void run_init(struct run *run, size_t tail_capacity, size_t event_bytes_max)
{
    memset(run, 0, sizeof *run);
    assert_true(cmx_blocks_memory_bytes(BLOCKS, EVENT_BYTES_MAX) <= sizeof run->blocks_memory);
    cmx_blocks_init(&run->blocks, run->blocks_memory, BLOCKS, EVENT_BYTES_MAX);
    cmx_answer_memory memory = {
        .notes = &notes,
        .id = id,
        .tail = run->tail,
        .tail_capacity = tail_capacity,
        .shape = run->shape,
        .shape_capacity = shape_capacity,
        .blocks = &run->blocks,
        .event_bytes_max = event_bytes_max,
        .malformed_events_max = 3,
    };
    cmx_answer_init(&run->answer, &memory);
}

static void log_item(struct run *run, const cmx_answer_item *item)
{
    if (item->kind == CMX_ANSWER_USAGE) {
        size_t len = strlen(run->log);
        (void)snprintf(run->log + len, LOG_BYTES - len, "%sU%u/%u;", run->last[0] ? ";" : "",
                       (unsigned)item->usage.prompt_tokens,
                       (unsigned)item->usage.completion_tokens);
        run->last[0] = '\0';
        return;
    }
    static const char letters[] = {'c', 'r', 'f'};
    assert_true(item->delta.text.len > 0);
    assert_true(cmx_utf8_is_valid((const uint8_t *)item->delta.text.data, item->delta.text.len));
    char prefix[16];
    (void)snprintf(prefix, sizeof prefix, "%u%c:", (unsigned)item->delta.choice,
                   letters[item->delta.channel]);
    if (strcmp(prefix, run->last) != 0) {
        strcat(run->log, run->last[0] ? ";" : "");
        strcat(run->log, prefix);
        strcpy(run->last, prefix);
    }
    strncat(run->log, item->delta.text.data, item->delta.text.len);
}

static void pull(struct run *run)
{
    cmx_answer_item item;
    while ((run->rc = cmx_answer_next(&run->answer, &item)) == CMX_OK) {
        log_item(run, &item);
    }
}

static void feed(struct run *run, const char *bytes, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    cmx_answer_feed(&run->answer, exact, len);
    pull(run);
    assert_true(run->rc != CMX_OK);
    free(exact);
}

static void finish(struct run *run)
{
    cmx_answer_end(&run->answer);
    pull(run);
    if (run->last[0]) {
        strcat(run->log, ";");
    }
}

static void check_end(struct run *run, const struct vector *vector, const char *how, size_t split)
{
    int error;
    enum cmx_verdict verdict = cmx_answer_verdict(&run->answer, !vector->cut, &error);
    cmx_answer_result result;
    cmx_answer_result_get(&run->answer, &result);
    const char *message = vector->message == NULL ? "" : vector->message;
    bool same_message = result.message.len == strlen(message) &&
                        memcmp(result.message.data, message, result.message.len) == 0;
    if (strcmp(run->log, vector->log) != 0 || verdict != vector->verdict ||
        error != vector->error || !same_message) {
        fail_msg("%s (%s %zu): log '%s' verdict %d error %d message '%.*s'", vector->name, how,
                 split, run->log, (int)verdict, error, (int)result.message.len,
                 result.message.data);
    }
    cmx_answer_deinit(&run->answer);
    assert_int_equal(run->blocks.free_count, BLOCKS);
}

static void run_head(struct run *run, const struct vector *vector, size_t tail_capacity)
{
    run_init(run, tail_capacity, EVENT_BYTES_MAX);
    cmx_answer_head(&run->answer, vector->status, vector->content, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
}

static void test_answer_vectors_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        struct run run;
        run_head(&run, &vectors[i], TAIL_BYTES_MAX);
        feed(&run, vectors[i].bytes, strlen(vectors[i].bytes));
        finish(&run);
        check_end(&run, &vectors[i], "whole", 0);
    }
}

static void test_answer_vectors_byte_by_byte(void **state)
{
    (void)state;
    static const size_t tails[] = {0, 16, 64, TAIL_BYTES_MAX};
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        for (size_t t = 0; t < CMX_ARRAY_LEN(tails); t++) {
            struct run run;
            run_head(&run, &vectors[i], tails[t]);
            for (const char *at = vectors[i].bytes; *at != '\0'; at++) {
                feed(&run, at, 1);
            }
            finish(&run);
            check_end(&run, &vectors[i], "bytes, tail", tails[t]);
        }
    }
}

static void test_answer_vectors_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        size_t len = strlen(vectors[i].bytes);
        for (size_t split = 0; split <= len; split++) {
            struct run run;
            run_head(&run, &vectors[i], split % 2 == 0 ? 24 : TAIL_BYTES_MAX);
            feed(&run, vectors[i].bytes, split);
            feed(&run, vectors[i].bytes + split, len - split);
            finish(&run);
            check_end(&run, &vectors[i], "split", split);
        }
    }
}

static void check_text(cmx_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void test_answer_facts_are_collected(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, TAIL_BYTES_MAX, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    static const char stream[] = EVENT("{\"id\":\"\",\"model\":\"\",\"choices\":[]}")
        EVENT("{\"id\":\"chatcmpl-\\u0031\",\"model\":\"gpt\\t4\",\"choices\":[{\"delta\":{"
              "\"content\":\"a\"}}]}") EVENT("{\"id\":\"other\",\"model\":\"other\",\"choices\":[{"
                                             "\"finish_reason\":\"len\\u0067th\"}]}")
            EVENT("{\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,"
                  "\"completion_tokens\":20,"
                  "\"total_tokens\":30,\"prompt_tokens_details\":{\"cached_tokens\":4,\"audio_"
                  "tokens\":0}"
                  ","
                  "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}") "data: "
                                                                              "nonsense\n\n" END;
    feed(&run, stream, sizeof stream - 1);
    assert_true(cmx_answer_finished(&run.answer));
    finish(&run);
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    check_text(result.id, "chatcmpl-1");
    check_text(result.model, "gpt 4");
    check_text(result.finish_reason, "length");
    check_text(result.message, "");
    assert_true(result.has_text && result.done && result.has_usage && !result.has_error);
    assert_int_equal(result.status, 200);
    assert_int_equal(result.malformed, 1);
    assert_int_equal(result.usage.prompt_tokens, 10);
    assert_int_equal(result.usage.completion_tokens, 20);
    assert_int_equal(result.usage.total_tokens, 30);
    assert_int_equal(result.usage.cached_tokens, 4);
    assert_int_equal(result.usage.reasoning_tokens, 5);
}

static void test_answer_texts_are_cut_at_their_limits(void **state)
{
    (void)state;
    char long_text[401];
    memset(long_text, 'x', 400);
    long_text[400] = '\0';
    char stream[1024];
    int len = snprintf(
        stream, sizeof stream,
        EVENT("{\"id\":\"%.80s\",\"model\":\"%.80s\",\"choices\":[{\"finish_reason\":\"%.40s\"}]}"),
        long_text, long_text, long_text);
    struct run run;
    run_init(&run, TAIL_BYTES_MAX, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    feed(&run, stream, (size_t)len);
    len = snprintf(stream, sizeof stream, EVENT("{\"error\":{\"message\":\"%s\",\"code\":429}}"),
                   long_text);
    feed(&run, stream, (size_t)len);
    assert_int_equal(run.rc, CMX_ERR_INBAND);
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    assert_int_equal(result.id.len, CMX_ANSWER_ID_BYTES_MAX);
    assert_int_equal(result.model.len, CMX_ANSWER_MODEL_BYTES_MAX);
    assert_int_equal(result.finish_reason.len, CMX_ANSWER_DELTAS_FINISH_BYTES_MAX);
    assert_int_equal(result.message.len, CMX_ANSWER_MESSAGE_BYTES_MAX);
    assert_int_equal(result.error_code, 429);
}

static void test_answer_error_names_come_before_a_long_message(void **state)
{
    (void)state;
    struct run run;
    char long_text[401];
    memset(long_text, 'x', 400);
    long_text[400] = '\0';
    char stream[1024];
    int len = snprintf(stream, sizeof stream,
                       EVENT("{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":\"%s\"}}"),
                       long_text, "tokens", "rate_limit_exceeded");
    run_init(&run, TAIL_BYTES_MAX, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    feed(&run, stream, (size_t)len);
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    check_text(result.error_name, "rate_limit_exceeded");
    check_text(result.error_type, "tokens");
    assert_int_equal(result.message.len, CMX_ANSWER_MESSAGE_BYTES_MAX - 19 - 6);
    assert_int_equal(result.error_code, 0);
}

static void test_answer_request_id_of_the_head_stays(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, TAIL_BYTES_MAX, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, CMX_VIEW_LITERAL("req_1"),
                    (cmx_view){NULL, 0});
    feed(&run, SAY("a"), strlen(SAY("a")));
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    check_text(result.id, "req_1");
}

/* Feeds one event of `size` bytes in all, in two parts. Returns what pulling said. */
static int feed_sized(struct run *run, size_t size, size_t split)
{
    static const char front[] = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"x\":\"";
    static const char back[] = "\"}\n\n";
    char event[2 * EVENT_BYTES_MAX];
    memset(event, 'x', size);
    memcpy(event, front, sizeof front - 1);
    memcpy(event + size - (sizeof back - 1), back, sizeof back - 1);
    feed(run, event, split);
    if (run->rc == CMX_AGAIN) {
        feed(run, event + split, size - split);
    }
    return run->rc;
}

static void test_answer_event_limit_is_the_same_at_every_split(void **state)
{
    (void)state;
    static const size_t splits[] = {0, 1, 10, 40, 200, EVENT_BYTES_MAX - 1, EVENT_BYTES_MAX};
    for (size_t i = 0; i < CMX_ARRAY_LEN(splits); i++) {
        struct run run;
        run_init(&run, 64, EVENT_BYTES_MAX);
        cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                        (cmx_view){NULL, 0});
        assert_int_equal(feed_sized(&run, EVENT_BYTES_MAX, splits[i]), CMX_AGAIN);
        assert_string_equal(run.log, "0c:a");
        assert_int_equal(feed_sized(&run, EVENT_BYTES_MAX + 1, splits[i]), CMX_ERR_EVENT_LARGE);
        assert_string_equal(run.log, "0c:a");
        assert_int_equal(run.blocks.free_count, BLOCKS);
        int error;
        finish(&run);
        assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_LIMIT);
        assert_int_equal(error, CMX_ERR_EVENT_LARGE);
    }
}

static void test_answer_without_a_free_block_ends_as_limit(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 64, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    uint8_t *first = cmx_blocks_take(&run.blocks);
    uint8_t *second = cmx_blocks_take(&run.blocks);
    assert_int_equal(feed_sized(&run, 64, 30), CMX_AGAIN); /* the tail is enough */
    assert_int_equal(feed_sized(&run, 200, 0), CMX_AGAIN); /* whole in its chunk */
    assert_int_equal(feed_sized(&run, 65, 30), CMX_ERR_NO_BUFFER);
    finish(&run);
    int error;
    assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_LIMIT);
    assert_int_equal(error, CMX_ERR_NO_BUFFER);
    cmx_blocks_give(&run.blocks, first);
    cmx_blocks_give(&run.blocks, second);
}

static void test_answer_blocks_are_given_back_after_each_event(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 16, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    for (int i = 0; i < 10; i++) {
        feed(&run, SAY("a"), 40);
        assert_int_equal(run.blocks.free_count, BLOCKS - 1);
        feed(&run, &SAY("a")[40], strlen(SAY("a")) - 40);
        assert_int_equal(run.blocks.free_count, BLOCKS);
    }
    feed(&run, END, 10);
    feed(&run, SAY("a"), 40);
    cmx_answer_deinit(&run.answer);
    assert_int_equal(run.blocks.free_count, BLOCKS);
}

static int run_object(struct run *run, uint8_t *room, size_t capacity, const char *json)
{
    run_init(run, 16, 64);
    run->answer.keep.body = room;
    run->answer.keep.body_capacity = capacity;
    cmx_answer_head(&run->answer, 200, CMX_ANSWER_JSON, (cmx_view){NULL, 0}, (cmx_view){NULL, 0});
    feed(run, json, 5);
    if (run->rc == CMX_AGAIN) {
        feed(run, json + 5, strlen(json) - 5);
    }
    finish(run);
    return run->rc;
}

static void test_answer_object_lies_in_the_callers_room(void **state)
{
    (void)state;
    static const char json[] =
        "{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}";
    struct run run;
    uint8_t room[sizeof json - 1];
    assert_int_equal(run_object(&run, room, sizeof room, json), CMX_AGAIN);
    assert_string_equal(run.log, "0c:Hi;");
    assert_int_equal(run_object(&run, room, sizeof room - 1, json), CMX_ERR_BUFFER_SMALL);
    int error;
    assert_int_equal(cmx_answer_verdict(&run.answer, true, &error), CMX_VERDICT_LIMIT);
    assert_int_equal(error, CMX_ERR_BUFFER_SMALL);
}

static void test_answer_object_without_room_is_limited_by_the_event_size(void **state)
{
    (void)state;
    struct run run;
    char json[200];
    memset(json, ' ', sizeof json);
    json[0] = '{';
    json[sizeof json - 1] = '\0';
    assert_int_equal(run_object(&run, NULL, 0, json), CMX_ERR_EVENT_LARGE);
}

static void test_answer_long_error_page_keeps_its_start(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 32, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 502, CMX_ANSWER_OTHER, (cmx_view){NULL, 0}, (cmx_view){NULL, 0});
    uint8_t *first = cmx_blocks_take(&run.blocks);
    for (int i = 0; i < 10000; i++) {
        feed(&run, "Bad ", 4);
        assert_int_equal(run.rc, CMX_AGAIN);
    }
    finish(&run);
    cmx_answer_result result;
    cmx_answer_result_get(&run.answer, &result);
    size_t space_at_end = CMX_ANSWER_MESSAGE_BYTES_MAX % 4 == 0 ? 1 : 0; /* which is cut off */
    assert_int_equal(result.message.len, CMX_ANSWER_MESSAGE_BYTES_MAX - space_at_end);
    cmx_answer_deinit(&run.answer);
    cmx_blocks_give(&run.blocks, first);

    /* Without a free block the tail must do. */
    run_init(&run, 32, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 502, CMX_ANSWER_OTHER, (cmx_view){NULL, 0}, (cmx_view){NULL, 0});
    first = cmx_blocks_take(&run.blocks);
    uint8_t *second = cmx_blocks_take(&run.blocks);
    for (int i = 0; i < 100; i++) {
        feed(&run, "Bad ", 4);
    }
    finish(&run);
    cmx_answer_result_get(&run.answer, &result);
    assert_int_equal(result.message.len, 31);
    cmx_blocks_give(&run.blocks, first);
    cmx_blocks_give(&run.blocks, second);
}

static void test_answer_whole_events_are_decoded_in_place(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 0, EVENT_BYTES_MAX);
    cmx_answer_head(&run.answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});
    uint8_t chunk[] = SAY("one") SAY("two");
    cmx_answer_feed(&run.answer, chunk, sizeof chunk - 1);
    cmx_answer_item item;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cmx_answer_next(&run.answer, &item), CMX_OK);
        const uint8_t *data = (const uint8_t *)item.delta.text.data;
        assert_true(data > chunk && data < chunk + sizeof chunk);
        assert_int_equal(item.delta.text.len, 3);
    }
    assert_int_equal(cmx_answer_next(&run.answer, &item), CMX_AGAIN);
}

static void test_answer_stays_small(void **state)
{
    (void)state;
    assert_true(sizeof(cmx_answer) <= 760 + 6 * CMX_LIMIT_CHOICES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_vectors_whole),
        cmocka_unit_test(test_answer_vectors_byte_by_byte),
        cmocka_unit_test(test_answer_vectors_at_every_split),
        cmocka_unit_test(test_answer_facts_are_collected),
        cmocka_unit_test(test_answer_texts_are_cut_at_their_limits),
        cmocka_unit_test(test_answer_error_names_come_before_a_long_message),
        cmocka_unit_test(test_answer_request_id_of_the_head_stays),
        cmocka_unit_test(test_answer_event_limit_is_the_same_at_every_split),
        cmocka_unit_test(test_answer_without_a_free_block_ends_as_limit),
        cmocka_unit_test(test_answer_blocks_are_given_back_after_each_event),
        cmocka_unit_test(test_answer_object_lies_in_the_callers_room),
        cmocka_unit_test(test_answer_object_without_room_is_limited_by_the_event_size),
        cmocka_unit_test(test_answer_long_error_page_keeps_its_start),
        cmocka_unit_test(test_answer_whole_events_are_decoded_in_place),
        cmocka_unit_test(test_answer_stays_small),
    };
    int failed = cmocka_run_group_tests_name("without shapes", tests, NULL, NULL);
    shape_capacity = SHAPE_BYTES_MAX;
    return failed + cmocka_run_group_tests_name("with shapes", tests, NULL, NULL);
}
