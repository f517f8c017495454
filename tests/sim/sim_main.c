/* SPDX-License-Identifier: MIT */
/*
 * chatmux-sim: plays scenarios in the simulated world, each with several seeds, and prints for each
 * failure the line that replays it. One run in a hundred is played twice and must leave the same
 * trace.
 */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { SEEDS_DEFAULT = 8, FAILURES_SHOWN_MAX = 20, TWICE_EVERY = 100 };
enum { RUN_CPU_SECONDS_MAX = 240 }; /* ten times what the longest takes under qemu */

static const sim_family *const families[] = {
    &sim_family_basic,   &sim_family_dial,    &sim_family_http,   &sim_family_broken,
    &sim_family_clocks,  &sim_family_cancel,  &sim_family_limits, &sim_family_config,
    &sim_family_life,    &sim_family_silence, &sim_family_retry,  &sim_family_rates,
    &sim_family_origins, &sim_family_chaos,   &sim_family_pause,  &sim_family_suite,
    &sim_family_route,   &sim_family_money,
};

typedef struct sim_choice {
    const char *family;
    const char *scenario;
    uint64_t seed_first;
    uint64_t seeds;
    bool is_traced;
    bool is_listing;
} sim_choice;

/* What a signal handler prints: a crash must name its seed, too. */
static char crash_line[200];

static void on_crash(int number)
{
    ssize_t unused = write(STDERR_FILENO, crash_line, strlen(crash_line));

    (void)unused;
    signal(number, SIG_DFL);
    raise(number);
}

/* A run that does not end is one that computes: no time passes in it but virtual time, and what
 * else the machine has to do must not count. */
static void limit_cpu(void)
{
    const struct itimerval limit = {.it_value = {.tv_sec = RUN_CPU_SECONDS_MAX}};

    if (setitimer(ITIMER_PROF, &limit, NULL) != 0) {
        abort();
    }
}

static uint64_t runs, failures;

/* Returns the hash of the trace. */
static uint64_t play_once(const sim_scenario *scenario, uint64_t seed, bool is_traced,
                          char failure[400])
{
    sim_run *run = malloc(sizeof *run);
    uint64_t hash;

    if (run == NULL) {
        abort();
    }
    snprintf(crash_line, sizeof crash_line,
             "\nCRASHED or did not end; replay: chatmux-sim --replay %s:%" PRIu64 " --trace\n",
             scenario->name, seed);
    limit_cpu();
    sim_run_init(run, seed, is_traced);
    scenario->play(run);
    sim_app_close(&run->app);
    hash = run->world.hash;
    failure[0] = '\0';
    if (run->world.is_failed) {
        memcpy(failure, run->world.failure, sizeof run->world.failure);
    }
    sim_run_deinit(run);
    free(run);
    return hash;
}

static void play(const sim_scenario *scenario, uint64_t seed, bool is_traced)
{
    char failure[400];
    char second[400];
    uint64_t hash = play_once(scenario, seed, is_traced, failure);

    if (failure[0] == '\0' && runs % TWICE_EVERY == 0 && !is_traced &&
        play_once(scenario, seed, false, second) != hash) {
        snprintf(failure, sizeof failure, "two runs of one seed differ");
    }
    runs++;
    if (is_traced) {
        printf("trace hash %016" PRIx64 "\n", hash);
    }
    if (failure[0] == '\0') {
        return;
    }
    failures++;
    if (failures <= FAILURES_SHOWN_MAX) {
        printf("FAILED %s: %s\n  replay: chatmux-sim --replay %s:%" PRIu64 " --trace\n",
               scenario->name, failure, scenario->name, seed);
        fflush(stdout);
    }
}

static void play_family(const sim_family *family, const sim_choice *options)
{
    for (const sim_scenario *scenario = family->scenarios; scenario->name != NULL; scenario++) {
        uint64_t weight = scenario->weight == 0 ? 1 : scenario->weight;
        if (options->scenario != NULL && strcmp(options->scenario, scenario->name) != 0) {
            continue;
        }
        if (options->is_listing) {
            printf("%-8s %s\n", family->name, scenario->name);
            continue;
        }
        if (options->seeds == 1) {
            weight = 1;
        }
        for (uint64_t i = 0; i < options->seeds * weight; i++) {
            play(scenario, options->seed_first + i, options->is_traced);
        }
    }
}

static void print_help(void)
{
    puts("chatmux-sim: plays scenarios in the simulated world\n"
         "  --list             names the scenarios\n"
         "  --family NAME      only those of one family\n"
         "  --scenario NAME    only one\n"
         "  --seeds N          that many seeds each (8)\n"
         "  --seed S           begins with seed S (1); without --seeds only S\n"
         "  --replay NAME:SEED one run\n"
         "  --trace            prints the timeline");
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool parse_replay(char *text, sim_choice *options)
{
    char *colon = strrchr(text, ':');

    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    options->scenario = text;
    options->seeds = 1;
    return parse_number(colon + 1, &options->seed_first);
}

static bool parse_value(const char *name, char *value, sim_choice *options)
{
    if (strcmp(name, "--family") == 0) {
        options->family = value;
        return true;
    }
    if (strcmp(name, "--scenario") == 0) {
        options->scenario = value;
        return true;
    }
    if (strcmp(name, "--seeds") == 0) {
        return parse_number(value, &options->seeds);
    }
    if (strcmp(name, "--seed") == 0) {
        return parse_number(value, &options->seed_first);
    }
    return strcmp(name, "--replay") == 0 && parse_replay(value, options);
}

static bool parse(int argc, char **argv, sim_choice *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            options->is_listing = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            options->is_traced = true;
        } else if (i + 1 < argc && parse_value(argv[i], argv[i + 1], options)) {
            i++;
        } else {
            return false;
        }
    }
    if (options->seeds == 0) {
        options->seeds = options->seed_first == 0 ? SEEDS_DEFAULT : 1;
    }
    if (options->seed_first == 0) {
        options->seed_first = 1;
    }
    return true;
}

int main(int argc, char **argv)
{
    sim_choice options = {0};

    if (!parse(argc, argv, &options)) {
        print_help();
        return 2;
    }
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    signal(SIGILL, on_crash);
    signal(SIGTRAP, on_crash);
    signal(SIGPROF, on_crash);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (options.family == NULL || strcmp(options.family, families[i]->name) == 0) {
            play_family(families[i], &options);
        }
    }
    if (options.is_listing) {
        return 0;
    }
    if (options.scenario == NULL && !sim_suite_report()) {
        failures++;
    }
    printf("%" PRIu64 " runs, %" PRIu64 " failed\n", runs, failures);
    return failures == 0 && runs > 0 ? 0 : 1;
}
