/* SPDX-License-Identifier: MIT */
/*
 * Mutated answers. In: the corpus and random numbers. Out: a stream that is nearly one a server
 * sends, of events repeated, lost, swapped and spliced, with bytes and fragments of JSON and of
 * server-sent events changed in it. It knows nothing of the decoder.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include "fuzz/corpus.h"
#include "fuzz/random.h"

struct mutate_stream {
    uint8_t *bytes; /* borrowed: room for `capacity` bytes */
    size_t len;
    size_t capacity;
};

/* Writes a mutated stream over `stream`; the same for the same corpus and random state. */
void mutate_make(struct mutate_stream *stream, const struct corpus *corpus,
                 struct fuzz_random *random);

#endif
