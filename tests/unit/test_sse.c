/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events: the vectors of web-platform-tests (eventsource/format-*) and our own, each
 * whole, byte by byte and at every split in two, in memory that ends with the bytes given.
 */
#include "text/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES_MAX = 1024 };

struct vector {
    const char *name;
    const char *bytes;
    size_t len;
    const char *events; /* each as type '|' data ';', NUL shown as 0, LF as n, error field with ! */
    const char *pending; /* what cmx_sse_finish() gives, in the same form; NULL = nothing */
};

#define BYTES(text) text, sizeof(text) - 1

static const struct vector vectors[] = {
    /* web-platform-tests */
    {"format-field-data", BYTES("data:\n\ndata\ndata\n\ndata:test\n\n"), "|;|n;|test;", NULL},
    {"format-field-parsing",
     BYTES(
         "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n"
         " data:32\ndata:4\n\n"),
     "|0n 2n1n3nn4;", NULL},
    {"format-leading-space", BYTES("data:\ttest\rdata: \ndata:test\n\n"), "|\ttestnntest;", NULL},
    {"format-bom",
     BYTES("\xef\xbb\xbf"
           "data:1\n\n\xef\xbb\xbf"
           "data:2\n\ndata:3\n\n"),
     "|1;|3;", NULL},
    {"format-bom-2",
     BYTES("\xef\xbb\xbf\xef\xbb\xbf"
           "data:1\n\ndata:2\n\ndata:3\n\n"),
     "|2;|3;", NULL},
    {"format-null-character", BYTES("data:\0\n\n\n\n"), "|0;", NULL},
    {"format-comments",
     BYTES("data:1\r:\0\n:\r\ndata:2\n:aaaaaaaaaaaaaaaaaaaaaaaaaaaa\rdata:3\n:data:"
           "fail\r:\ndata:4\n\n"),
     "|1n2n3n4;", NULL},
    {"format-data-before-final-empty-line", BYTES("retry:1000\ndata:test1\n\nid:test\ndata:test2"),
     "|test1;", "|test2;"},
    {"format-field-event", BYTES("event:test\ndata:x\n\ndata:x\n\n"), "test|x;|x;", NULL},
    {"format-field-event-empty", BYTES("event: \ndata:data\n\n"), "|data;", NULL},
    {"format-field-id", BYTES("id: 1\ndata: 1\n\ndata: 2\n\n"), "|1;|2;", NULL},
    {"format-field-retry", BYTES("retry:03000\ndata:x\n\n"), "|x;", NULL},
    {"format-field-retry-bogus", BYTES("retry:3000\nretry:1000x\ndata:x\n\n"), "|x;", NULL},
    {"format-field-unknown",
     BYTES("data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n"),
     "|testnntest;", NULL},
    {"format-newlines", BYTES("data:test\r\ndata\ndata:test\r\n\r\n"), "|testnntest;", NULL},
    {"format-utf-8", BYTES("data:ok\xe2\x80\xa6\n\n"), "|ok\xe2\x80\xa6;", NULL},

    /* our own */
    {"no event without data", BYTES("event: ping\n\nid: 1\n\nretry: 5\n\n\n\n"), "", NULL},
    {"type ends with its event", BYTES("event: a\n\ndata: x\n\n"), "|x;", NULL},
    {"last type wins", BYTES("event: a\nevent: bb\ndata: x\n\n"), "bb|x;", NULL},
    {"long type is cut", BYTES("event: 0123456789abcdefgh\ndata: x\n\n"), "0123456789abcdef|x;",
     NULL},
    {"type between data lines", BYTES("data:a\nevent:e\ndata:bbbbbbbbbbbbbbbbbb\n\n"),
     "e|anbbbbbbbbbbbbbbbbbb;", NULL},
    {"only CR", BYTES("data: a\r\rdata: b\rdata: c\r\r"), "|a;|bnc;", NULL},
    {"CRLF", BYTES("data: a\r\n\r\ndata: b\r\ndata: c\r\n\r\n"), "|a;|bnc;", NULL},
    {"CR LF mixed", BYTES("data: a\n\rdata: b\r\n\ndata: c\n\r\n"), "|a;|b;|c;", NULL},
    {"comments only", BYTES(": OPENROUTER PROCESSING\n\n:\n\n: PING\r\n\r\n:x"), "", NULL},
    {"comment then event", BYTES(": hello\ndata: x\n\n"), "|x;", NULL},
    {"error field", BYTES("error: {\"code\":500}\n\nerror: text\n\ndata: x\n\n"),
     "!|{\"code\":500};|x;", NULL},
    {"error field is case-sensitive", BYTES("Error: {\"code\":500}\n\n"), "", NULL},
    {"pending done", BYTES("data: x\n\ndata: [DONE]\n"), "|x;", "|[DONE];"},
    {"pending line", BYTES("data: x\n\ndata: [DONE]"), "|x;", "|[DONE];"},
    {"pending comment", BYTES("data: x\n\n: data: y"), "|x;", NULL},
    {"pending part of a BOM", BYTES("\xef\xbb"), "", NULL},
    {"not quite a BOM",
     BYTES("\xef\xbb"
           "data: x\n\ndata: y\n\n"),
     "|y;", NULL},
    {"several lines", BYTES("data: {\ndata: \"a\": 1,\ndata:\ndata:   \"b\"\ndata: }\n\n"),
     "|{n\"a\": 1,nn  \"b\"n};", NULL},
    {"names that only start alike", BYTES("dat: a\ndata_: b\ndatax\ndata : c\n\n"), "", NULL},
};

