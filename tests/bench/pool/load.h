/* SPDX-License-Identifier: MIT */
/*
 * What the peers of tests/bench/pool share: the load they run, the clocks they read, and the JSON
 * line that pool.py reads. A closed loop: as many requests in flight as told, the next one starts
 * when one ends.
 */
#ifndef TESTS_BENCH_POOL_LOAD_H
#define TESTS_BENCH_POOL_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    LOAD_TOTAL_MAX = 1000000,
    LOAD_IN_FLIGHT_MAX = 1000,
    LOAD_CONNECTIONS_MAX = 1000,
};

/* One JSON answer, not streamed: the body that `chatmux bench --no-stream` sends, too. */
#define LOAD_BODY                                                          \
    "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"user\",\"content\":" \
    "\"Say something about connection pooling.\"}],\"stream\":false}"

typedef struct load {
    long total;
    long in_flight;
    long connections; /* 0 = a new one for each request */
    long timeout_ms;  /* of one request, from its start */
    const char *host; /* of the URL; connections go to 127.0.0.1 */
    long port;
    const char *cacert;

    long started;
    long completed;
    long failed;
    long timeouts;
    long handshakes;
    long connections_peak;
    uint32_t *took_us; /* of each completed request */
    int64_t began_us;
    double began_cpu_s;
} load;

static inline int64_t load_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline double load_cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static inline bool load_read_count(const char *text, long max, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    return end != text && *end == '\0' && *out >= 0 && *out <= max;
}

/* Reads -n -c -p --port --cacert --timeout-ms; false = the usage was wrong. */
static inline bool load_parse(load *l, int argc, char **argv)
{
    bool good = argc % 2 == 1;
    *l = (load){.total = 1000, .in_flight = 100, .connections = 1, .timeout_ms = 30000};
    l->host = "localhost";
    for (int i = 1; i + 1 < argc && good; i += 2) {
        if (strcmp(argv[i], "-n") == 0) {
            good = load_read_count(argv[i + 1], LOAD_TOTAL_MAX, &l->total);
        } else if (strcmp(argv[i], "-c") == 0) {
            good = load_read_count(argv[i + 1], LOAD_IN_FLIGHT_MAX, &l->in_flight);
        } else if (strcmp(argv[i], "-p") == 0) {
            good = load_read_count(argv[i + 1], LOAD_CONNECTIONS_MAX, &l->connections);
        } else if (strcmp(argv[i], "--port") == 0) {
            good = load_read_count(argv[i + 1], 65535, &l->port);
        } else if (strcmp(argv[i], "--timeout-ms") == 0) {
            good = load_read_count(argv[i + 1], 600000, &l->timeout_ms);
        } else if (strcmp(argv[i], "--cacert") == 0) {
            l->cacert = argv[i + 1];
        } else {
            good = false;
        }
    }
    if (!good || l->port == 0 || l->cacert == NULL || l->total < 1 || l->in_flight < 1) {
        fprintf(stderr,
                "usage: %s -n TOTAL -c IN_FLIGHT -p CONNECTIONS --port N --cacert FILE"
                " [--timeout-ms N]\n",
                argv[0]);
        return false;
    }
    l->took_us = calloc((size_t)l->total, sizeof *l->took_us);
    return l->took_us != NULL;
}

static inline void load_begin(load *l)
{
    l->began_us = load_now_us();
    l->began_cpu_s = load_cpu_s();
}

static inline void load_done(load *l, int64_t started_us)
{
    l->took_us[l->completed++] = (uint32_t)(load_now_us() - started_us);
}

static inline int load_compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static inline double load_quantile_ms(const load *l, double share)
{
    long last = l->completed - 1;
    long index = (long)((double)l->completed * share);
    return l->completed == 0 ? 0.0 : (double)l->took_us[index < last ? index : last] / 1000.0;
}

/* Returns the most memory that was resident; getrusage would tell the parent's, from before exec.
 */
static inline long load_rss_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && kib == 0 && fgets(line, sizeof line, file) != NULL) {
        kib = strncmp(line, "VmHWM:", 6) == 0 ? strtol(line + 6, NULL, 10) : 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib;
}

/* Prints the result as one JSON object. Returns the exit status. */
static inline int load_report(load *l)
{
    double wall_s = (double)(load_now_us() - l->began_us) / 1e6;
    double cpu_s = load_cpu_s() - l->began_cpu_s;
    double sum_ms = 0;

    qsort(l->took_us, (size_t)l->completed, sizeof *l->took_us, load_compare);
    for (long i = 0; i < l->completed; i++) {
        sum_ms += (double)l->took_us[i] / 1000.0;
    }
    printf("{\"completions\":%ld,\"failed\":%ld,\"timeouts\":%ld,\"wall_s\":%.3f,\"cpu_s\":%.3f,",
           l->completed, l->failed, l->timeouts, wall_s, cpu_s);
    printf("\"rps\":%.1f,\"avg_ms\":%.2f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,",
           (double)l->completed / wall_s, l->completed > 0 ? sum_ms / (double)l->completed : 0.0,
           load_quantile_ms(l, 0.50), load_quantile_ms(l, 0.99));
    printf("\"rss_kib\":%ld,\"handshakes\":%ld,\"connections\":%ld}\n", load_rss_kib(),
           l->handshakes, l->connections_peak);
    return 0;
}

#endif
