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

#define RELAY_STATS_FAULTS_MAX 64

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
    uint64_t pings;   /* of the client, acknowledged or not */
    uint64_t goaways; /* sent */
    uint64_t chats;   /* whole requests for a completion: the attempts of all clients */
    uint64_t faulted[RELAY_STATS_FAULTS_MAX]; /* those of them that met the fault of that index */
} relay_stats;

void relay_stats_print(const relay_stats *stats, bool as_json, FILE *out);
/* The same at the begin of a file, in one write that outlives the process; spaces fill up what was
 * longer before. false: it could not be written */
bool relay_stats_keep(const relay_stats *stats, bool as_json, int fd);

#endif
