/* SPDX-License-Identifier: MIT */
/*
 * Four runs a stream: in full; with room for shapes of the default size and of another one, cut at
 * the same places, where the exact sequence of items must be the same; and cut elsewhere, where the
 * joined texts must be.
 */
#include "fuzz/judge.h"

#include "fuzz/random.h"

enum { SHAPE_DEFAULT_BYTES = 384, SHAPE_SMALL_BYTES = 64 };

static struct decode_log full_log;
static struct decode_log other_log;

static struct decode_setting draw_setting(struct fuzz_random *random)
{
    static const size_t events_max[] = {512, 1024, DECODE_EVENT_BYTES_MAX, DECODE_EVENT_BYTES_MAX};
    static const size_t tails[] = {0, 24, 256, DECODE_TAIL_BYTES_MAX};
    static const uint32_t statuses[] = {400, 500, 204, 302, 0};
    size_t kind = fuzz_random_below(random, 32);
    struct decode_setting setting = {
        .status = 200,
        .content = CMX_ANSWER_EVENT_STREAM,
        .end_stream = fuzz_random_below(random, 8) > 0,
        .event_bytes_max = events_max[fuzz_random_below(random, CMX_ARRAY_LEN(events_max))],
        .tail_capacity = tails[fuzz_random_below(random, CMX_ARRAY_LEN(tails))],
        .malformed_max = (uint32_t)fuzz_random_below(random, 8),
        .skipped_max = (uint32_t)fuzz_random_below(random, 3),
        .tools_max = (uint32_t)fuzz_random_below(random, DECODE_TOOLS_MAX + 1),
    };
    if (kind < 2) {
        setting.status = statuses[fuzz_random_below(random, CMX_ARRAY_LEN(statuses))];
    }
    if (kind >= 26) {
        setting.content = kind >= 29 ? CMX_ANSWER_JSON : CMX_ANSWER_OTHER;
    }
    if (kind % 8 == 7) {
        setting.body_capacity = 1 + fuzz_random_below(random, 2048);
    }
    return setting;
}

static size_t draw_cut_mean(struct fuzz_random *random)
{
    static const size_t means[] = {0, 0, 0, 0, 0, 0, 0, 1, 12, 40, 40, 80, 300, 300, 300, 1400};
    return means[fuzz_random_below(random, CMX_ARRAY_LEN(means))];
}

static bool is_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static const char *compare(const struct decode_log *a, const struct decode_log *b, bool exact)
{
    if (!is_same(a->facts, a->facts_len, b->facts, b->facts_len)) {
        return "facts of the end";
    }
    if (!is_same(a->joined, a->joined_len, b->joined, b->joined_len)) {
        return "texts";
    }
    if (exact && !is_same(a->items, a->items_len, b->items, b->items_len)) {
        return "sequence of items";
    }
    return NULL;
}

struct judge_finding judge_stream(const uint8_t *stream, size_t len, uint64_t seed)
{
    struct fuzz_random random = {seed ^ UINT64_C(0x6a75646765)};
    struct decode_setting setting = draw_setting(&random);
    struct decode_run full = {0, fuzz_random_next(&random), draw_cut_mean(&random)};
    struct decode_run runs[] = {full, full, full};
    runs[0].shape_capacity = SHAPE_DEFAULT_BYTES;
    runs[1].shape_capacity = fuzz_random_below(&random, 2) > 0
                                 ? SHAPE_SMALL_BYTES
                                 : 1 + fuzz_random_below(&random, DECODE_SHAPE_BYTES_MAX);
    runs[2].shape_capacity = fuzz_random_below(&random, 2) > 0 ? SHAPE_DEFAULT_BYTES : 0;
    runs[2].cuts_seed++;
    runs[2].cut_mean = full.cut_mean == 0 ? 1 + fuzz_random_below(&random, 200) : 0;

    decode_stream(&full_log, &setting, &full, stream, len);
    for (size_t i = 0; i < CMX_ARRAY_LEN(runs); i++) {
        bool exact = runs[i].cuts_seed == full.cuts_seed;
        decode_stream(&other_log, &setting, &runs[i], stream, len);
        const char *what = compare(&full_log, &other_log, exact);
        if (what != NULL) {
            return (struct judge_finding){what, runs[i], full};
        }
    }
    return (struct judge_finding){0};
}

void judge_print_escaped(FILE *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i];
        if (byte == '\n') {
            (void)fputs("\\n\n", out);
        } else if (byte == '\r') {
            (void)fputs("\\r", out);
        } else if (byte == '\\') {
            (void)fputs("\\\\", out);
        } else if (byte < 0x20 || byte >= 0x7f) {
            (void)fprintf(out, "\\x%02x", byte);
        } else {
            (void)fputc(byte, out);
        }
    }
    (void)fputc('\n', out);
}

static void explain_run(FILE *out, const struct decode_setting *setting,
                        const struct decode_run *run, const uint8_t *stream, size_t len)
{
    decode_stream(&other_log, setting, run, stream, len);
    (void)fprintf(out, "-- shape %zu, chunks of %zu:\n", run->shape_capacity, run->cut_mean);
    judge_print_escaped(out, other_log.items, other_log.items_len);
    judge_print_escaped(out, other_log.facts, other_log.facts_len);
}

void judge_explain(FILE *out, const struct judge_finding *finding, const uint8_t *stream,
                   size_t len, uint64_t seed)
{
    struct fuzz_random random = {seed ^ UINT64_C(0x6a75646765)};
    struct decode_setting setting = draw_setting(&random);
    (void)fprintf(out, "status %u content %d end_stream %d event_bytes_max %zu tail %zu body %zu\n",
                  (unsigned)setting.status, (int)setting.content, (int)setting.end_stream,
                  setting.event_bytes_max, setting.tail_capacity, setting.body_capacity);
    explain_run(out, &setting, &finding->full, stream, len);
    explain_run(out, &setting, &finding->run, stream, len);
}
