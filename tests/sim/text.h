/* SPDX-License-Identifier: MIT */
/*
 * The text of a simulated completion: a function of seed, chat and position, so that a lost, a
 * doubled or a misplaced byte is noticed without storing anything. It comes in units of four bytes
 * that are one to four characters, so that any place can be computed and no unit is cut.
 */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_UNIT_BYTES = 4,
    SIM_UNIT_JSON_MAX = 24, /* bytes of a unit inside a JSON string */
};

/* Writes unit `index` of chat `k`. */
void sim_text_unit(uint64_t seed, uint32_t k, uint64_t index, uint8_t out[SIM_UNIT_BYTES]);

/* Writes the unit as it may stand inside a JSON string; returns the bytes. `style` chooses between
 * equal spellings. */
size_t sim_text_json(const uint8_t unit[SIM_UNIT_BYTES], uint32_t style, char *out);

/* Returns true if `bytes` are the text of chat `k` from `offset` on. */
bool sim_text_matches(uint64_t seed, uint32_t k, uint64_t offset, const char *bytes, size_t len);

#endif
