/* SPDX-License-Identifier: MIT */
/*
 * Driving the decoder. Every chunk, the tail and the shape are allocations of exactly their size,
 * given back as soon as they may not be used any more, so that an address sanitizer sees a byte too
 * far and a use too late.
 */
#include "fuzz/decode.h"

#include "chat/answer_verdict.h"
#include "fuzz/random.h"
#include "text/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static cmx_answer_notes notes; /* what error messages are kept in */
static char id[CMX_ANSWER_ID_BYTES_MAX];

enum { BLOCKS = 2 };

struct decoding {
    struct decode_log *log;
    const struct decode_setting *setting;
    cmx_answer answer;
    cmx_blocks blocks;
    uint8_t *tail;
    uint8_t *shape;
    uint8_t *body;
    cmx_answer_tool *tools;
    int rc;
};

static _Alignas(CMX_BLOCKS_ALIGN) uint8_t blocks_memory[BLOCKS * (DECODE_EVENT_BYTES_MAX + 64)];

static void demand(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "the decoder broke its word: %s\n", what);
        abort();
    }
}

static uint8_t *allocate(size_t bytes)
{
    uint8_t *memory = malloc(bytes > 0 ? bytes : 1);
    demand(memory != NULL, "out of memory");
    return memory;
}

/* ---- writing down ---- */

static void put(uint8_t *bytes, size_t *len, const void *data, size_t data_len)
{
    if (data_len > 0) {
        memcpy(bytes + *len, data, data_len);
        *len += data_len;
    }
}

static void put_number(uint8_t *bytes, size_t *len, char letter, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    digits[--at] = letter;
    put(bytes, len, digits + at, sizeof digits - at);
}

static void put_text(uint8_t *bytes, size_t *len, char letter, cmx_text text)
{
    put_number(bytes, len, letter, text.len);
    put(bytes, len, ":", 1);
    put(bytes, len, text.data, text.len);
}

static void put_usage(uint8_t *bytes, size_t *len, const cmx_usage *usage)
{
    put_number(bytes, len, 'U', usage->prompt_tokens);
    put_number(bytes, len, '/', usage->completion_tokens);
    put_number(bytes, len, '/', usage->total_tokens);
    put_number(bytes, len, '/', usage->cached_tokens);
    put_number(bytes, len, '/', usage->reasoning_tokens);
    put(bytes, len, "\n", 1);
}

static void put_head(uint8_t *bytes, size_t *len, const cmx_delta *delta)
{
    put_number(bytes, len, 'c', delta->choice);
    put_number(bytes, len, 'h', (uint64_t)delta->channel);
    put_number(bytes, len, 't', delta->tool);
    put_text(bytes, len, 'i', delta->tool_id);
    put_text(bytes, len, 'n', delta->tool_name);
}

static void log_delta(struct decode_log *log, const cmx_delta *delta)
{
    bool names = delta->tool_id.len > 0 || delta->tool_name.len > 0;
    uint64_t key = (uint64_t)delta->choice << 16 | (uint64_t)delta->channel << 8 | delta->tool;
    demand(delta->text.len > 0 || names, "a delta that says nothing");
    demand(!names || delta->channel == CMX_CHANNEL_TOOL_CALL, "a name that is no tool call's");
    demand(delta->text.len == 0 ||
               cmx_utf8_is_valid((const uint8_t *)delta->text.data, delta->text.len),
           "a delta that is not whole UTF-8 characters");

    put_head(log->items, &log->items_len, delta);
    put_text(log->items, &log->items_len, ':', delta->text);
    put(log->items, &log->items_len, "\n", 1);
    if (key != log->last || names) {
        put(log->joined, &log->joined_len, "\n", 1);
        put_head(log->joined, &log->joined_len, delta);
        put(log->joined, &log->joined_len, ":", 1);
        log->last = key;
    }
    put(log->joined, &log->joined_len, delta->text.data, delta->text.len);
}

static void log_item(struct decode_log *log, const cmx_answer_item *item)
{
    size_t len = item->kind == CMX_ANSWER_DELTA
                     ? item->delta.text.len + item->delta.tool_id.len + item->delta.tool_name.len
                     : 0;
    demand(log->items_len + len + 256 < DECODE_LOG_BYTES, "more items than the bytes can hold");
    if (item->kind == CMX_ANSWER_DELTA) {
        log_delta(log, &item->delta);
        return;
    }
    put_usage(log->items, &log->items_len, &item->usage);
    put(log->joined, &log->joined_len, "\n", 1);
    put_usage(log->joined, &log->joined_len, &item->usage);
    log->last = UINT64_MAX;
}

