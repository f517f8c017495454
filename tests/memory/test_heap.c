/* SPDX-License-Identifier: MIT */
/*
 * That the two tools of this folder notice what they are for: while the heap is forbidden, each way
 * into it ends the program; one byte beside a fenced block does, too.
 */
#include "memory/fence.h"
#include "memory/heap.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void *volatile kept; /* so that no call is left out */

static void call_malloc(void)
{
    kept = malloc(1);
}

static void call_calloc(void)
{
    kept = calloc(3, 5);
}

static void call_realloc(void)
{
    kept = realloc(NULL, 10);
}

static void call_aligned_alloc(void)
{
    kept = aligned_alloc(64, 64);
}

static void call_posix_memalign(void)
{
    void *out = NULL;
    kept = posix_memalign(&out, 64, 64) == 0 ? out : NULL;
}

static void call_strdup(void)
{
    kept = strdup("text");
}

static void call_fopen(void) /* from within libc */
{
    kept = fopen("/dev/null", "r");
}

static void call_nothing(void)
{
}

/* Runs `act` in a child with the heap forbidden; returns the child's status. */
static int act_without_heap(void (*act)(void))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        FILE *unused = freopen("/dev/null", "w", stderr);
        (void)unused;
        signal(SIGABRT, SIG_DFL);
        (void)heap_enter("a test");
        act();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_heap_forbidden_ends_the_program(void **state)
{
    (void)state;
    static void (*const acts[])(void) = {call_malloc,        call_calloc,         call_realloc,
                                         call_aligned_alloc, call_posix_memalign, call_strdup,
                                         call_fopen};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        assert_int_not_equal(act_without_heap(acts[i]), 0);
    }
    assert_int_equal(act_without_heap(call_nothing), 0);
}

static void test_heap_allowed_works(void **state)
{
    (void)state;
    unsigned long calls = heap_calls();
    const char *before = heap_enter("outside");
    const char *outside = heap_enter(NULL);
    char *text = malloc(100);
    assert_non_null(text);
    memset(text, 'x', 100);
    text = realloc(text, 100000);
    assert_non_null(text);
    assert_int_equal(text[99], 'x');
    free(text);
    text = aligned_alloc(4096, 8192);
    assert_int_equal((uintptr_t)text % 4096, 0);
    free(text);
    heap_leave(outside);
    heap_leave(before);
    assert_true(heap_calls() >= calls + 2); /* a sanitizer does not tell of each realloc */
}

static fence guarded;
static size_t at;
static uint8_t *volatile touched;

static void touch(void)
{
    touched = guarded.block + at;
    *touched = 1;
}

static void test_fence_faults_beside_the_block(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 4096, 4112, 100000 - 100000 % 16};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)fence_open(&guarded, sizes[i], FENCE_END, 0xA5);
        assert_int_equal((uintptr_t)guarded.block % 16, 0);
        at = sizes[i] - 1;
        assert_int_equal(act_without_heap(touch), 0);
        at = sizes[i];
        assert_int_not_equal(act_without_heap(touch), 0);
        fence_close(&guarded);
        (void)fence_open(&guarded, sizes[i], FENCE_START, 0xA5);
        at = 0;
        assert_int_equal(act_without_heap(touch), 0);
        at = SIZE_MAX; /* one before the start */
        assert_int_not_equal(act_without_heap(touch), 0);
        assert_true(fence_is_intact(&guarded));
        fence_close(&guarded);
    }
}

static void test_fence_pattern_shows_what_does_not_fault(void **state)
{
    (void)state;
    uint8_t *block = fence_open(&guarded, 100, FENCE_END, 0xA5); /* 12 bytes to the page's end */
    assert_true(fence_is_intact(&guarded));
    block[99] = 0;
    assert_true(fence_is_intact(&guarded));
    block[100] = 0;
    assert_false(fence_is_intact(&guarded));
    fence_close(&guarded);
    block = fence_open(&guarded, 100, FENCE_END, 0xA5);
    block[-1] = 0;
    assert_false(fence_is_intact(&guarded));
    fence_close(&guarded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_forbidden_ends_the_program),
        cmocka_unit_test(test_heap_allowed_works),
        cmocka_unit_test(test_fence_faults_beside_the_block),
        cmocka_unit_test(test_fence_pattern_shows_what_does_not_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
