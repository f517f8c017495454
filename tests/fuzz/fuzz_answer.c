/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on the decoder: the first eight bytes are the seed of memory, head and cuts, the rest
 * is the answer. What the differential demands of a mutated stream is demanded of these.
 */
#include "fuzz/judge.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t seed;
    if (size < sizeof seed || size - sizeof seed > DECODE_STREAM_BYTES_MAX) {
        return -1;
    }
    memcpy(&seed, data, sizeof seed);
    const uint8_t *stream = data + sizeof seed;
    size_t len = size - sizeof seed;
    struct judge_finding finding = judge_stream(stream, len, seed);
    if (finding.what != NULL) {
        (void)fprintf(stderr, "they differ in: %s\n", finding.what);
        judge_explain(stderr, &finding, stream, len, seed);
        abort();
    }
    return 0;
}
