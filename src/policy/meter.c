/* SPDX-License-Identifier: MIT */
/*
 * Rows are searched by hash first; a name that is "other" itself shares the last row, so that no
 * two rows ever have one name.
 */
#include "policy/meter.h"

#include "policy/cost.h"
#include "text/utf8.h"

#define OTHER CMX_VIEW_LITERAL("other")

void cmx_meter_init(cmx_meter *meter, cmx_meter_row *rows, cmx_spending *spendings,
                    uint32_t capacity, uint32_t origins)
{
    *meter =
        (cmx_meter){.rows = rows, .spendings = spendings, .capacity = capacity, .origins = origins};
}

static void name_row(cmx_meter_row *row, cmx_view name, uint32_t hash)
{
    row->hash = hash;
    row->model_len = (uint32_t)name.len;
    memcpy(row->model, name.data, name.len);
}

static cmx_meter_row *take_last(cmx_meter *meter)
{
    cmx_meter_row *row = &meter->rows[meter->capacity - 1];
    if (row->model_len == 0) {
        name_row(row, OTHER, 0);
    }
    return row;
}

cmx_meter_row *cmx_meter_row_of(cmx_meter *meter, cmx_view model)
{
    if (meter->capacity == 0) {
        return NULL;
    }
    uint8_t line[CMX_METER_MODEL_BYTES_MAX];
    cmx_view name = {line, cmx_utf8_copy_line(line, sizeof line, model)};
    if (name.len == 0 || cmx_view_equal(name, OTHER)) {
        return take_last(meter);
    }
    uint32_t hash = cmx_view_hash(name);
    for (uint32_t i = 0; i < meter->count; i++) {
        cmx_meter_row *row = &meter->rows[i];
        cmx_view known = {(const uint8_t *)row->model, row->model_len};
        if (row->hash == hash && cmx_view_equal(known, name)) {
            return row;
        }
    }
    if (meter->count + 1 >= meter->capacity) {
        return take_last(meter);
    }
    cmx_meter_row *row = &meter->rows[meter->count++];
    name_row(row, name, hash);
    return row;
}

const cmx_meter_row *cmx_meter_row_at(const cmx_meter *meter, uint32_t index)
{
    if (index >= meter->capacity || meter->rows[index].model_len == 0) {
        return NULL;
    }
    return &meter->rows[index];
}

cmx_spending *cmx_meter_spending(const cmx_meter *meter, const cmx_meter_row *row, uint32_t origin)
{
    CMX_ASSERT(origin < meter->origins);
    return &meter->spendings[(size_t)(row - meter->rows) * meter->origins + origin];
}

void cmx_meter_forget_origin(cmx_meter *meter, uint32_t origin)
{
    for (uint32_t i = 0; i < meter->capacity; i++) {
        *cmx_meter_spending(meter, &meter->rows[i], origin) = (cmx_spending){.billed = 0};
    }
}

static void add_tokens(cmx_meter_tokens *tokens, uint64_t count)
{
    uint32_t at = 0;
    for (uint64_t bound = 1; at < CMX_METER_TOKEN_BOUNDS && count > bound; bound *= 4) {
        at++;
    }
    tokens->counts[at]++;
}

/* Servers may say anything: a sum ends at its limit instead of beginning anew. */
static void add_capped(uint64_t *sum, uint64_t count)
{
    *sum = count > UINT64_MAX - *sum ? UINT64_MAX : *sum + count;
}

void cmx_meter_add_usage(cmx_meter_row *row, const cmx_usage *usage)
{
    add_capped(&row->prompt_tokens, usage->prompt_tokens);
    add_capped(&row->cached_tokens, cmx_cost_cached(usage));
    add_capped(&row->completion_tokens, usage->completion_tokens);
    add_capped(&row->reasoning_tokens, usage->reasoning_tokens);
    add_tokens(&row->inputs, usage->prompt_tokens);
    add_tokens(&row->outputs, usage->completion_tokens);
}

static void add_time(cmx_histogram *histogram, uint64_t us)
{
    if (us != CMX_METER_NOT_MEASURED) {
        cmx_histogram_add(histogram, us);
    }
}

void cmx_meter_add_end(cmx_meter_row *row, enum cmx_verdict verdict, const cmx_meter_times *times)
{
    row->verdicts[verdict]++;
    add_time(&row->total, times->total_us);
    add_time(&row->first_token, times->first_token_us);
    add_time(&row->per_token, times->per_token_us);
}
