/* SPDX-License-Identifier: MIT */
/*
 * Whether the heap may be used; see heap.h. What is told here is written without memory.
 */
#include "memory/heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <execinfo.h>
#endif

enum { FRAMES_MAX = 32, DIGITS_MAX = 24 };

static _Thread_local const char *forbidden_in;
static unsigned long calls;

const char *heap_enter(const char *where)
{
    static bool is_listening;
    const char *before = forbidden_in;

    if (!is_listening) {
        is_listening = true;
        heap_listen();
    }
    forbidden_in = where;
    return before;
}

void heap_leave(const char *before)
{
    forbidden_in = before;
}

unsigned long heap_calls(void)
{
    return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}

static void say(const char *text)
{
    ssize_t unused = write(STDERR_FILENO, text, strlen(text));

    (void)unused;
}

static void say_number(size_t value)
{
    char digits[DIGITS_MAX];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    say(at);
}

void heap_judge(const char *call, size_t bytes)
{
    const char *where = forbidden_in;

    (void)__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    if (where == NULL) {
        return;
    }
    forbidden_in = NULL; /* to tell where it was may need memory */
    say("the heap is used in ");
    say(where);
    say(": ");
    say(call);
    say(" of ");
    say_number(bytes);
    say(" bytes\n");
#ifdef __GLIBC__
    void *frames[FRAMES_MAX];
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
#endif
    abort();
}