static void log_facts(struct decoding *decoding)
{
    struct decode_log *log = decoding->log;
    uint8_t *facts = log->facts;
    cmx_answer_result result;
    int error;
    enum cmx_verdict verdict =
        cmx_answer_verdict(&decoding->answer, decoding->setting->end_stream, &error);
    cmx_answer_result_get(&decoding->answer, &result);
    put_number(facts, &log->facts_len, 'V', (uint64_t)verdict);
    put_number(facts, &log->facts_len, '-', (uint64_t)-error);
    put_number(facts, &log->facts_len, '-', (uint64_t)(decoding->rc < 0 ? -decoding->rc : 0));
    put_number(facts, &log->facts_len, 's', result.status);
    put_number(facts, &log->facts_len, 'x', result.has_text);
    put_number(facts, &log->facts_len, 'd', result.done);
    put_number(facts, &log->facts_len, 'e', result.has_error);
    put_number(facts, &log->facts_len, 'c', result.error_code);
    put_number(facts, &log->facts_len, 'm', result.malformed);
    put_number(facts, &log->facts_len, 'k', result.skipped);
    put_number(facts, &log->facts_len, 'r', result.replaced);
    put_number(facts, &log->facts_len, 't', result.tool_calls);
    put_text(facts, &log->facts_len, 'M', result.message);
    put_text(facts, &log->facts_len, 'o', result.model);
    put_text(facts, &log->facts_len, 'i', result.id);
    put_text(facts, &log->facts_len, 'f', result.finish_reason);
    put_number(facts, &log->facts_len, 'u', result.has_usage);
    put_usage(facts, &log->facts_len, &result.usage);
}

/* ---- driving ---- */

static void begin(struct decoding *decoding, const struct decode_run *run)
{
    const struct decode_setting *setting = decoding->setting;
    decoding->rc = CMX_AGAIN;
    decoding->tail = allocate(setting->tail_capacity);
    decoding->shape = allocate(run->shape_capacity);
    decoding->body = setting->body_capacity > 0 ? allocate(setting->body_capacity) : NULL;
    decoding->tools =
        (cmx_answer_tool *)(void *)allocate(setting->tools_max * sizeof(cmx_answer_tool));
    cmx_blocks_init(&decoding->blocks, blocks_memory, BLOCKS, setting->event_bytes_max);
    cmx_answer_memory memory = {
        .notes = &notes,
        .id = id,
        .tail = decoding->tail,
        .tail_capacity = setting->tail_capacity,
        .blocks = &decoding->blocks,
        .event_bytes_max = setting->event_bytes_max,
        .shape = decoding->shape,
        .shape_capacity = run->shape_capacity,
        .tools = decoding->tools,
        .tools_capacity = setting->tools_max,
        .body = decoding->body,
        .body_capacity = setting->body_capacity,
        .malformed_events_max = setting->malformed_max,
        .skipped_events_max = setting->skipped_max,
    };
    cmx_answer_init(&decoding->answer, &memory);
    if (setting->status > 0) {
        cmx_answer_head(&decoding->answer, setting->status, setting->content, CMX_VIEW_LITERAL(""),
                        CMX_VIEW_LITERAL("https://elsewhere.example/"));
    }
}

static void finish(struct decoding *decoding)
{
    cmx_answer_deinit(&decoding->answer);
    demand(decoding->blocks.free_count == BLOCKS, "a shared block was not given back");
    free(decoding->tail);
    free(decoding->shape);
    free(decoding->body);
    free(decoding->tools);
}

/* Pulls until there is nothing more, and once again: that must say the same. */
static void pull(struct decoding *decoding)
{
    cmx_answer_item item;
    do {
        decoding->rc = cmx_answer_next(&decoding->answer, &item);
        if (decoding->rc == CMX_OK) {
            log_item(decoding->log, &item);
        }
    } while (decoding->rc == CMX_OK);
    demand(cmx_answer_next(&decoding->answer, &item) == decoding->rc, "its last word changed");
}

static void feed(struct decoding *decoding, const uint8_t *bytes, size_t len)
{
    uint8_t *chunk = allocate(len);
    memcpy(chunk, bytes, len);
    cmx_answer_feed(&decoding->answer, chunk, len);
    pull(decoding);
    free(chunk);
}

void decode_stream(struct decode_log *log, const struct decode_setting *setting,
                   const struct decode_run *run, const uint8_t *stream, size_t len)
{
    struct fuzz_random random = {run->cuts_seed};
    struct decoding decoding = {.log = log, .setting = setting};
    log->items_len = 0;
    log->joined_len = 0;
    log->facts_len = 0;
    log->last = UINT64_MAX;
    begin(&decoding, run);
    for (size_t at = 0; at < len && decoding.rc == CMX_AGAIN;) {
        size_t chunk = len - at;
        if (run->cut_mean > 0) {
            size_t cut = 1 + fuzz_random_below(&random, 2 * run->cut_mean - 1);
            chunk = cut < chunk ? cut : chunk;
        }
        feed(&decoding, stream + at, chunk);
        at += chunk;
    }
    if (decoding.rc == CMX_AGAIN) {
        cmx_answer_end(&decoding.answer);
        pull(&decoding);
    }
    log_facts(&decoding);
    finish(&decoding);
}
