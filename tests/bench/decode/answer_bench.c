/* SPDX-License-Identifier: MIT */
/*
 * What decoding costs by itself: a typical chunk of a streamed answer, again and again, as it lies
 * in a connection's buffer. Prints nanoseconds per token; under callgrind the instructions per
 * token are those of cmx_answer_next() divided by the tokens.
 *
 * usage: answer_bench [TOKENS [BYTES_PER_CHUNK]]
 */
#include "chat/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHUNK_BYTES_MAX = 16384, TAIL_BYTES = 512, TOKENS = 1000000 };

static const char event[] =
    "data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\","
    "\"created\":1741570283,\"model\":\"gpt-4.1-2025-04-14\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_6dd05565ef\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
    "\" token\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";

static uint8_t chunk[CHUNK_BYTES_MAX];
static uint8_t tail[TAIL_BYTES];
static cmx_answer answer;

/* Decodes a chunk; returns the bytes of text in it. */
static size_t decode_chunk(size_t len, size_t *tokens)
{
    size_t bytes = 0;
    cmx_answer_item item;
    cmx_answer_feed(&answer, chunk, len);
    int rc = cmx_answer_next(&answer, &item);
    while (rc == CMX_OK) {
        bytes += item.delta.text.len;
        *tokens += 1;
        rc = cmx_answer_next(&answer, &item);
    }
    return rc == CMX_AGAIN ? bytes : 0;
}

static double now_s(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) {
        return 0;
    }
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    size_t wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : TOKENS;
    size_t chunk_bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : sizeof event - 1;
    if (wanted == 0 || chunk_bytes == 0 || chunk_bytes > CHUNK_BYTES_MAX) {
        (void)fprintf(stderr, "usage: answer_bench [TOKENS [BYTES_PER_CHUNK up to 16384]]\n");
        return 2;
    }
    const cmx_answer_memory memory = {
        .tail = tail, .tail_capacity = sizeof tail, .event_bytes_max = CHUNK_BYTES_MAX};
    cmx_answer_init(&answer, &memory);
    cmx_answer_head(&answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){NULL, 0},
                    (cmx_view){NULL, 0});

    size_t tokens = 0;
    size_t bytes = 0;
    size_t at = 0; /* in the endless row of events */
    double start = now_s();
    while (tokens < wanted) {
        for (size_t i = 0; i < chunk_bytes;) {
            size_t part = sizeof event - 1 - at;
            part = part < chunk_bytes - i ? part : chunk_bytes - i;
            memcpy(chunk + i, event + at, part);
            i += part;
            at = (at + part) % (sizeof event - 1);
        }
        bytes += decode_chunk(chunk_bytes, &tokens);
    }
    double seconds = now_s() - start;
    (void)printf("event_bytes %zu tokens %zu text_bytes %zu ns_per_token %.1f\n", sizeof event - 1,
                 tokens, bytes, seconds * 1e9 / (double)tokens);
    return bytes == tokens * 6 ? 0 : 1;
}
