/* SPDX-License-Identifier: MIT */
/*
 * One run of one scenario: a world with a seeded network, a relay at http://relay.test/v1, a second
 * one at http://other.test/v1, a third at http://third.test/v1, and an application that was not
 * opened yet. Scenarios change what they are about, then tell the story.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "app.h"
#include "server.h"
#include "sim_port.h"
#include "world.h"

#define SIM_URL "http://relay.test/v1"
#define SIM_OTHER_URL "http://other.test/v1"
#define SIM_THIRD_URL "http://third.test/v1"

typedef struct sim_run {
    sim_world world;
    sim_port port;
    sim_server server;
    sim_server other;
    sim_server third;
    sim_listener *listener; /* of `server` */
    sim_host *host;         /* its name */
    sim_app app;
} sim_run;

typedef struct sim_scenario {
    const char *name;
    void (*play)(sim_run *run);
    uint32_t weight; /* runs per seed asked for; 0 = 1 */
} sim_scenario;

/* Every file of scenarios ends with one of these; a row without a name ends it. */
typedef struct sim_family {
    const char *name;
    const sim_scenario *scenarios;
} sim_family;

/* One per file scenario_NAME.c; sim_main.c plays them. */
extern const sim_family sim_family_basic;
extern const sim_family sim_family_dial;
extern const sim_family sim_family_http;
extern const sim_family sim_family_broken;
extern const sim_family sim_family_clocks;
extern const sim_family sim_family_life;
extern const sim_family sim_family_silence;
extern const sim_family sim_family_cancel;
extern const sim_family sim_family_limits;
extern const sim_family sim_family_config;
extern const sim_family sim_family_origins;
extern const sim_family sim_family_chaos;
extern const sim_family sim_family_pause;
extern const sim_family sim_family_retry;
extern const sim_family sim_family_rates;
extern const sim_family sim_family_suite;
extern const sim_family sim_family_route;
extern const sim_family sim_family_money;

/* Prints the table of the suite, if any of it was played. Returns false if a row is missing. */
bool sim_suite_report(void);

void sim_run_init(sim_run *run, uint64_t seed, bool is_traced);
void sim_run_deinit(sim_run *run);

/* Opens the client and adds the relay as its first origin. */
void sim_open(sim_run *run);

/* Starts requests that must be accepted. */
sim_chat *sim_start(sim_run *run, const char *model);
sim_chat *sim_start_with(sim_run *run, const sim_spec *spec);

/* Lets the application live until nothing is in flight; longer than `limit_ms` is a failure. */
void sim_finish(sim_run *run, uint64_t limit_ms);

/* The same for that long, whatever is in flight then. */
void sim_live(sim_run *run, uint64_t ms);

/* The end of a request. */
void sim_expect_end(sim_run *run, const sim_chat *chat, enum cmx_verdict verdict, int error);

/* A short request that must succeed: the client is in order whatever happened before. */
void sim_expect_alive(sim_run *run);

#define SIM_CHECK(condition) SIM_EXPECT(&run->world, condition)

#endif
