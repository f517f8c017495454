/* SPDX-License-Identifier: MIT */
/*
 * A heap that can be forbidden: while it is, every way into libc's allocator (malloc, calloc,
 * realloc, the aligned ones, and whatever of libc calls them, such as strdup) ends the program and
 * names the call. heap.c stands in for libc's allocator; heap_hooked.c listens to a sanitizer's.
 */
#ifndef TESTS_MEMORY_HEAP_H
#define TESTS_MEMORY_HEAP_H

#include <stddef.h>

/* From here on the heap is forbidden in `where`, or allowed (NULL). Returns what held before, for
 * the matching heap_leave(). It is said for the thread that says it: a resolver's thread is
 * another. */
const char *heap_enter(const char *where);
void heap_leave(const char *before);

/* Calls of the allocator so far: proof that they come by here. */
unsigned long heap_calls(void);

/* Of the two implementations: begins to tell heap_judge() of every call; the first heap_enter()
 * does it. */
void heap_listen(void);

/* For the two implementations: counts a call, and ends the program if it is forbidden. */
void heap_judge(const char *call, size_t bytes);

#endif
