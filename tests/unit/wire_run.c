/* SPDX-License-Identifier: MIT */
/*
 * What comes out is written down as facts in the words of the vectors, and those are compared. Each
 * piece lies in memory of exactly its size, and so do tail, shape, blocks and the caller's room, so
 * that a sanitizer sees the first byte that is touched beyond.
 */
#include "wire_run.h"

#include "chat/answer_verdict.h"
#include "text/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum { BLOCKS = 1, FACT_TEXT_MAX = 128 };

struct run {
    cmx_answer answer;
    cmx_blocks blocks;
    cmx_answer_memory memory;
    void *blocks_memory;
    wire_facts facts;
    uint32_t tool_calls; /* that a delta was of */
    bool has_usage;
    cmx_usage usage; /* of the last USAGE item */
    char *problem;   /* the first thing that must never happen, or "" */
    size_t problem_capacity;
};

/* Keeps the first thing that is wrong. */
__attribute__((format(printf, 2, 3))) static void object(struct run *run, const char *format, ...)
{
    if (run->problem[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(run->problem, run->problem_capacity, format, arguments);
        va_end(arguments);
    }
}

/* ---- memory ---- */

static void *claim(size_t len)
{
    void *memory = malloc(len > 0 ? len : 1);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void begin(struct run *run, const wire_variant *variant, const wire_way *way)
{
    size_t blocks_bytes = cmx_blocks_memory_bytes(BLOCKS, variant->event_bytes_max);
    run->blocks_memory = claim(blocks_bytes);
    cmx_blocks_init(&run->blocks, run->blocks_memory, BLOCKS, variant->event_bytes_max);
    run->memory = (cmx_answer_memory){
        .notes = &notes,
        .id = id,
        .tail = claim(way->tail_capacity),
        .tail_capacity = way->tail_capacity,
        .blocks = &run->blocks,
        .event_bytes_max = variant->event_bytes_max,
        .shape = claim(way->shape_capacity),
        .shape_capacity = way->shape_capacity,
        .tools = claim(variant->tool_calls_max * sizeof(cmx_answer_tool)),
        .tools_capacity = variant->tool_calls_max,
        .body = way->has_room ? claim(variant->body.len) : NULL,
        .body_capacity = way->has_room ? variant->body.len : 0,
        .malformed_events_max = variant->malformed_max,
        .skipped_events_max = variant->skipped_max,
    };
    cmx_answer_init(&run->answer, &run->memory);
}

static void end(struct run *run)
{
    cmx_answer_deinit(&run->answer);
    if (run->blocks.free_count != BLOCKS) {
        object(run, "a block was not given back");
    }
    free(run->memory.tail);
    free(run->memory.shape);
    free(run->memory.tools);
    free(run->memory.body);
    free(run->blocks_memory);
    wire_facts_clear(&run->facts);
}

/* ---- writing facts down ---- */

static wire_fact *note(struct run *run, const char *key, const void *data, size_t len)
{
    wire_fact *fact = wire_facts_get(&run->facts, key);
    if (fact == NULL || !wire_bytes_add(&fact->value, data, len)) {
        object(run, "too much: %s", key);
    }
    return fact;
}

static void note_text(struct run *run, const char *key, cmx_text text)
{
    if (!cmx_utf8_is_valid((const uint8_t *)text.data, text.len)) {
        object(run, "%s is not UTF-8", key);
    }
    note(run, key, text.data, text.len);
}

static void note_count(struct run *run, const char *key, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    note(run, key, digits, (size_t)len);
}

/* Id or name: once. */
static void note_once(struct run *run, const char *tool, const char *what, cmx_text text)
{
    char key[WIRE_KEY_BYTES_MAX];
    (void)snprintf(key, sizeof key, "%.24s %s", tool, what);
    if (text.len > 0 && wire_facts_find(&run->facts, key) != NULL) {
        object(run, "%s was told twice", key);
    } else if (text.len > 0) {
        note_text(run, key, text);
    }
}

static void note_delta(struct run *run, const cmx_delta *delta)
{
    static const char *const channels[] = {
        [CMX_CHANNEL_CONTENT] = "content",
        [CMX_CHANNEL_REASONING] = "reasoning",
        [CMX_CHANNEL_REFUSAL] = "refusal",
    };
    char key[WIRE_KEY_BYTES_MAX];
    if (delta->channel != CMX_CHANNEL_TOOL_CALL) {
        (void)snprintf(key, sizeof key, "%u %s", (unsigned)delta->choice, channels[delta->channel]);
        if (delta->text.len == 0 || delta->tool_id.len > 0 || delta->tool_name.len > 0) {
            object(run, "an empty delta, or a tool's id on one of %s", key);
        }
        note_text(run, key, delta->text);
        return;
    }
    (void)snprintf(key, sizeof key, "%u tool %u", (unsigned)delta->choice, (unsigned)delta->tool);
    if (delta->text.len + delta->tool_id.len + delta->tool_name.len == 0) {
        object(run, "a delta of %s that says nothing", key);
    }
    run->tool_calls += wire_facts_find(&run->facts, key) == NULL ? 1 : 0;
    note_text(run, key, delta->text);
    note_once(run, key, "id", delta->tool_id);
    note_once(run, key, "name", delta->tool_name);
}

static void pull(struct run *run)
{
    cmx_answer_item item;
    while (cmx_answer_next(&run->answer, &item) == CMX_OK) {
        if (item.kind == CMX_ANSWER_USAGE) {
            run->has_usage = true;
            run->usage = item.usage;
        } else {
            note_delta(run, &item.delta);
        }
    }
}

static void feed(struct run *run, const uint8_t *data, size_t len)
{
    uint8_t *exact = claim(len);
    if (len > 0) {
        memcpy(exact, data, len);
    }
    cmx_answer_feed(&run->answer, exact, len);
    pull(run);
    free(exact);
}

/* Member by member: between them there may be bytes that say nothing. */
static bool is_same_usage(const cmx_usage *a, const cmx_usage *b)
{
    return a->prompt_tokens == b->prompt_tokens && a->completion_tokens == b->completion_tokens &&
           a->total_tokens == b->total_tokens && a->cached_tokens == b->cached_tokens &&
           a->reasoning_tokens == b->reasoning_tokens && a->cost == b->cost &&
           a->has_cost == b->has_cost;
}

static void note_usage(struct run *run, const cmx_answer_result *result)
{
    const cmx_usage *usage = &result->usage;
    if (run->has_usage != result->has_usage || !is_same_usage(&run->usage, usage)) {
        object(run, "the last usage delivered is not that of the result");
    }
    if (result->has_usage) {
        char text[FACT_TEXT_MAX];
        int len = snprintf(
            text, sizeof text, "%llu %llu %llu %llu %llu", (unsigned long long)usage->prompt_tokens,
            (unsigned long long)usage->completion_tokens, (unsigned long long)usage->total_tokens,
            (unsigned long long)usage->cached_tokens, (unsigned long long)usage->reasoning_tokens);
        note(run, "usage", text, (size_t)len);
    }
}

static void note_nonzero(struct run *run, const char *key, uint64_t count)
{
    if (count > 0) {
        note_count(run, key, count);
    }
}

static void note_result(struct run *run, bool end_stream)
{
    int error;
    const char *verdict = cmx_verdict_name(cmx_answer_verdict(&run->answer, end_stream, &error));
    note(run, "verdict", verdict, strlen(verdict));
    note(run, "error", cmx_error_name(error), strlen(cmx_error_name(error)));
    cmx_answer_result result;
    cmx_answer_result_get(&run->answer, &result);
    note_text(run, "finish", result.finish_reason);
    note_text(run, "message", result.message);
    note_text(run, "model", result.model);
    note_text(run, "id", result.id);
    note_count(run, "code", result.error_code);
    note_nonzero(run, "malformed", result.malformed);
    note_nonzero(run, "skipped", result.skipped);
    note_nonzero(run, "replaced", result.replaced);
    note_usage(run, &result);
    if (result.tool_calls != run->tool_calls) {
        object(run, "%u tool calls came, the result says %u", (unsigned)run->tool_calls,
               (unsigned)result.tool_calls);
    }
}

/* ---- comparing ---- */

static bool is_optional(const char *key)
{
    return strcmp(key, "model") == 0 || strcmp(key, "id") == 0 || strcmp(key, "code") == 0;
}

static cmx_view value_of(wire_facts *facts, const char *key)
{
    const wire_fact *fact = wire_facts_find(facts, key);
    return fact == NULL ? (cmx_view){NULL, 0} : (cmx_view){fact->value.data, fact->value.len};
}

/* Each fact of `keys` must have the same value on both sides; none is an empty one. */
static void compare(struct run *run, const wire_facts *keys, wire_facts *wanted)
{
    for (size_t i = 0; i < keys->count; i++) {
        const char *key = keys->rows[i].key;
        cmx_view want = value_of(wanted, key);
        cmx_view got = value_of(&run->facts, key);
        bool is_free = is_optional(key) && wire_facts_find(wanted, key) == NULL;
        if (!is_free && !cmx_view_equal(want, got)) {
            object(run, "%s is '%.*s', not '%.*s'", key, (int)got.len, (const char *)got.data,
                   (int)want.len, (const char *)want.data);
        }
    }
}

static enum cmx_answer_content content_of(const char *type)
{
    size_t len = strcspn(type, "; ");
    if (len == strlen("text/event-stream") && strncasecmp(type, "text/event-stream", len) == 0) {
        return CMX_ANSWER_EVENT_STREAM;
    }
    if (len == strlen("application/json") && strncasecmp(type, "application/json", len) == 0) {
        return CMX_ANSWER_JSON;
    }
    return CMX_ANSWER_OTHER;
}

bool wire_run(wire_variant *variant, const wire_way *way, char *problem, size_t problem_capacity)
{
    struct run run = {.problem = problem, .problem_capacity = problem_capacity};
    problem[0] = '\0';
    begin(&run, variant, way);
    cmx_view none = {NULL, 0};
    cmx_answer_head(&run.answer, variant->status, content_of(variant->type), none, none);
    size_t at = 0;
    while (at < variant->body.len) {
        size_t left = variant->body.len - at;
        size_t len = way->piece > 0 ? way->piece : at == 0 && way->split > 0 ? way->split : left;
        len = len < left ? len : left;
        feed(&run, variant->body.data + at, len);
        at += len;
    }
    cmx_answer_end(&run.answer);
    pull(&run);
    note_result(&run, !variant->cut);
    wire_fact *error = wire_facts_get(&variant->facts, "error");
    if (error != NULL && error->value.len == 0 && !wire_bytes_add(&error->value, "CMX_OK", 6)) {
        object(&run, "no memory");
    }
    compare(&run, &variant->facts, &variant->facts);
    compare(&run, &run.facts, &variant->facts);
    end(&run);
    return problem[0] == '\0';
}
