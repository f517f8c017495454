/* SPDX-License-Identifier: MIT */
/*
 * The vectors of web-platform-tests' eventsource/format-*, their bytes as its server sends them,
 * each read whole, byte by byte and at every split in two, in memory that ends with the bytes
 * given. Where chatmux differs from the standard on purpose, it is written beside the vector:
 *   ids       `id` is ignored: a completion cannot be resumed, so there is no last event id
 *   retry     `retry` is ignored: whether to try again is the retry policy's
 *   type      the value of `event` is cut at CMX_SSE_TYPE_BYTES_MAX
 *   error     a field named `error` whose value starts with `{` is data of an error event
 *   mime      the standard refuses any other content-type; chatmux looks at the first byte
 */
#include "chat/answer_verdict.h"
#include "text/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum { BYTES_MAX = 8192, EVENTS_MAX = 4 };

#define BYTES(text)                               \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define BOM "\xef\xbb\xbf"
#define DOTS "\xe2\x80\xa6"
/* A page's server ends each message with these lines unless it is asked not to. */
#define ENDS "\n\n\n"

struct expected {
    const char *type; /* NULL = "" */
    cmx_view data;
};

struct vector {
    const char *name;
    cmx_view bytes;
    size_t count;
    struct expected events[EVENTS_MAX];
};

static const struct vector vectors[] = {
    {"format-bom",
     BYTES(BOM "data:1\n\n" BOM "data:2\n\ndata:3" ENDS),
     2,
     {{NULL, BYTES("1")}, {NULL, BYTES("3")}}},
    {"format-bom-2",
     BYTES(BOM BOM "data:1\n\ndata:2\n\ndata:3" ENDS),
     2,
     {{NULL, BYTES("2")}, {NULL, BYTES("3")}}},
    /* format-comments is made below: its comments are 2 KiB long */
    {"format-data-before-final-empty-line",
     BYTES("retry:1000\ndata:test1\n\nid:test\ndata:test2\n"),
     1,
     {{NULL, BYTES("test1")}}},
    {"format-field-data",
     BYTES("data:\n\ndata\ndata\n\ndata:test" ENDS),
     3,
     {{NULL, BYTES("")}, {NULL, BYTES("\n")}, {NULL, BYTES("test")}}},
    {"format-field-event",
     BYTES("event:test\ndata:x\n\ndata:x" ENDS),
     2,
     {{"test", BYTES("x")}, {NULL, BYTES("x")}}},
    {"format-field-event-empty", BYTES("event: \ndata:data" ENDS), 1, {{NULL, BYTES("data")}}},

    /* The next nine: the standard sets the last event id; here the field does nothing. */
    {"format-field-id, -id-2, first answer",
     BYTES("id: " DOTS "\nretry: 200\ndata: hello\n\n"),
     1,
     {{NULL, BYTES("hello")}}},
    {"format-field-id, -id-2, next answers", BYTES("data: " DOTS "\n\n"), 1, {{NULL, BYTES(DOTS)}}},
    {"format-field-id-3, persists",
     BYTES("id: 1\ndata: 1\n\ndata:2\n\n"),
     2,
     {{NULL, BYTES("1")}, {NULL, BYTES("2")}}},
    {"format-field-id-3, changes and persists",
     BYTES("id: 1\ndata: 1\n\nid: 2\ndata:2\n\ndata:3\n\n"),
     3,
     {{NULL, BYTES("1")}, {NULL, BYTES("2")}, {NULL, BYTES("3")}}},
    {"format-field-id-3, resets",
     BYTES("id: 1\ndata: 1\n\nid:\ndata:2\n\ndata:3\n\n"),
     3,
     {{NULL, BYTES("1")}, {NULL, BYTES("2")}, {NULL, BYTES("3")}}},
    {"format-field-id-3, resets without a colon",
     BYTES("id: 1\ndata: 1\n\nid\ndata:2\n\ndata:3\n\n"),
     3,
     {{NULL, BYTES("1")}, {NULL, BYTES("2")}, {NULL, BYTES("3")}}},
    {"format-field-id-null",
     BYTES("id: \0\0\nretry: 200\ndata: hello\n\n"),
     1,
     {{NULL, BYTES("hello")}}},
    {"format-field-id-null, behind",
     BYTES("id: x\0\nretry: 200\ndata: hello\n\n"),
     1,
     {{NULL, BYTES("hello")}}},
    {"format-field-id-null, before and between",
     BYTES("id: \0x\nid: x\0x\nid:  \0\nretry: 200\ndata: hello\n\n"),
     1,
     {{NULL, BYTES("hello")}}},

    {"format-field-parsing",
     BYTES("data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:"
           "\r\n data:32\ndata:4\n" ENDS),
     1,
     {{NULL, BYTES("\0\n 2\n1\n3\n\n4")}}},

    /* The next three: the standard sets (or does not set) the delay before it connects again; here
     * the field does nothing. */
    {"format-field-retry", BYTES("retry:03000\ndata:x" ENDS), 1, {{NULL, BYTES("x")}}},
    {"format-field-retry-bogus",
     BYTES("retry:3000\nretry:1000x\ndata:x" ENDS),
     1,
     {{NULL, BYTES("x")}}},
    {"format-field-retry-empty", BYTES("retry\ndata:test" ENDS), 1, {{NULL, BYTES("test")}}},

    {"format-field-unknown",
     BYTES("data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test" ENDS),
     1,
     {{NULL, BYTES("test\n\ntest")}}},
    {"format-leading-space",
     BYTES("data:\ttest\rdata: \ndata:test" ENDS),
     1,
     {{NULL, BYTES("\ttest\n\ntest")}}},
    {"format-newlines",
     BYTES("data:test\r\ndata\ndata:test\r\n\r\n"),
     1,
     {{NULL, BYTES("test\n\ntest")}}},
    {"format-null-character", BYTES("data:\0\n\n\n\n" ENDS), 1, {{NULL, BYTES("\0")}}},
    {"format-utf-8", BYTES("data:ok" DOTS ENDS), 1, {{NULL, BYTES("ok" DOTS)}}},
    {"format-mime-trailing-semicolon, the body",
     BYTES("data: data" ENDS),
     1,
     {{NULL, BYTES("data")}}},

    /* Ours: the deviations. The standard drops the first two events, and knows the whole type. */
    {"error field",
     BYTES("error: {\"a\":1}\n\nerror:{}\n\nerror: text\n\ndata: x\n\n"),
     3,
     {{"!", BYTES("{\"a\":1}")}, {"!", BYTES("{}")}, {NULL, BYTES("x")}}},
    {"long type",
     BYTES("event: 0123456789abcdefgh\ndata: x\n\n"),
     1,
     {{"0123456789abcdef", BYTES("x")}}},
};

