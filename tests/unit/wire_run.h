/* SPDX-License-Identifier: MIT */
/*
 * One run of the decoder over the bytes of a wire case, cut in one way, in memory of one size. In:
 * a variant and the way. Out: whether all that came is what the variant says. It must not know
 * which ways are worth running.
 */
#ifndef TESTS_UNIT_WIRE_RUN_H
#define TESTS_UNIT_WIRE_RUN_H

#include "wire_vector.h"

typedef struct wire_way {
    size_t split; /* bytes of the first piece; the rest is the second one */
    size_t piece; /* 0, or instead: all pieces are of so many bytes */
    size_t shape_capacity;
    size_t tail_capacity;
    bool has_room; /* the caller gave as much room as the body needs, as for stream = false */
} wire_way;

/* Returns false and says in `problem` what came else. */
bool wire_run(wire_variant *variant, const wire_way *way, char *problem, size_t problem_capacity);

#endif
