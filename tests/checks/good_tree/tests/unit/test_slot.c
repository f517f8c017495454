/* SPDX-License-Identifier: MIT */
/* A test of the small tree. */
#include "pool/slot.h"
#include <stdio.h>

int main(void)
{
    cmx_slot slot;
    cmx_slot_init(&slot);
    puts("/* not a comment: // nor this */");
    return cmx_slot_on_head(&slot, 1);
}
