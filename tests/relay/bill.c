/* SPDX-License-Identifier: MIT */
/*
 * Draws what a usage says. A cost has up to fifteen digits behind the point, some of them written
 * with an exponent, so that whoever reads it must round once and well.
 */
#include "bill.h"

#include <inttypes.h>
#include <stdio.h>

#define PROMPT_MAX 200000
#define COMPLETION_MAX 5000
#define COST_TEXT_MAX 64

enum bill_kind {
    BILL_COUNTS,      /* counts, some of the prompt cached */
    BILL_MORE_CACHED, /* more cached than the prompt has */
    BILL_OTHER_NAMES, /* input_tokens and so on */
    BILL_COST,        /* a cost of the server's, with a point */
    BILL_COST_POWER,  /* with an exponent */
    BILL_NONE,        /* null */
    BILL_KINDS
};

bool relay_bill_open(relay_env *env)
{
    if (env->options.bills_file != NULL) {
        env->bills = fopen(env->options.bills_file, "a");
        return env->bills != NULL;
    }
    return true;
}

void relay_bill_chat(relay_env *env, const relay_chat *chat, size_t body_len)
{
    if (env->bills != NULL) {
        fprintf(env->bills, "{\"chat\":\"%.*s\",\"body\":%zu}\n", (int)chat->model.len,
                chat->model.data, body_len);
        (void)fflush(env->bills);
    }
}

static void draw_cost(relay_env *env, enum bill_kind kind, char *out)
{
    const uint64_t digits = relay_rng_below(&env->rng, UINT64_C(1000000000000000));

    out[0] = '\0';
    if (kind == BILL_COST) {
        (void)snprintf(out, COST_TEXT_MAX, ",\"cost\":0.%015" PRIu64 ",\"cost_details\":{\"x\":9}",
                       digits);
    } else if (kind == BILL_COST_POWER) {
        (void)snprintf(out, COST_TEXT_MAX, ",\"cost\":%" PRIu64 "e-15", digits);
    }
}

size_t relay_bill_usage(relay_env *env, const char *model, char *out, size_t capacity)
{
    static const char counts[] =
        "\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
        ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu64
        "},\"completion_tokens_details\":{\"reasoning_tokens\":%" PRIu64 "}%s}";
    static const char others[] =
        "\"usage\":{\"input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64
        ",\"input_tokens_details\":{\"cached_tokens\":%" PRIu64
        "},\"output_tokens_details\":{\"reasoning_tokens\":%" PRIu64 "}%s}";
    const enum bill_kind kind = (enum bill_kind)relay_rng_below(&env->rng, BILL_KINDS);
    const uint64_t prompt = relay_rng_below(&env->rng, PROMPT_MAX);
    const uint64_t completion = relay_rng_below(&env->rng, COMPLETION_MAX);
    const uint64_t reasoning = relay_rng_below(&env->rng, completion + 1);
    const uint64_t cached =
        kind == BILL_MORE_CACHED ? 2 * prompt + 1 : relay_rng_below(&env->rng, prompt + 1);
    char cost[COST_TEXT_MAX];
    size_t len;

    draw_cost(env, kind, cost);
    if (kind == BILL_NONE) {
        len = (size_t)snprintf(out, capacity, "\"usage\":null");
    } else if (kind == BILL_OTHER_NAMES) {
        len = (size_t)snprintf(out, capacity, others, prompt, completion, cached, reasoning, cost);
    } else {
        len = (size_t)snprintf(out, capacity, counts, prompt, completion, cached, reasoning, cost);
    }
    fprintf(env->bills, "{\"bill\":\"%s\",%.*s}\n", model, (int)len, out);
    (void)fflush(env->bills);
    return len;
}
