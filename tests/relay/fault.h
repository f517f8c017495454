/* SPDX-License-Identifier: MIT */
/*
 * The one list of what the emulator does wrong on purpose, chosen by model name or by flag.
 * In: a model's name. Out: a description of the misbehaviour, or NULL for an honest answer.
 * Must not act: answer.c and route.c read the description and do it.
 */
#ifndef RELAY_FAULT_H
#define RELAY_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happens to a 200 answer after the first half of its tokens. */
enum relay_fault_cut {
    RELAY_CUT_NONE,
    RELAY_CUT_END_STREAM, /* as if complete, but no finish_reason and no [DONE] */
    RELAY_CUT_RESET,      /* RST_STREAM with reset_code */
    RELAY_CUT_MID,        /* half an event, then RST_STREAM with reset_code */
    RELAY_CUT_STALL,      /* silence */
    RELAY_CUT_DROP,       /* the connection is reset */
    RELAY_CUT_CLOSE,      /* the connection is closed in good order, the stream is not */
    RELAY_CUT_FLOOD,      /* comments without end, as fast as the windows allow */
    RELAY_CUT_ERROR_EVENT /* an error object in an event, then END_STREAM */
};

/* What happens as soon as a request is whole, before anything is answered. */
enum relay_fault_deed {
    RELAY_DEED_NONE,
    RELAY_DEED_RESET,         /* RST_STREAM with reset_code instead of an answer */
    RELAY_DEED_DROP,          /* the connection is reset */
    RELAY_DEED_MUTE,          /* the connection says nothing any more, not even to a PING */
    RELAY_DEED_MUTE_PINGS,    /* PINGs of the connection are not answered any more */
    RELAY_DEED_GOAWAY,        /* graceful: last id 2^31-1, then the real one; all is answered */
    RELAY_DEED_GOAWAY_LOWER,  /* last id below this stream, with reset_code; no answer */
    RELAY_DEED_GOAWAY_REPEAT, /* the same, three times with falling last ids */
    RELAY_DEED_MAX_ONE,       /* MAX_CONCURRENT_STREAMS 1 for good */
    RELAY_DEED_MAX_ZERO       /* MAX_CONCURRENT_STREAMS 0, and back after --restore-ms */
};

typedef struct relay_fault {
    const char *model;
    int status;             /* 0 = the answer's own; else the head's status with an error body */
    const char *error_type; /* of the error object */
    const char *error_code; /* JSON, quotes included */
    const char *message;    /* of the error object */
    bool retry_after;       /* the head carries retry-after */
    bool redirect;          /* the head carries --redirect-to as its location */
    bool html;              /* the body is a proxy's page, not JSON */
    bool no_head;           /* the request is taken and never answered */
    bool no_done;           /* the sentinel is left out */
    bool flap;              /* only while --flap-ms says "down" */
    bool slow;              /* the first token comes after --first-token-ms */
    bool malformed;         /* the tenth event is not JSON */
    bool head_only;         /* a 200 that ends with its head */
    bool trailers;          /* the stream ends with a trailer section */
    enum relay_fault_cut cut;
    enum relay_fault_deed deed;
    uint32_t reset_code;    /* HTTP/2 error code of a reset or GOAWAY */
    const char *debug_data; /* of a GOAWAY, else NULL */
} relay_fault;

/* What may follow a fault's name: then only the first chat that meets it suffers. */
#define RELAY_FAULT_ONCE "-once"

/* NULL: behave. RELAY_FAULT_ONCE at the end of the name is accepted. */
const relay_fault *relay_fault_find(const char *model, size_t model_len);
/* NULL: `index` is past the last one */
const relay_fault *relay_fault_at(size_t index);
/* Position of a fault that relay_fault_find() gave */
size_t relay_fault_index(const relay_fault *fault);

#endif
