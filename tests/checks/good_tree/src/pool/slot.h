/* SPDX-License-Identifier: MIT */
/* One stream's place. */
#ifndef CMX_SLOT_H
#define CMX_SLOT_H

#include <stdint.h>
#include "chatmux/error.h"

typedef struct cmx_slot {
    uint64_t due_ms; /* absolute */
    uint32_t retry_delay_ms_max;
} cmx_slot;

void cmx_slot_init(cmx_slot *slot);
CMX_MUST_CHECK int cmx_slot_on_head(cmx_slot *slot, uint64_t now_ms);

#endif
