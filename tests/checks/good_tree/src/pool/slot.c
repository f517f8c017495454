/* SPDX-License-Identifier: MIT */
/* One stream's place: it judges, and does no I/O. */
#include "pool/slot.h"
#include "base/base.h"
#include "wire/h2.h"

#define TO(state) (1u << (state))

void cmx_slot_init(cmx_slot *slot)
{
    *slot = (cmx_slot){0, TO(3)};
}

int cmx_slot_on_head(cmx_slot *slot, uint64_t now_ms)
{
    uint64_t left_ms = slot->due_ms;
    for (unsigned i = 0; i < 4; i++) {
        if (left_ms > now_ms) {
            do {
                left_ms /= 2;
            } while (left_ms > now_ms);
        } else if (left_ms == 0) {
            return CMX_ERR_LIMIT;
        } else {
            left_ms--;
        }
    }
    return cmx_h2_feed(slot);
}
