/* SPDX-License-Identifier: MIT */
/*
 * First the events, then the bytes. Most streams keep runs of events of one shape, because only
 * there does parsing what changed differ from parsing in full; the fragments are those that a
 * careless comparison would take for text.
 */
#include "fuzz/mutate.h"

#include <stdbool.h>
#include <string.h>

enum { MUTATIONS_MAX = 6, EVENT_REPEATS_MAX = 6, EVENTS_KEPT_MAX = 10, RANGE_BYTES_MAX = 48 };

/* Literals, so that some may hold a NUL. */
#define WORD(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }

static const struct word {
    const char *data;
    size_t len;
} words[] = {
    WORD("\""),
    WORD("\\"),
    WORD("\\\\"),
    WORD("\\\""),
    WORD("\\u0022"),
    WORD("\\u0000"),
    WORD("\\ud83d"),
    WORD("\\ude00"),
    WORD("\\ud83d\\ude00"),
    WORD("\\udfff\\ud800"),
    WORD("\\u12"),
    WORD("\\x"),
    WORD("\\n"),
    WORD("\\/"),
    WORD("{"),
    WORD("}"),
    WORD("["),
    WORD("]"),
    WORD(","),
    WORD(":"),
    WORD("{}"),
    WORD("[]"),
    WORD("\"\""),
    WORD("null"),
    WORD("true"),
    WORD("false"),
    WORD("0"),
    WORD("-1"),
    WORD("1e999"),
    WORD("99999999999999999999"),
    WORD("1.0"),
    WORD("\"12\""),
    WORD("\",\"content\":\""),
    WORD("\",\"refusal\":\""),
    WORD("\",\"reasoning\":\""),
    WORD("\",\"reasoning_content\":\""),
    WORD("\"},\"delta\":{\"content\":\""),
    WORD("\"}},{\"index\":1,\"delta\":{\"content\":\""),
    WORD("\",\"x\":{\"content\":\""),
    WORD("\"content\":\"\","),
    WORD("\"content\":null,"),
    WORD("\"content\":\"dup\","),
    WORD("\"c\\u006fntent\":\"esc\","),
    WORD("\"content\":[{\"type\":\"text\",\"text\":\"p\"}],"),
    WORD(
        "\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"t\"}]}],"),
    WORD("\"index\":1,"),
    WORD("\"index\":31,"),
    WORD("\"index\":4294967295,"),
    WORD("\"finish_reason\":\"stop\","),
    WORD("\"finish_reason\":\"\","),
    WORD("\"delta\":{},"),
    WORD("\"delta\":null,"),
    WORD("\"delta\":"),
    WORD("\"message\":"),
    WORD("\"choices\":[],"),
    WORD("\"choices\":[{\"delta\":{\"content\":\"first\"}}],"),
    WORD("\"usage\":null,"),
    WORD("\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3},"),
    WORD("\"error\":null,"),
    WORD("\"error\":{},"),
    WORD("\"error\":\"bad\","),
    WORD("\"error\":{\"message\":\"m\",\"code\":500},"),
    WORD("\"object\":\"error\","),
    WORD("\"id\":\"\","),
    WORD("\"id\":\"call_1\","),
    WORD("\"id\":null,"),
    WORD("\"name\":\"f\","),
    WORD("\"model\":\"m2\","),
    WORD("\"arguments\":\"{\\\"a\\\":1}\","),
    WORD("\"arguments\":{\"a\":[1,\"}\"]},"),
    WORD("\"function\":{\"name\":\"g\"},"),
    WORD("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"x\"}}],"),
    WORD("\"tool_calls\":[{\"id\":\"n\",\"function\":{\"name\":\"h\",\"arguments\":\"\"}}],"),
    WORD("\"tool_calls\":[],"),
    WORD("\"function_call\":{\"name\":\"l\",\"arguments\":\"y\"},"),
    WORD("data: "),
    WORD("data:"),
    WORD("data"),
    WORD("\ndata: "),
    WORD("\n\ndata: "),
    WORD("event: error\n"),
    WORD("event: ping\n"),
    WORD("event:"),
    WORD("id: 1\n"),
    WORD("retry: 10\n"),
    WORD("error: {\"code\":1,\"message\":\"e\"}\n\n"),
    WORD(":\n\n"),
    WORD(": comment\n"),
    WORD(":"),
    WORD("\n"),
    WORD("\r"),
    WORD("\r\n"),
    WORD("\n\n"),
    WORD("\r\n\r\n"),
    WORD("\r\r"),
    WORD("[DONE]"),
    WORD("data: [DONE]\n\n"),
    WORD(" "),
    WORD("\t"),
    WORD("\0"),
    WORD("\xef\xbb\xbf"),
    WORD("\xc3\xa9"),
    WORD("\xf0\x9f\x98\x80"),
    WORD("\xf0\x9f"),
    WORD("\x98\x80"),
    WORD("\xed\xa0\x80"),
    WORD("\xff"),
    WORD("\xe2\x80\xa8"),
    WORD("\x7f"),
};

