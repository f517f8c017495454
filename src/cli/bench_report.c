/* SPDX-License-Identifier: MIT */
/*
 * Printing a bench's result. The names of the JSON fields are documented: scripts read them.
 */
#include "cli/bench_report.h"

#include "cli/out.h"

enum { ROWS_MAX = 24, NUMBER_BYTES = 32, DOLLAR_DIGITS = 12 };

typedef struct row {
    const char *name; /* of the JSON field */
    uint64_t number;
    unsigned decimals; /* of its digits so many are behind the point */
} row;

typedef struct table {
    row rows[ROWS_MAX];
    unsigned count;
} table;

static void add(table *t, const char *name, uint64_t number, unsigned decimals)
{
    if (t->count < ROWS_MAX) {
        t->rows[t->count++] = (row){name, number, decimals};
    }
}

static uint64_t divide(uint64_t number, uint64_t by)
{
    return by > 0 ? (number + by / 2) / by : 0;
}

/* In milliseconds with two digits behind the point. */
static void add_time(table *t, const char *name, const cli_samples *samples, unsigned percent)
{
    add(t, name, divide(cli_samples_us(samples, percent), 10), 2);
}

static void fill(table *t, const cli_bench_result *result, const cli_options *options)
{
    add(t, "completions", result->completions, 0);
    add(t, "failed", result->failed, 0);
    add(t, "deltas", result->deltas, 0);
    add(t, "bytes", result->bytes, 0);
    add(t, "wall_s", divide(result->wall_us, 1000), 3);
    add(t, "cpu_s", divide(result->cpu_us, 1000), 3);
    add(t, "cpu_us_per_delta", divide(result->cpu_us * 1000, result->deltas), 3);
    add(t, "rps", divide(result->completions * 10000000, result->wall_us), 1);
    add_time(t, "p50_ms", &result->total, 50);
    add_time(t, "p99_ms", &result->total, 99);
    add_time(t, "ttft_p50_ms", &result->first_token, 50);
    add(t, "rss_kib", result->rss_kib, 0);
    add(t, "memory_bytes", result->stats.memory_bytes, 0);
    add(t, "handshakes", result->stats.handshakes, 0);
    add(t, "connections", result->stats.connections_total, 0);
    add(t, "retries", result->stats.retries, 0);
    add(t, "timeouts", result->stats.timeouts, 0);
    if (options->settings.price_count > 0) {
        const cmx_spending *spent = &result->stats.spending;
        add(t, "cost_usd", spent->billed, DOLLAR_DIGITS);
        add(t, "cost_estimated_usd", spent->estimated, DOLLAR_DIGITS);
        add(t, "unpriced", spent->unpriced, 0);
    }
    if (options->stamps) {
        add_time(t, "lag_p50_ms", &result->lag, 50);
        add_time(t, "lag_p99_ms", &result->lag, 99);
    }
}

void cli_bench_report(const cli_bench_result *result, const cli_options *options)
{
    table t = {.count = 0};
    fill(&t, result, options);
    for (unsigned i = 0; i < t.count; i++) {
        const row *r = &t.rows[i];
        char number[NUMBER_BYTES];
        cli_out out = {number, sizeof number - 1, 0, -1, 0};
        cli_out_decimal(&out, r->number, r->decimals);
        number[out.len] = '\0';
        if (options->json) {
            cli_out_print(&cli_out_standard, "%s\"%s\":%s", i == 0 ? "{" : ",", r->name, number);
        } else {
            cli_out_print(&cli_out_standard,
                          r->decimals == DOLLAR_DIGITS ? "%-18s %s\n" : "%-18s %14s\n", r->name,
                          number);
        }
    }
    if (result->stats.spending.overflow) {
        cli_out_say(0, "the cost does not fit 64 bits: at least that was spent");
    }
    if (options->json) {
        cli_out_print(&cli_out_standard, "}\n");
    }
}
