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

/* What happens to a 200 answer after the first half of its tokens. */
enum relay_fault_cut {
    RELAY_CUT_NONE,
    RELAY_CUT_END_STREAM, /* as if complete, but no finish_reason and no [DONE] */
    RELAY_CUT_RESET,      /* RST_STREAM(INTERNAL_ERROR) */
    RELAY_CUT_STALL,      /* silence */
    RELAY_CUT_ERROR_EVENT /* an error object in an event, then END_STREAM */
};

typedef struct relay_fault {
    const char *model;
    int status;             /* 0 = the answer's own; else the head's status with an error body */
    const char *error_type; /* of the error object */
    const char *error_code; /* JSON, quotes included */
    const char *message;    /* of the error object */
    bool retry_after;       /* the head carries retry-after */
    bool html;              /* the body is a proxy's page, not JSON */
    bool no_head;           /* the request is taken and never answered */
    bool no_done;           /* the sentinel is left out */
    enum relay_fault_cut cut;
} relay_fault;

/* NULL: behave */
const relay_fault *relay_fault_find(const char *model, size_t model_len);

#endif
