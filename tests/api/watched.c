/* SPDX-License-Identifier: MIT */
/*
 * A program that is watched while it works: chats without a break for so many seconds, and every
 * 100 ms its metrics, in both sets of names, written beside the files and renamed, as a textfile
 * collector wants them. At the end it prints what it counted itself, from the events alone.
 * usage: watched URL SECONDS RELAY_NAMES_FILE GEN_AI_NAMES_FILE
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "common.h"

#include <inttypes.h>
#include <time.h>

enum { IN_FLIGHT = 32, METRICS_BYTES = 512 * 1024, WRITE_EVERY_MS = 100, PATH_BYTES = 4096 };

static const char *const models[] = {"gpt-4.1",        "claude \"4.5\"", "fault-truncate",
                                     "fault-500-once", "a\\b",           "fault-empty"};
enum { MODELS = sizeof models / sizeof models[0] };

static char metrics[METRICS_BYTES];

typedef struct counts {
    uint64_t verdicts[CMX_VERDICT_COUNT];
    uint64_t retries;
    uint64_t alerts; /* that errors or retries are too many */
    uint64_t spent;
    uint64_t completion_tokens;
} counts;

static uint64_t clock_ms(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void write_file(const cmx_client *client, enum cmx_metrics_names names, const char *path)
{
    char draft[PATH_BYTES];
    size_t len = 0;
    REQUIRE(cmx_client_metrics(client, names, metrics, sizeof metrics, &len) == CMX_OK);
    REQUIRE((size_t)snprintf(draft, sizeof draft, "%s.new", path) < sizeof draft);
    FILE *file = fopen(draft, "wb");
    REQUIRE(file != NULL && fwrite(metrics, 1, len, file) == len && fclose(file) == 0);
    REQUIRE(rename(draft, path) == 0);
}

static void write_files(const cmx_client *client, char **paths)
{
    write_file(client, CMX_METRICS_RELAY, paths[0]);
    write_file(client, CMX_METRICS_GEN_AI, paths[1]);
}

static void start(cmx_client *client, cmx_origin_id origin, uint32_t number)
{
    cmx_id id = 0;
    cmx_chat chat = common_chat(origin, models[number % MODELS]);
    REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
}

static void count(counts *all, const cmx_event *event)
{
    all->retries += event->kind == CMX_EVENT_RETRY ? 1 : 0;
    if (event->kind == CMX_EVENT_ALERT) {
        REQUIRE(event->alert.firing && event->alert.kind == CMX_ALERT_ERRORS);
        REQUIRE(event->alert.value > event->alert.threshold);
        all->alerts++;
    }
    if (event->kind == CMX_EVENT_DONE) {
        all->verdicts[event->done.verdict]++;
        all->spent += event->done.cost.amount;
        all->completion_tokens += event->done.usage.completion_tokens;
    }
}

static void print_counts(const counts *all)
{
    printf("{\"retries\":%" PRIu64 ",\"alerts\":%" PRIu64 ",\"spent\":%" PRIu64
           ",\"completion_tokens\":%" PRIu64 ",\"verdicts\":{",
           all->retries, all->alerts, all->spent, all->completion_tokens);
    for (int i = 0; i < CMX_VERDICT_COUNT; i++) {
        printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "", cmx_verdict_name((enum cmx_verdict)i),
               all->verdicts[i]);
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 5);
    const cmx_price price = {"gpt-4.1", 2000000, 500000, 8000000};
    cmx_config config;
    fence memory;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.models_max = MODELS; /* the last one is counted as "other" */
    config.alert_errors = 10;
    config.retry_base_ms = 1;
    config.retry_max_ms = 5;
    cmx_client *client = common_client(&config, &memory);
    cmx_origin_id origin = common_origin(client, argv[1], NULL);
    REQUIRE(cmx_client_set_price(client, &price, NULL) == CMX_OK);

    uint64_t end_ms = clock_ms() + strtoul(argv[2], NULL, 10) * 1000;
    uint64_t write_ms = 0;
    uint32_t started = 0;
    counts all = {.retries = 0};
    for (;;) {
        uint64_t now_ms = clock_ms();
        cmx_stats stats;
        cmx_client_stats(client, &stats);
        while (now_ms < end_ms && started - stats.done < IN_FLIGHT) {
            start(client, origin, started++);
        }
        if (now_ms >= write_ms) {
            write_files(client, argv + 3);
            write_ms = now_ms + WRITE_EVERY_MS;
        }
        cmx_event event;
        int rc = cmx_client_wait(client, &event, WRITE_EVERY_MS);
        if (rc == CMX_IDLE) {
            break;
        }
        if (rc == CMX_OK) {
            count(&all, &event);
        }
    }
    write_files(client, argv + 3);
    print_counts(&all);
    common_end(client, &memory);
    return 0;
}
