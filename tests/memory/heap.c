/* SPDX-License-Identifier: MIT */
/*
 * Stands in for libc's allocator: whoever defines these names in a program gets the calls of
 * everything that is linked to it, libc's own included. Memory comes from one mapping that the
 * bounded allocator of base/region.h divides.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, memalign */

#include "memory/heap.h"

#include "base/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { POOL_BYTES = 127 << 20, PREFIX = 16 };

/* Lies before what is given out. */
typedef struct prefix {
    void *block; /* of the region */
    size_t bytes;
} prefix;

_Static_assert(sizeof(prefix) <= PREFIX, "the prefix fits in front of aligned memory");

static cmx_region *pool;
static bool lock;

void *memalign(size_t align, size_t bytes);

void heap_listen(void)
{
    /* Whoever is linked to this file is heard from its first call on. */
}

static void enter(void)
{
    while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE)) {
    }
    if (pool == NULL) {
        void *memory = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            abort();
        }
        pool = cmx_region_init(memory, POOL_BYTES);
    }
}

static void leave(void)
{
    __atomic_clear(&lock, __ATOMIC_RELEASE);
}

static prefix *prefix_of(void *memory)
{
    return (prefix *)(void *)((uint8_t *)memory - PREFIX);
}

static void *take(size_t align, size_t bytes)
{
    if (bytes > POOL_BYTES || align > POOL_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    enter();
    uint8_t *block = cmx_region_take(pool, bytes + align + PREFIX);
    leave();
    if (block == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    uint8_t *memory = block + PREFIX;
    memory += (align - (uintptr_t)memory % align) % align;
    *prefix_of(memory) = (prefix){block, bytes};
    return memory;
}

void *malloc(size_t bytes)
{
    heap_judge("malloc", bytes);
    return take(PREFIX, bytes);
}

void *calloc(size_t count, size_t bytes)
{
    if (bytes > 0 && count > POOL_BYTES / bytes) {
        errno = ENOMEM;
        return NULL;
    }
    heap_judge("calloc", count * bytes);
    void *memory = take(PREFIX, count * bytes);
    if (memory != NULL) {
        memset(memory, 0, count * bytes);
    }
    return memory;
}

void free(void *memory)
{
    if (memory != NULL) {
        enter();
        cmx_region_give(pool, prefix_of(memory)->block);
        leave();
    }
}

void *realloc(void *memory, size_t bytes)
{
    heap_judge("realloc", bytes);
    if (memory == NULL) {
        return take(PREFIX, bytes);
    }
    size_t before = prefix_of(memory)->bytes;
    void *moved = take(PREFIX, bytes);
    if (moved != NULL) {
        memcpy(moved, memory, before < bytes ? before : bytes);
        free(memory);
    }
    return moved;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    heap_judge("aligned_alloc", bytes);
    return take(align < PREFIX ? PREFIX : align, bytes);
}

void *memalign(size_t align, size_t bytes)
{
    heap_judge("memalign", bytes);
    return take(align < PREFIX ? PREFIX : align, bytes);
}

int posix_memalign(void **out, size_t align, size_t bytes)
{
    heap_judge("posix_memalign", bytes);
    *out = take(align < PREFIX ? PREFIX : align, bytes);
    return *out == NULL ? ENOMEM : 0;
}
