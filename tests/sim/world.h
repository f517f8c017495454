/* SPDX-License-Identifier: MIT */
/*
 * The simulated world: one virtual clock, one queue of events ordered by (time, sequence), one seed
 * split into named streams of random numbers, and a hash over everything that happened. In: actions
 * to run later, draws. Out: the same run for the same seed, on every machine. It knows neither
 * sockets nor HTTP; nothing in it ever sleeps.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX

/* A draw in one stream never shifts the draws of another. */
enum sim_stream {
    SIM_STREAM_NET,
    SIM_STREAM_DNS,
    SIM_STREAM_SERVER,
    SIM_STREAM_APP,
    SIM_STREAM_FAULTS,
    SIM_STREAM_ENTROPY,
    SIM_STREAM_COUNT
};

/* What happens later. `arg` is whatever the one who scheduled it wants back. */
typedef void (*sim_action)(void *ctx, uint64_t arg);

typedef struct sim_event {
    uint64_t due_ms;
    uint64_t sequence; /* events of one instant run in the order in which they were scheduled */
    sim_action action;
    void *ctx;
    uint64_t arg;
} sim_event;

typedef struct sim_world {
    uint64_t seed;
    uint64_t now_ms;
    uint64_t start_ms; /* value of the clock at the beginning; some runs begin beyond 32 bits */
    uint64_t sequence;
    uint64_t random[SIM_STREAM_COUNT];
    uint64_t arrivals; /* requests that came to any server */
    sim_event *events; /* binary heap */
    size_t event_count;
    size_t event_capacity;
    uint64_t progress; /* grows with every byte, event and millisecond: who stands still is seen */
    uint64_t hash;     /* of the trace */
    bool is_traced;    /* print the timeline */
    bool is_failed;
    char failure[400]; /* the first one */
} sim_world;

void sim_world_init(sim_world *world, uint64_t seed, bool is_traced);
void sim_world_deinit(sim_world *world);

/* Returns a number in 0..bound-1; `bound` at least 1. */
uint64_t sim_choose(sim_world *world, enum sim_stream stream, uint64_t bound);

/* Returns true in `per_mille` of 1000 draws. */
bool sim_chance(sim_world *world, enum sim_stream stream, uint32_t per_mille);

/* Runs `action` in `delay_ms` from now. */
void sim_world_after(sim_world *world, uint64_t delay_ms, sim_action action, void *ctx,
                     uint64_t arg);

/* Returns when the next event is due, or SIM_NEVER. */
uint64_t sim_world_next(const sim_world *world);

/* Runs the events that are due now; with `only_one` the first of them. */
void sim_world_run_due(sim_world *world, bool only_one);

/* Moves the clock forward; events in between must have been run. */
void sim_world_advance(sim_world *world, uint64_t to_ms);

/* Adds a step to the trace. `what` is a literal. */
void sim_note(sim_world *world, const char *what, uint64_t a, uint64_t b);

/* Records a failure; the first one is kept. */
void sim_fail(sim_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define SIM_EXPECT(world, condition) \
    ((condition) ? (void)0 : sim_fail((world), "%s:%d: %s", __FILE__, __LINE__, #condition))

#endif
