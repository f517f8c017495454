/* SPDX-License-Identifier: MIT */
/*
 * The wire cases of vectors/wire as data: one file a case, written to be read by eye beside the
 * source that it restates. In: a file. Out: its variants, each with the bytes of an answer, what
 * the response head says, and what must come of it. real/wire_vectors.py reads the same files; it
 * must not know the decoder.
 *
 * A file has one item a line; `#` starts a comment, an empty line means nothing. In all texts
 * <HH>, two upper-case hexadecimal digits, is a byte, and <CR> and <LF> are what they say.
 *
 *   case N, title TEXT       once, first
 *   = FACT: TEXT             what must come; above the variants: for each of them
 *   variant TEXT             begins a variant, which then says what differs:
 *   status N                 200
 *   type TEXT                content-type: text/event-stream
 *   end order|cut            how the stream ends: END_STREAM, or cut off
 *   event-bytes N            event_bytes_max: 16384
 *   skipped-max N            0
 *   malformed-max N          3
 *   tool-calls-max N         16
 *   | TEXT                   body: TEXT and LF
 *   > TEXT                   body: TEXT alone
 *   *N TEXT                  body: TEXT, N times
 *   @say TEXT                body: a chunk whose content is TEXT, as it stands in a JSON string
 *   @stop                    body: a chunk with finish_reason "stop"
 *   @done                    body: the sentinel
 *
 * Facts: verdict; error (CMX_OK if not named); "0 content", "0 reasoning", "0 refusal", the texts
 * of choice 0; "0 tool 1", "0 tool 1 id", "0 tool 1 name", the arguments, id and name of its second
 * tool call; finish; message; usage (prompt, completion, total, cached, reasoning); malformed,
 * skipped and replaced; and model, id and code, which are compared only where named. What is not
 * named must not come. `= FACT*N: TEXT` is TEXT N times, `= FACT+: TEXT` goes on, no TEXT takes a
 * fact away.
 */
#ifndef TESTS_UNIT_WIRE_VECTOR_H
#define TESTS_UNIT_WIRE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_FACTS_MAX = 32,
    WIRE_KEY_BYTES_MAX = 40,
    WIRE_TITLE_BYTES_MAX = 100,
    WIRE_TYPE_BYTES_MAX = 64,
    WIRE_VARIANTS_MAX = 32,
    WIRE_BODY_BYTES_MAX = 1024 * 1024,
};

/* Bytes that grow; `data` is for free(). */
typedef struct wire_bytes {
    uint8_t *data;
    size_t len;
    size_t capacity;
} wire_bytes;

typedef struct wire_fact {
    char key[WIRE_KEY_BYTES_MAX];
    wire_bytes value;
} wire_fact;

typedef struct wire_facts {
    wire_fact rows[WIRE_FACTS_MAX];
    size_t count;
} wire_facts;

typedef struct wire_variant {
    char title[WIRE_TITLE_BYTES_MAX];
    char type[WIRE_TYPE_BYTES_MAX];
    uint32_t status;
    uint32_t event_bytes_max;
    uint32_t skipped_max;
    uint32_t malformed_max;
    uint32_t tool_calls_max;
    bool cut;
    wire_bytes body;
    wire_facts facts;
} wire_variant;

typedef struct wire_case {
    uint32_t number;
    char title[WIRE_TITLE_BYTES_MAX];
    wire_facts facts; /* of all variants */
    wire_variant *variants;
    size_t variant_count;
} wire_case;

/* Reads one file. Returns false and says what is wrong in which line; `out` is to be unloaded in
 * either case. */
bool wire_case_load(wire_case *out, const char *path, char *problem, size_t problem_capacity);
void wire_case_unload(wire_case *loaded);

/* Appends; false: too much. */
bool wire_bytes_add(wire_bytes *bytes, const void *data, size_t len);

/* Returns the fact of that name, or NULL. */
wire_fact *wire_facts_find(wire_facts *facts, const char *key);
/* The same, made if it is not there; NULL: too many. */
wire_fact *wire_facts_get(wire_facts *facts, const char *key);
void wire_facts_clear(wire_facts *facts);

#endif