enum { WORD_COUNT = sizeof words / sizeof words[0] };

/* ---- changing bytes ---- */

/* Replaces `cut` bytes at `at`; nothing happens if the room does not suffice. */
static void replace(struct mutate_stream *stream, size_t at, size_t cut, const void *data,
                    size_t len)
{
    if (stream->len - cut + len > stream->capacity) {
        return;
    }
    memmove(stream->bytes + at + len, stream->bytes + at + cut, stream->len - at - cut);
    memcpy(stream->bytes + at, data, len);
    stream->len = stream->len - cut + len;
}

static size_t draw_range(const struct mutate_stream *stream, size_t at, struct fuzz_random *random)
{
    size_t rest = stream->len - at;
    return fuzz_random_below(random, (rest < RANGE_BYTES_MAX ? rest : RANGE_BYTES_MAX) + 1);
}

static void copy_range(struct mutate_stream *stream, size_t at, struct fuzz_random *random)
{
    uint8_t copy[RANGE_BYTES_MAX];
    size_t from = fuzz_random_below(random, stream->len);
    size_t len = draw_range(stream, from, random);
    memcpy(copy, stream->bytes + from, len);
    replace(stream, at, 0, copy, len);
}

/* Puts a fragment at the next quote, or behind the next line end: there it has most effect. */
static void insert_at(struct mutate_stream *stream, size_t at, uint8_t where,
                      const struct word *word)
{
    const uint8_t *found = memchr(stream->bytes + at, where, stream->len - at);
    if (found != NULL) {
        size_t behind = where == '\n' ? 1 : 0;
        replace(stream, (size_t)(found - stream->bytes) + behind, 0, word->data, word->len);
    }
}

static void mutate_bytes(struct mutate_stream *stream, struct fuzz_random *random)
{
    size_t at = fuzz_random_below(random, stream->len);
    const struct word *word = &words[fuzz_random_below(random, WORD_COUNT)];
    switch (fuzz_random_below(random, 9)) {
    case 0:
        stream->bytes[at] ^= (uint8_t)(1U << fuzz_random_below(random, 8));
        break;
    case 1:
        stream->bytes[at] = (uint8_t)fuzz_random_next(random);
        break;
    case 2:
        replace(stream, at, draw_range(stream, at, random), "", 0);
        break;
    case 3:
        copy_range(stream, at, random);
        break;
    case 4:
        replace(stream, at, draw_range(stream, at, random), word->data, word->len);
        break;
    case 5:
        replace(stream, at, 0, word->data, word->len);
        break;
    case 6:
        insert_at(stream, at, '\n', word);
        break;
    default:
        insert_at(stream, at, '"', word);
        break;
    }
}

/* ---- changing events ---- */

/* Returns what follows the event that begins at `at`. */
static size_t event_end(const uint8_t *bytes, size_t len, size_t at)
{
    while (at < len) {
        const uint8_t *lf = memchr(bytes + at, '\n', len - at);
        if (lf == NULL) {
            return len;
        }
        at = (size_t)(lf - bytes) + 1;
        if (at < len && bytes[at] == '\n') {
            return at + 1;
        }
    }
    return len;
}

static size_t draw_event(const struct corpus_stream *from, struct fuzz_random *random)
{
    size_t somewhere = fuzz_random_below(random, from->len);
    size_t end = event_end(from->bytes, from->len, somewhere);
    return end < from->len ? end : 0;
}

