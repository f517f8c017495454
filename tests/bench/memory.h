/* SPDX-License-Identifier: MIT */
/*
 * What a process holds resident, as Linux counts it, for the two programs that memory.sh compares:
 * they look before there is a client, look again just before their first request, and print at the
 * end how far it grew. Reads /proc without stdio, which would itself take memory.
 */
#ifndef TESTS_BENCH_MEMORY_H
#define TESTS_BENCH_MEMORY_H

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { MEMORY_STATUS_BYTES = 4096 };

typedef struct memory_seen {
    long rss_kib;  /* all that is resident: the block or heap, the stack, code that ran */
    long anon_kib; /* without code and other pages of files, which processes share */
    long most_kib; /* the most of rss_kib so far */
} memory_seen;

static inline long memory_kib_of(const char *status, const char *name)
{
    const char *line = strstr(status, name);

    return line == NULL ? 0 : strtol(line + strlen(name), NULL, 10);
}

/* All 0 where there is no /proc. */
static inline memory_seen memory_look(void)
{
    char status[MEMORY_STATUS_BYTES];
    const int fd = open("/proc/self/status", O_RDONLY);
    const ssize_t len = fd < 0 ? 0 : read(fd, status, sizeof status - 1);

    if (fd >= 0) {
        (void)close(fd);
    }
    status[len > 0 ? len : 0] = '\0';
    return (memory_seen){memory_kib_of(status, "VmRSS:"), memory_kib_of(status, "RssAnon:"),
                         memory_kib_of(status, "VmHWM:")};
}

/* Members of a JSON object, a comma behind each. */
static inline void memory_print(memory_seen opening, memory_seen starting)
{
    const memory_seen now = memory_look();

    printf("\"rss_grown_kib\":%ld,", now.most_kib - starting.rss_kib);
    printf("\"rss_grown_from_opening_kib\":%ld,", now.most_kib - opening.rss_kib);
    printf("\"anon_grown_from_opening_kib\":%ld,", now.anon_kib - opening.anon_kib);
}

#endif
