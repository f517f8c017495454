/* SPDX-License-Identifier: MIT */
/*
 * What was counted and measured, by model: a fixed table in order of first use, whose last row
 * takes all that found no other, so that any number of names stays bounded. In: one note per ended
 * chat, one per repeated attempt. Out: rows. It knows no client and no clock.
 */
#ifndef CMX_POLICY_METER_H
#define CMX_POLICY_METER_H

#include "base/histogram.h"
#include "base/view.h"
#include "chatmux/money.h"

enum {
    CMX_METER_MODEL_BYTES_MAX = 64,
    CMX_METER_TOKEN_BOUNDS = 14, /* 1, 4, 16 .. 4^13 tokens */
};

#define CMX_METER_NOT_MEASURED UINT64_MAX /* of a time */

/* How many attempts had at most so many tokens: bounds, and one more for those above. */
typedef struct cmx_meter_tokens {
    uint64_t counts[CMX_METER_TOKEN_BOUNDS + 1];
} cmx_meter_tokens;

typedef struct cmx_meter_row {
    uint32_t hash;
    uint32_t model_len; /* 0 = not used yet */
    char model[CMX_METER_MODEL_BYTES_MAX];
    uint64_t verdicts[CMX_VERDICT_COUNT];
    uint64_t retries;
    uint64_t prompt_tokens;
    uint64_t cached_tokens;
    uint64_t completion_tokens;
    uint64_t reasoning_tokens;
    cmx_meter_tokens inputs; /* one count per usage that came */
    cmx_meter_tokens outputs;
    cmx_histogram total;
    cmx_histogram first_token;
    cmx_histogram per_token;
    cmx_spending spending; /* all origins, those that are gone included */
} cmx_meter_row;

typedef struct cmx_meter {
    cmx_meter_row *rows;     /* borrowed: `capacity` zeroed ones */
    cmx_spending *spendings; /* borrowed: capacity * origins zeroed ones, row by row */
    uint32_t count;          /* rows in use that have a name of their own */
    uint32_t capacity;       /* 0..64 */
    uint32_t origins;        /* rows of the table of origins */
} cmx_meter;

/* Times of a request in microseconds; CMX_METER_NOT_MEASURED = did not happen. */
typedef struct cmx_meter_times {
    uint64_t total_us;
    uint64_t first_token_us;
    uint64_t per_token_us;
} cmx_meter_times;

/* Starts on zeroed rows. */
void cmx_meter_init(cmx_meter *meter, cmx_meter_row *rows, cmx_spending *spendings,
                    uint32_t capacity, uint32_t origins);

/* Returns the row of a model, which it has from now on; NULL = there is no table.
 *
 * model  1.. bytes; the first 64 count, cut between characters and made one line of UTF-8 */
cmx_meter_row *cmx_meter_row_of(cmx_meter *meter, cmx_view model);

/* Returns a row that was used: 0..capacity - 1, of which the last has no name of its own; NULL. */
const cmx_meter_row *cmx_meter_row_at(const cmx_meter *meter, uint32_t index);

/* Returns what a row's model cost at an origin. */
cmx_spending *cmx_meter_spending(const cmx_meter *meter, const cmx_meter_row *row, uint32_t origin);

/* Another origin takes the row of the table of origins: it has spent nothing. */
void cmx_meter_forget_origin(cmx_meter *meter, uint32_t origin);

/* Counts the tokens of a usage. */
void cmx_meter_add_usage(cmx_meter_row *row, const cmx_usage *usage);

/* Counts the end of a chat. */
void cmx_meter_add_end(cmx_meter_row *row, enum cmx_verdict verdict, const cmx_meter_times *times);

#endif
