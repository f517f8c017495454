/* SPDX-License-Identifier: MIT */
/*
 * The answers that mutation starts from: the files of vectors/streams, the wire cases and the
 * decoder's vectors of the unit tests. In: the folder tests/vectors. Out: byte strings in an order
 * that does not depend on the machine.
 */
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include <stddef.h>
#include <stdint.h>

enum { CORPUS_STREAMS_MAX = 512, CORPUS_STREAM_BYTES_MAX = 16384 };

struct corpus_stream {
    char name[64];
    uint8_t *bytes; /* owned */
    size_t len;
};

struct corpus {
    struct corpus_stream streams[CORPUS_STREAMS_MAX];
    size_t count;
};

/* Loads the corpus; what cannot be read ends the program with a message. */
void corpus_load(struct corpus *corpus, const char *vectors_folder);

void corpus_unload(struct corpus *corpus);

#endif
