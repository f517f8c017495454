/* SPDX-License-Identifier: MIT */
/*
 * One answer through the decoder, written down so that two runs can be compared byte for byte. In:
 * the bytes, how they are cut and which memory the decoder has. Out: every item in order, the same
 * with the pieces of a text joined, and the facts of the end. What the decoder must never do,
 * whatever comes in, ends the program here.
 */
#ifndef TESTS_FUZZ_DECODE_H
#define TESTS_FUZZ_DECODE_H

#include "chat/answer.h"

enum {
    DECODE_STREAM_BYTES_MAX = 8192,
    DECODE_LOG_BYTES = DECODE_STREAM_BYTES_MAX * 64, /* an item may be as small as one bad byte */
    DECODE_FACTS_BYTES = 1024,
    DECODE_EVENT_BYTES_MAX = 4096,
    DECODE_TAIL_BYTES_MAX = 512,
    DECODE_SHAPE_BYTES_MAX = 1024,
    DECODE_TOOLS_MAX = 16,
};

/* What the server and the configuration say; the same for all runs that are compared. */
struct decode_setting {
    uint32_t status;
    enum cmx_answer_content content;
    bool end_stream;        /* the server ended the stream in order */
    size_t event_bytes_max; /* up to DECODE_EVENT_BYTES_MAX */
    size_t tail_capacity;   /* up to DECODE_TAIL_BYTES_MAX */
    size_t body_capacity;   /* room of an answer that is not streamed; 0 = none */
    uint32_t malformed_max;
    uint32_t skipped_max;
    uint32_t tools_max; /* up to DECODE_TOOLS_MAX */
};

/* What must make no difference. */
struct decode_run {
    size_t shape_capacity; /* 0 = every event is parsed in full */
    uint64_t cuts_seed;
    size_t cut_mean; /* bytes of a chunk on average; 0 = one chunk */
};

struct decode_log {
    uint8_t items[DECODE_LOG_BYTES];   /* exact sequence */
    uint8_t joined[DECODE_LOG_BYTES];  /* pieces of one text that follow each other are one */
    uint8_t facts[DECODE_FACTS_BYTES]; /* verdict, error, usage, counters, texts */
    size_t items_len;
    size_t joined_len;
    size_t facts_len;
    uint64_t last; /* what `joined` ends with: choice, channel, tool; UINT64_MAX = not a text */
};

/* Decodes `stream` into `log`, which is overwritten. */
void decode_stream(struct decode_log *log, const struct decode_setting *setting,
                   const struct decode_run *run, const uint8_t *stream, size_t len);

#endif