static void append(struct mutate_stream *stream, const uint8_t *bytes, size_t len)
{
    size_t room = stream->capacity - stream->len;
    len = len < room ? len : room;
    memcpy(stream->bytes + stream->len, bytes, len);
    stream->len += len;
}

static const struct corpus_stream *draw_stream(const struct corpus *corpus,
                                               struct fuzz_random *random)
{
    return &corpus->streams[fuzz_random_below(random, corpus->count)];
}

/* Appends an event several times, with something else in the same string each time. */
static void append_repeats(struct mutate_stream *stream, const uint8_t *event, size_t len,
                           struct fuzz_random *random)
{
    static const char *const keys[] = {"content\":\"", "arguments\":\"", "reasoning\":\"",
                                       "id\":\""};
    const char *key = keys[fuzz_random_below(random, sizeof keys / sizeof keys[0])];
    size_t start = stream->len;
    size_t repeats = 1 + fuzz_random_below(random, EVENT_REPEATS_MAX);
    append(stream, event, len);
    uint8_t *found = memmem(stream->bytes + start, stream->len - start, key, strlen(key));
    if (found == NULL) {
        return;
    }
    size_t at = (size_t)(found - stream->bytes) - start + strlen(key);
    for (size_t i = 0; i < repeats; i++) {
        struct mutate_stream rest = {stream->bytes + stream->len, 0,
                                     stream->capacity - stream->len};
        append(&rest, event, len);
        const struct word *word = &words[fuzz_random_below(random, WORD_COUNT)];
        if (rest.len == len && at <= rest.len) {
            replace(&rest, at, 0, word->data, fuzz_random_below(random, word->len + 1));
        }
        stream->len += rest.len;
    }
}

/* Appends a few events that follow each other in one stream of the corpus. */
static void append_events(struct mutate_stream *stream, const struct corpus_stream *from,
                          struct fuzz_random *random)
{
    size_t at = from->len == 0 || fuzz_random_below(random, 4) == 0 ? 0 : draw_event(from, random);
    size_t count = 1 + fuzz_random_below(random, EVENTS_KEPT_MAX);
    for (size_t i = 0; i < count && at < from->len; i++) {
        size_t end = event_end(from->bytes, from->len, at);
        size_t kind = fuzz_random_below(random, 12);
        if (kind == 0) {
            append_repeats(stream, from->bytes + at, end - at, random);
        } else if (kind == 1) {
            append(stream, from->bytes + at, end - at); /* twice */
            append(stream, from->bytes + at, end - at);
        } else if (kind > 2) {
            append(stream, from->bytes + at, end - at);
        }
        at = end;
    }
}

static void change_line_ends(struct mutate_stream *stream, struct fuzz_random *random)
{
    size_t ending = fuzz_random_below(random, 3);
    for (size_t at = 0; at < stream->len; at++) {
        if (stream->bytes[at] != '\n') {
            continue;
        }
        bool crlf = ending == 1 || (ending == 2 && fuzz_random_below(random, 2) > 0);
        stream->bytes[at] = '\r';
        if (crlf && stream->len < stream->capacity) {
            replace(stream, at + 1, 0, "\n", 1);
            at++;
        }
    }
}

void mutate_make(struct mutate_stream *stream, const struct corpus *corpus,
                 struct fuzz_random *random)
{
    stream->len = 0;
    const struct corpus_stream *from = draw_stream(corpus, random);
    if (fuzz_random_below(random, 16) == 0) {
        append(stream, from->bytes, from->len);
    } else {
        append_events(stream, from, random);
    }
    while (fuzz_random_below(random, 3) == 0) {
        append_events(stream, fuzz_random_below(random, 2) > 0 ? from : draw_stream(corpus, random),
                      random);
    }
    size_t mutations = fuzz_random_below(random, MUTATIONS_MAX);
    for (size_t i = 0; i < mutations && stream->len > 0; i++) {
        mutate_bytes(stream, random);
    }
    if (fuzz_random_below(random, 12) == 0) {
        change_line_ends(stream, random);
    }
    if (fuzz_random_below(random, 12) == 0) {
        stream->len = fuzz_random_below(random, stream->len + 1);
    }
}