/* A caller: bytes arrive, what is not used is kept; each event is compared as it comes. */
struct reader {
    const struct vector *vector;
    const char *how;
    size_t split;
    cmx_sse sse;
    uint8_t kept[BYTES_MAX];
    size_t kept_len;
    size_t count;
};

static void check_event(struct reader *reader, const cmx_sse_event *event)
{
    const struct vector *vector = reader->vector;
    if (reader->count == vector->count) {
        fail_msg("%s, %s %zu: one event too many: '%.*s'", vector->name, reader->how, reader->split,
                 (int)event->len, (const char *)event->data);
    }
    const struct expected *expected = &vector->events[reader->count];
    cmx_view type = cmx_view_text(expected->type == NULL ? "" : expected->type);
    cmx_view data = {event->data, event->len};
    bool same_type = event->is_error ? cmx_view_equal(type, CMX_VIEW_LITERAL("!"))
                                     : cmx_view_equal(type, event->type);
    if (!same_type || !cmx_view_equal(data, expected->data)) {
        fail_msg("%s, %s %zu, event %zu: '%.*s' of type '%.*s'", vector->name, reader->how,
                 reader->split, reader->count, (int)event->len, (const char *)event->data,
                 (int)event->type.len, (const char *)event->type.data);
    }
    reader->count++;
}

static void arrive(struct reader *reader, const uint8_t *data, size_t len)
{
    size_t total = reader->kept_len + len;
    uint8_t *exact = malloc(total > 0 ? total : 1);
    assert_non_null(exact);
    memcpy(exact, reader->kept, reader->kept_len);
    memcpy(exact + reader->kept_len, data, len);
    size_t at = 0;
    cmx_sse_event event;
    size_t used;
    while (cmx_sse_next(&reader->sse, exact + at, total - at, &used, &event) == CMX_OK) {
        assert_true(used <= total - at);
        at += used;
        check_event(reader, &event);
    }
    at += used;
    reader->kept_len = total - at;
    memcpy(reader->kept, exact + at, reader->kept_len);
    free(exact);
}

