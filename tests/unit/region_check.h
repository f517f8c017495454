/* SPDX-License-Identifier: MIT */
/*
 * Whether a region of base/region.h is sound. A program that includes region.c itself includes
 * region_check.c instead.
 */
#ifndef TESTS_UNIT_REGION_CHECK_H
#define TESTS_UNIT_REGION_CHECK_H

#include "base/region.h"

/* Walks all blocks and asserts that sizes, links and accounting agree. */
void cmx_region_check(const cmx_region *region);

#endif
