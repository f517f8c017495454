/* SPDX-License-Identifier: MIT */
/*
 * What every file of the emulator shares: flags, counts, deadlines, chance, and the clock.
 * In: made once by main.c. Out: one pointer to pass around instead of globals.
 * Must not grow behaviour.
 */
#ifndef RELAY_ENV_H
#define RELAY_ENV_H

#include "options.h"
#include "rng.h"
#include "stats.h"
#include "timers.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define RELAY_TOKEN_TEXT_MAX 1280 /* 200 bytes of --token-text, each \u00XX at worst, and room */

typedef struct relay_env {
    relay_options options;
    relay_stats stats;
    relay_timers timers;
    relay_rng rng;
    char token_json[RELAY_TOKEN_TEXT_MAX]; /* --token-text as it stands inside a JSON string */
    size_t token_json_len;
    FILE *bills;           /* --bills; NULL = none */
    int64_t faults_given;  /* chats that suffered one */
    int64_t flap_since_us; /* when the flapping began; 0 = not yet */
} relay_env;

/* CLOCK_MONOTONIC: it is what --stamp promises, and a test reads the same clock on the other side.
 */
static inline int64_t relay_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