/* Reads in pieces of `piece` bytes, or if that is 0 in two, split at `split`. */
static void read_vector(const struct vector *vector, size_t split, size_t piece)
{
    static struct reader reader;
    reader = (struct reader){
        .vector = vector,
        .how = piece > 0 ? "in bytes" : "split at",
        .split = split,
    };
    cmx_sse_init(&reader.sse);
    assert_true(vector->bytes.len < BYTES_MAX);
    size_t at = 0;
    while (at < vector->bytes.len) {
        size_t left = vector->bytes.len - at;
        size_t len = piece > 0 ? piece : at == 0 && split > 0 ? split : left;
        arrive(&reader, vector->bytes.data + at, len < left ? len : left);
        at += len;
    }
    if (reader.count != vector->count) {
        fail_msg("%s, %s %zu: %zu events instead of %zu", vector->name, reader.how, split,
                 reader.count, vector->count);
    }
}

static void read_all_ways(const struct vector *vector)
{
    read_vector(vector, 0, 0);
    read_vector(vector, 0, 1);
    for (size_t split = 1; split < vector->bytes.len; split++) {
        read_vector(vector, split, 0);
    }
}

static void test_sse_vectors_give_their_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        read_all_ways(&vectors[i]);
    }
    print_message("%zu vectors\n", CMX_ARRAY_LEN(vectors));
}

static size_t append(uint8_t *out, size_t len, const char *text, size_t text_len)
{
    memcpy(out + len, text, text_len);
    return len + text_len;
}

#define APPEND(out, len, text) append((out), (len), (text), sizeof(text) - 1)

/* format-comments: "data:1\r:\0\n:\r\ndata:2\n:xx..\rdata:3\n:data:fail\r:xx..\ndata:4\n" */
static void test_sse_vectors_long_comments_are_ignored(void **state)
{
    (void)state;
    enum { LONG = 2048 };
    static uint8_t bytes[2 * LONG + 128];
    size_t len = APPEND(bytes, 0, "data:1\r:\0\n:\r\ndata:2\n:");
    memset(bytes + len, 'x', LONG);
    len = APPEND(bytes, len + LONG, "\rdata:3\n:data:fail\r:");
    memset(bytes + len, 'x', LONG);
    len = APPEND(bytes, len + LONG, "\ndata:4\n" ENDS);
    struct vector vector = {
        .name = "format-comments",
        .bytes = {bytes, len},
        .count = 1,
        .events = {{NULL, BYTES("1\n2\n3\n4")}},
    };
    read_all_ways(&vector);
}

/* format-mime-bogus and -valid-bogus: the standard fails the connection; relays mislabel their
 * answers, so here the first byte decides: events are read, anything else is no answer. */
static void test_sse_vectors_other_content_types_are_looked_into(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum cmx_verdict verdict;
    } bodies[] = {
        {"data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
         CMX_VERDICT_DONE},
        {"event: x\n\n", CMX_VERDICT_ERROR_INBAND},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(bodies); i++) {
        uint8_t body[128];
        uint8_t tail[128];
        cmx_answer_memory memory = {.notes = &notes,
                                    .id = id,
                                    .tail = tail,
                                    .tail_capacity = sizeof tail,
                                    .event_bytes_max = sizeof tail};
        cmx_answer answer;
        cmx_answer_item item;
        cmx_answer_init(&answer, &memory);
        cmx_view none = {NULL, 0};
        cmx_answer_head(&answer, 200, CMX_ANSWER_OTHER, none, none);
        size_t len = strlen(bodies[i].body);
        memcpy(body, bodies[i].body, len);
        cmx_answer_feed(&answer, body, len);
        assert_int_equal(cmx_answer_next(&answer, &item), CMX_AGAIN);
        cmx_answer_end(&answer);
        assert_int_not_equal(cmx_answer_next(&answer, &item), CMX_OK);
        int error;
        assert_int_equal(cmx_answer_verdict(&answer, true, &error), bodies[i].verdict);
        cmx_answer_deinit(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_vectors_give_their_events),
        cmocka_unit_test(test_sse_vectors_long_comments_are_ignored),
        cmocka_unit_test(test_sse_vectors_other_content_types_are_looked_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