/* A caller: bytes arrive, what is not used is kept. */
struct reader {
    cmx_sse sse;
    uint8_t kept[BYTES_MAX];
    size_t kept_len;
    char events[BYTES_MAX];
    size_t sizes; /* sum of event.size */
};

static void describe(char *out, const cmx_sse_event *event)
{
    if (event->is_error) {
        strcat(out, "!");
    }
    strncat(out, (const char *)event->type.data, event->type.len);
    strcat(out, "|");
    for (size_t i = 0; i < event->len; i++) {
        char shown = (char)event->data[i];
        shown = shown == '\0' ? '0' : shown == '\n' ? 'n' : shown;
        strncat(out, &shown, 1);
    }
    strcat(out, ";");
}

static void arrive(struct reader *reader, const char *bytes, size_t len)
{
    size_t total = reader->kept_len + len;
    uint8_t *exact = malloc(total > 0 ? total : 1);
    assert_non_null(exact);
    memcpy(exact, reader->kept, reader->kept_len);
    memcpy(exact + reader->kept_len, bytes, len);
    size_t at = 0;
    int rc;
    do {
        cmx_sse_event event;
        size_t used;
        rc = cmx_sse_next(&reader->sse, exact + at, total - at, &used, &event);
        assert_true(used <= total - at);
        at += used;
        if (rc == CMX_OK) {
            assert_true(event.size > event.len);
            describe(reader->events, &event);
        }
    } while (rc == CMX_OK);
    assert_int_equal(rc, CMX_AGAIN);
    reader->kept_len = total - at;
    memcpy(reader->kept, exact + at, reader->kept_len);
    free(exact);
}

static void check_end(struct reader *reader, const struct vector *vector, size_t split)
{
    if (strcmp(reader->events, vector->events) != 0) {
        fail_msg("%s at %zu: %s", vector->name, split, reader->events);
    }
    char pending[BYTES_MAX] = "";
    cmx_sse_event event;
    if (cmx_sse_finish(&reader->sse, reader->kept, reader->kept_len, &event) == CMX_OK) {
        describe(pending, &event);
    }
    if (strcmp(pending, vector->pending == NULL ? "" : vector->pending) != 0) {
        fail_msg("%s at %zu pending: %s", vector->name, split, pending);
    }
}

static void test_sse_vectors_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        struct reader reader = {.kept_len = 0};
        cmx_sse_init(&reader.sse);
        arrive(&reader, vectors[i].bytes, vectors[i].len);
        check_end(&reader, &vectors[i], 0);
    }
}

static void test_sse_vectors_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        struct reader reader = {.kept_len = 0};
        cmx_sse_init(&reader.sse);
        for (size_t at = 0; at < vectors[i].len; at++) {
            arrive(&reader, vectors[i].bytes + at, 1);
            arrive(&reader, "", 0);
        }
        check_end(&reader, &vectors[i], 1);
    }
}

