/* SPDX-License-Identifier: MIT */
/*
 * libc's allocator, listened to: calls and bytes are counted and nothing else changes, neither
 * where memory comes from nor how much. For the program that chatmux is compared with
 * (bench/memory.sh); its own pools would spoil the comparison. glibc alone has these names.
 */
#include "memory/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void __libc_free(void *memory);

/* In use now and at most so far. */
size_t heap_bytes(void);
size_t heap_bytes_most(void);

static size_t used;
static size_t used_most;

size_t heap_bytes(void)
{
    return __atomic_load_n(&used, __ATOMIC_RELAXED);
}

size_t heap_bytes_most(void)
{
    return __atomic_load_n(&used_most, __ATOMIC_RELAXED);
}

/* A resolver's thread may be here at the same time. */
static void *count_taken(void *memory)
{
    const size_t now = __atomic_add_fetch(&used, malloc_usable_size(memory), __ATOMIC_RELAXED);
    size_t most = heap_bytes_most();

    while (most < now && !__atomic_compare_exchange_n(&used_most, &most, now, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return memory;
}

static void count_given(size_t bytes)
{
    (void)__atomic_sub_fetch(&used, bytes, __ATOMIC_RELAXED);
}

/* It does from the start. */
void heap_listen(void)
{
}

void *malloc(size_t bytes)
{
    heap_judge("malloc", bytes);
    return count_taken(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes)
{
    heap_judge("calloc", count * bytes);
    return count_taken(__libc_calloc(count, bytes));
}

void free(void *memory)
{
    count_given(malloc_usable_size(memory));
    __libc_free(memory);
}

void *realloc(void *memory, size_t bytes)
{
    const size_t before = malloc_usable_size(memory);

    heap_judge("realloc", bytes);
    void *moved = __libc_realloc(memory, bytes);
    if (moved != NULL || bytes == 0) {
        count_given(before);
        (void)count_taken(moved);
    }
    return moved;
}

void *memalign(size_t align, size_t bytes)
{
    heap_judge("memalign", bytes);
    return count_taken(__libc_memalign(align, bytes));
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return memalign(align, bytes);
}

int posix_memalign(void **out, size_t align, size_t bytes)
{
    *out = memalign(align, bytes);
    return *out == NULL ? ENOMEM : 0;
}
