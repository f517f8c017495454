/* SPDX-License-Identifier: MIT */
/*
 * The forbidden heap in a build with a sanitizer, which has an allocator of its own and tells of
 * each block that it gave out.
 */
#include "memory/heap.h"

int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                              void (*given)(const volatile void *));

static void on_taken(const volatile void *memory, size_t bytes)
{
    (void)memory;
    heap_judge("an allocation", bytes);
}

static void on_given(const volatile void *memory)
{
    (void)memory;
}

void heap_listen(void)
{
    (void)__sanitizer_install_malloc_and_free_hooks(on_taken, on_given);
}
