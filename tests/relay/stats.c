/* SPDX-License-Identifier: MIT */
/*
 * Prints the counts, as key=value pairs or as one JSON object, always on one line.
 * In: a relay_stats. Out: text. Must not know who counted.
 */
#include "stats.h"

#include "fault.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define KEPT_BYTES 2048

typedef struct counter {
    const char *name;
    size_t offset;
} counter;

static const counter counters[] = {
    {"connections", offsetof(relay_stats, connections)},
    {"handshakes", offsetof(relay_stats, handshakes)},
    {"resumed", offsetof(relay_stats, resumed)},
    {"handshakes_failed", offsetof(relay_stats, handshakes_failed)},
    {"requests", offsetof(relay_stats, requests)},
    {"completed", offsetof(relay_stats, completed)},
    {"resets_received", offsetof(relay_stats, resets_received)},
    {"resets_sent", offsetof(relay_stats, resets_sent)},
    {"streams_open", offsetof(relay_stats, streams_open)},
    {"streams_peak", offsetof(relay_stats, streams_peak)},
    {"tokens", offsetof(relay_stats, tokens)},
    {"bytes_sent", offsetof(relay_stats, bytes_sent)},
    {"bytes_received", offsetof(relay_stats, bytes_received)},
    {"pings", offsetof(relay_stats, pings)},
    {"goaways", offsetof(relay_stats, goaways)},
    {"chats", offsetof(relay_stats, chats)},
};

void relay_stats_print(const relay_stats *stats, bool as_json, FILE *out)
{
    const size_t count = sizeof counters / sizeof counters[0];

    if (as_json) {
        fputc('{', out);
    }
    for (size_t i = 0; i < count; i++) {
        const char *field = (const char *)stats + counters[i].offset;
        const uint64_t value = *(const uint64_t *)(const void *)field;

        fprintf(out, as_json ? "%s\"%s\":%" PRIu64 : "%s%s=%" PRIu64,
                i == 0    ? ""
                : as_json ? ","
                          : " ",
                counters[i].name, value);
    }
    /* of the faults only those that happened: their list is long */
    for (size_t i = 0; relay_fault_at(i) != NULL; i++) {
        if (stats->faulted[i] > 0) {
            fprintf(out, as_json ? ",\"%s\":%" PRIu64 : " %s=%" PRIu64, relay_fault_at(i)->model,
                    stats->faulted[i]);
        }
    }
    fputs(as_json ? "}\n" : "\n", out);
    fflush(out);
}

bool relay_stats_keep(const relay_stats *stats, bool as_json, int fd)
{
    char text[KEPT_BYTES];
    FILE *out = fmemopen(text, sizeof text, "w");
    long len;

    if (out == NULL) {
        return false;
    }
    relay_stats_print(stats, as_json, out);
    len = ftell(out);
    if (fclose(out) != 0 || len < 1) {
        return false;
    }
    /* the line end becomes the end of the file */
    memset(text + len - 1, ' ', sizeof text - (size_t)len);
    text[sizeof text - 1] = '\n';
    return pwrite(fd, text, sizeof text, 0) == (ssize_t)sizeof text;
}
