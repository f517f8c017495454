/* SPDX-License-Identifier: MIT */
/*
 * The two clocks of the Linux port: milliseconds that count suspend, and the calendar, which on a
 * device without a battery starts long ago and is not to be believed until somebody set it.
 */
#define _GNU_SOURCE 1

#include "linux.h"

#include <time.h>

/* 2024-01-01T00:00:00Z. A clock before the year this code was written in was never set. */
#define CMX_LINUX_WALL_FLOOR_S INT64_C(1704067200)

bool cmx_linux_clock_check(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_BOOTTIME, &now) == 0;
}

uint64_t cmx_linux_now_ms(void *state)
{
    struct timespec now = {0, 0};

    (void)state;
    /* Cannot fail: init asked the same clock before. */
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

int cmx_linux_wall_clock(void *ctx, int64_t *unix_s)
{
    struct timespec now;

    (void)ctx;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < CMX_LINUX_WALL_FLOOR_S) {
        return CMX_AGAIN;
    }
    *unix_s = now.tv_sec;
    return CMX_OK;
}
