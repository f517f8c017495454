/* SPDX-License-Identifier: MIT */
/*
 * One stream judged: parsing only what changed must give what parsing in full gives, and where the
 * bytes are cut must make no difference. In: bytes and the seed from which everything else is
 * drawn. Out: nothing, or which two runs differ in what.
 */
#ifndef TESTS_FUZZ_JUDGE_H
#define TESTS_FUZZ_JUDGE_H

#include "fuzz/decode.h"

#include <stdio.h>

struct judge_finding {
    const char *what;      /* which part of the logs; a static string; NULL = all agree */
    struct decode_run run; /* the one that differs from full parsing */
    struct decode_run full;
};

/* Judges `len` bytes, at most DECODE_STREAM_BYTES_MAX. The same for the same bytes and seed. */
struct judge_finding judge_stream(const uint8_t *stream, size_t len, uint64_t seed);

/* Writes both logs of a finding in escaped form. */
void judge_explain(FILE *out, const struct judge_finding *finding, const uint8_t *stream,
                   size_t len, uint64_t seed);

/* Writes bytes as the inside of a C string, a line for each line. */
void judge_print_escaped(FILE *out, const uint8_t *bytes, size_t len);

#endif
