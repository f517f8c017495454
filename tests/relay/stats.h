/* SPDX-License-Identifier: MIT */
/*
 * What the emulator counts, so that a test can compare the server's view with the client's.
 * In: increments from the other files. Out: one line at exit. Knows nothing of sockets or HTTP.
 */
#ifndef RELAY_STATS_H
#define RELAY_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct relay_stats {
    uint64_t connections;
    uint64_t handshakes;
    uint64_t resumed;
    uint64_t handshakes_failed;
    uint64_t requests;
    uint64_t completed;
    uint64_t resets_received;
    uint64_t resets_sent;
    uint64_t streams_open;
    uint64_t streams_peak;
    uint64_t tokens;
    uint64_t bytes_sent;
    uint64_t bytes_received;
} relay_stats;

void relay_stats_print(const relay_stats *stats, bool as_json, FILE *out);

#endif
