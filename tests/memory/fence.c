/* SPDX-License-Identifier: MIT */
/*
 * Guarded blocks; see fence.h.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "memory/fence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0xC5, ALIGN = 16 };

uint8_t *fence_open(fence *of, size_t bytes, enum fence_side side, uint8_t dirt)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t aligned = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    size_t inner = (aligned + page - 1) / page * page;
    inner = inner == 0 ? page : inner;
    *of = (fence){.pages_bytes = inner + 2 * page, .page_bytes = page, .bytes = bytes};
    void *pages =
        mmap(NULL, of->pages_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        abort();
    }
    of->pages = pages;
    memset(of->pages + page, PATTERN, inner);
    of->block = of->pages + page + (side == FENCE_END ? inner - aligned : 0);
    memset(of->block, dirt, bytes);
    if (mprotect(of->pages, page, PROT_NONE) != 0 ||
        mprotect(of->pages + page + inner, page, PROT_NONE) != 0) {
        abort();
    }
    return of->block;
}

bool fence_is_intact(const fence *of)
{
    const uint8_t *first = of->pages + of->page_bytes;
    const uint8_t *end = of->pages + of->pages_bytes - of->page_bytes;

    for (const uint8_t *at = first; at < of->block; at++) {
        if (*at != PATTERN) {
            return false;
        }
    }
    for (const uint8_t *at = of->block + of->bytes; at < end; at++) {
        if (*at != PATTERN) {
            return false;
        }
    }
    return true;
}

void fence_close(fence *of)
{
    if (of->pages != NULL) {
        (void)munmap(of->pages, of->pages_bytes);
        *of = (fence){0};
    }
}
