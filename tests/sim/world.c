/* SPDX-License-Identifier: MIT */
/*
 * The world's clock, queue, random numbers and trace; see world.h. Everything here is a pure
 * function of the seed and of the calls made.
 */
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 1 << 20, EVENTS_PER_INSTANT_MAX = 1 << 20 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed;

    *state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static bool is_earlier(const sim_event *a, const sim_event *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->sequence < b->sequence;
}

static void swap_events(sim_event *a, sim_event *b)
{
    sim_event kept = *a;

    *a = *b;
    *b = kept;
}

static sim_event pop_event(sim_world *world)
{
    sim_event first = world->events[0];
    size_t at = 0;

    world->events[0] = world->events[--world->event_count];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->event_count) {
            return first;
        }
        if (child + 1 < world->event_count &&
            is_earlier(&world->events[child + 1], &world->events[child])) {
            child++;
        }
        if (!is_earlier(&world->events[child], &world->events[at])) {
            return first;
        }
        swap_events(&world->events[child], &world->events[at]);
        at = child;
    }
}

static void mix_hash(sim_world *world, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        world->hash ^= (value >> (8 * i)) & 0xFF;
        world->hash *= UINT64_C(0x100000001B3);
    }
}

void sim_world_init(sim_world *world, uint64_t seed, bool is_traced)
{
    /* A clock may stand anywhere when a program starts, and nothing may be cut to 32 bits. */
    static const uint64_t starts[] = {0, 1000, UINT64_C(0xFFFFF000), UINT64_C(0x123456789AB)};

    memset(world, 0, sizeof *world);
    world->seed = seed;
    world->hash = UINT64_C(0xCBF29CE484222325);
    world->is_traced = is_traced;
    for (int i = 0; i < SIM_STREAM_COUNT; i++) {
        uint64_t state = seed * 64 + (uint64_t)i;
        world->random[i] = next_random(&state);
    }
    world->start_ms = starts[seed % 4];
    world->now_ms = world->start_ms;
}

void sim_world_deinit(sim_world *world)
{
    free(world->events);
    world->events = NULL;
    world->event_count = 0;
    world->event_capacity = 0;
}

uint64_t sim_choose(sim_world *world, enum sim_stream stream, uint64_t bound)
{
    return next_random(&world->random[stream]) % bound;
}

bool sim_chance(sim_world *world, enum sim_stream stream, uint32_t per_mille)
{
    return per_mille != 0 && sim_choose(world, stream, 1000) < per_mille;
}

void sim_world_after(sim_world *world, uint64_t delay_ms, sim_action action, void *ctx,
                     uint64_t arg)
{
    size_t at = world->event_count;

    if (at == world->event_capacity) {
        world->event_capacity = at == 0 ? 256 : 2 * at;
        world->events = realloc(world->events, world->event_capacity * sizeof *world->events);
        if (world->events == NULL || at >= EVENTS_MAX) {
            fprintf(stderr, "simulation: too many events\n");
            abort();
        }
    }
    world->events[at] = (sim_event){.due_ms = world->now_ms + delay_ms,
                                    .sequence = world->sequence++,
                                    .action = action,
                                    .ctx = ctx,
                                    .arg = arg};
    world->event_count++;
    while (at > 0 && is_earlier(&world->events[at], &world->events[(at - 1) / 2])) {
        swap_events(&world->events[at], &world->events[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

uint64_t sim_world_next(const sim_world *world)
{
    return world->event_count == 0 ? SIM_NEVER : world->events[0].due_ms;
}

void sim_world_run_due(sim_world *world, bool only_one)
{
    for (int i = 0; i < EVENTS_PER_INSTANT_MAX; i++) {
        sim_event event;
        if (sim_world_next(world) > world->now_ms) {
            return;
        }
        event = pop_event(world);
        event.action(event.ctx, event.arg);
        if (only_one) {
            return;
        }
    }
    sim_fail(world, "an instant of the simulation does not end");
}

void sim_world_advance(sim_world *world, uint64_t to_ms)
{
    if (to_ms > world->now_ms) {
        world->now_ms = to_ms;
        world->progress++;
    }
}

void sim_note(sim_world *world, const char *what, uint64_t a, uint64_t b)
{
    mix_hash(world, world->now_ms);
    for (const char *at = what; *at != '\0'; at++) {
        world->hash = (world->hash ^ (uint8_t)*at) * UINT64_C(0x100000001B3);
    }
    mix_hash(world, a);
    mix_hash(world, b);
    if (world->is_traced) {
        fprintf(stderr, "%8" PRIu64 " ms  %-24s %" PRIu64 " %" PRIu64 "\n",
                world->now_ms - world->start_ms, what, a, b);
    }
}

void sim_fail(sim_world *world, const char *format, ...)
{
    char text[sizeof world->failure];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (world->is_traced) {
        fprintf(stderr, "%8" PRIu64 " ms  FAILED: %s\n", world->now_ms - world->start_ms, text);
    }
    if (!world->is_failed) {
        world->is_failed = true;
        snprintf(world->failure, sizeof world->failure, "after %" PRIu64 " ms: %.300s",
                 world->now_ms - world->start_ms, text);
    }
}
