/* SPDX-License-Identifier: MIT */
/*
 * Proves that an assertion of the library ends the process: runs a function in a child, which must
 * not survive. Include after cmocka.h. Without assertions there is nothing to prove.
 */
#ifndef TESTS_UNIT_EXPECT_PANIC_H
#define TESTS_UNIT_EXPECT_PANIC_H

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void expect_panic(void (*run)(void *ctx), void *ctx)
{
#if defined(CMX_NO_ASSERT)
    (void)run;
    (void)ctx;
    skip();
#else
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0) {
            (void)dup2(nowhere, STDERR_FILENO); /* a sanitizer reports the trap at length */
        }
        signal(SIGILL, SIG_DFL); /* cmocka would turn the trap into a failed test */
        signal(SIGTRAP, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        run(ctx);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP ||
                WTERMSIG(status) == SIGABRT);
#endif
}

#endif
