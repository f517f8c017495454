/* SPDX-License-Identifier: MIT */
/*
 * Printing a bench's result. The names of the JSON fields are documented: scripts read them.
 */
#include "cli/bench_report.h"

#include "cli/report.h"

enum { ROWS_MAX = 24 };

typedef struct row {
    const char *name; /* of the JSON field */
    double value;
    int decimals;    /* < 0: it is `amount` */
    uint64_t amount; /* picodollars */
} row;

typedef struct table {
    row rows[ROWS_MAX];
    unsigned count;
} table;

static void add(table *t, const char *name, double value, int decimals)
{
    if (t->count < ROWS_MAX) {
        t->rows[t->count++] = (row){name, value, decimals, 0};
    }
}

static void add_dollars(table *t, const char *name, uint64_t amount)
{
    if (t->count < ROWS_MAX) {
        t->rows[t->count++] = (row){name, 0, -1, amount};
    }
}

static void fill(table *t, const cli_bench_result *result, const cli_options *options)
{
    double wall_s = (double)result->wall_us / 1e6;
    double deltas = (double)result->deltas;
    add(t, "completions", (double)result->completions, 0);
    add(t, "failed", (double)result->failed, 0);
    add(t, "deltas", deltas, 0);
    add(t, "bytes", (double)result->bytes, 0);
    add(t, "wall_s", wall_s, 3);
    add(t, "cpu_s", (double)result->cpu_us / 1e6, 3);
    add(t, "cpu_us_per_delta", deltas > 0 ? (double)result->cpu_us / deltas : 0, 3);
    add(t, "rps", wall_s > 0 ? (double)result->completions / wall_s : 0, 1);
    add(t, "p50_ms", cli_samples_ms(&result->total, 0.50), 2);
    add(t, "p99_ms", cli_samples_ms(&result->total, 0.99), 2);
    add(t, "ttft_p50_ms", cli_samples_ms(&result->first_token, 0.50), 2);
    add(t, "rss_kib", (double)result->rss_kib, 0);
    add(t, "memory_bytes", (double)result->stats.memory_bytes, 0);
    add(t, "handshakes", (double)result->stats.handshakes, 0);
    add(t, "connections", (double)result->stats.connections_total, 0);
    add(t, "retries", (double)result->stats.retries, 0);
    add(t, "timeouts", (double)result->stats.timeouts, 0);
    if (options->settings.price_count > 0) {
        const cmx_spending *spent = &result->stats.spending;
        add_dollars(t, "cost_usd", spent->billed);
        add_dollars(t, "cost_estimated_usd", spent->estimated);
        add(t, "unpriced", (double)spent->unpriced, 0);
    }
    if (options->stamps) {
        add(t, "lag_p50_ms", cli_samples_ms(&result->lag, 0.50), 2);
        add(t, "lag_p99_ms", cli_samples_ms(&result->lag, 0.99), 2);
    }
}

void cli_bench_report(FILE *out, const cli_bench_result *result, const cli_options *options)
{
    table t = {.count = 0};
    fill(&t, result, options);
    for (unsigned i = 0; i < t.count; i++) {
        const row *r = &t.rows[i];
        const char *sign = i == 0 ? "{" : ",";
        if (options->json && r->decimals >= 0) {
            fprintf(out, "%s\"%s\":%.*f", sign, r->name, r->decimals, r->value);
        } else if (options->json) {
            fprintf(out, "%s\"%s\":", sign, r->name);
            cli_report_dollars(out, r->amount);
        } else if (r->decimals >= 0) {
            fprintf(out, "%-18s %14.*f\n", r->name, r->decimals, r->value);
        } else {
            fprintf(out, "%-18s ", r->name);
            cli_report_dollars(out, r->amount);
            fputc('\n', out);
        }
    }
    if (result->stats.spending.overflow) {
        fputs("chatmux: the cost does not fit 64 bits: at least that was spent\n", stderr);
    }
    if (options->json) {
        fputs("}\n", out);
    }
}