static void test_sse_vectors_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(vectors); i++) {
        for (size_t split = 0; split <= vectors[i].len; split++) {
            struct reader reader = {.kept_len = 0};
            cmx_sse_init(&reader.sse);
            arrive(&reader, vectors[i].bytes, split);
            arrive(&reader, vectors[i].bytes + split, vectors[i].len - split);
            check_end(&reader, &vectors[i], split);
        }
    }
}

static void test_sse_heartbeats_are_never_kept(void **state)
{
    (void)state;
    struct reader reader = {.kept_len = 0};
    cmx_sse_init(&reader.sse);
    for (int i = 0; i < 1000; i++) {
        arrive(&reader, BYTES(": PROCES"));
        assert_int_equal(reader.kept_len, 0);
        arrive(&reader, BYTES("SING\n\nevent: ping\nid: 7\n\n"));
        assert_int_equal(reader.kept_len, 0);
    }
    assert_string_equal(reader.events, "");
}

static void test_sse_whole_event_is_not_copied(void **state)
{
    (void)state;
    uint8_t bytes[] = ": c\n\ndata: abc\n\ndata: d";
    cmx_sse sse;
    cmx_sse_init(&sse);
    cmx_sse_event event;
    size_t used;
    assert_int_equal(cmx_sse_next(&sse, bytes, sizeof bytes - 1, &used, &event), CMX_OK);
    assert_ptr_equal(event.data, bytes + 11);
    assert_int_equal(event.len, 3);
    assert_int_equal(event.size, 11);
    assert_int_equal(used, 16);
    assert_int_equal(cmx_sse_next(&sse, bytes + used, sizeof bytes - 1 - used, &used, &event),
                     CMX_AGAIN);
    assert_int_equal(used, 0);
}

/* Gives up the first event after `seen` bytes; what follows is the second one alone. */
static void drop_first(const char *stream, size_t len, size_t seen)
{
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, stream, len);
    cmx_sse sse;
    cmx_sse_init(&sse);
    cmx_sse_event event;
    size_t used;
    assert_int_equal(cmx_sse_next(&sse, bytes, seen, &used, &event), CMX_AGAIN);
    cmx_sse_drop(&sse, seen - used);
    size_t at = seen;
    int rc = CMX_AGAIN;
    size_t kept = 0;
    while (rc == CMX_AGAIN && at < len) { /* byte by byte: nothing of the dropped event is kept */
        kept++;
        at++;
        rc = cmx_sse_next(&sse, bytes + at - kept, kept, &used, &event);
        kept -= used;
    }
    if (rc != CMX_OK || event.len != 3 || memcmp(event.data, "two", 3) != 0 ||
        event.type.len != 0 || event.size > 12) {
        fail_msg("dropped after %zu: rc %d, %zu bytes", seen, rc, event.len);
    }
    free(bytes);
}

static void test_sse_dropped_event_ends_where_it_ends(void **state)
{
    (void)state;
    static const char *const streams[] = {
        "event: error\ndata: one\ndata\n: c\nerror: {}\nid: 1\n\ndata: two\n\n",
        "event: error\r\ndata: one\r\ndata\r\n: c\r\nid: 1\r\n\r\ndata: two\r\n\r\n",
        "event: error\rdata: one\rdata\r: c\rid: 1\r\rdata: two\r\r",
    };
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        const char *end = strstr(streams[i], "id: 1");
        assert_non_null(end);
        size_t from = (size_t)(strstr(streams[i], "data") - streams[i]) + 1;
        for (size_t seen = from; seen <= (size_t)(end - streams[i]) + 5; seen++) {
            drop_first(streams[i], strlen(streams[i]), seen);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_vectors_whole),
        cmocka_unit_test(test_sse_vectors_byte_by_byte),
        cmocka_unit_test(test_sse_vectors_at_every_split),
        cmocka_unit_test(test_sse_heartbeats_are_never_kept),
        cmocka_unit_test(test_sse_whole_event_is_not_copied),
        cmocka_unit_test(test_sse_dropped_event_ends_where_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
