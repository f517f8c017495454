/* SPDX-License-Identifier: MIT */
/*
 * One file for the tests of a program, made and removed by its group; each test writes it anew.
 * After the headers that cmocka needs.
 */
#ifndef TEMP_FILE_H
#define TEMP_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char temp_file_path[] = "/tmp/chatmux-test.XXXXXX";

static int temp_file_make(void **state)
{
    (void)state;
    int fd = mkstemp(temp_file_path);
    return fd < 0 ? -1 : close(fd);
}

static int temp_file_remove(void **state)
{
    (void)state;
    return unlink(temp_file_path);
}

static void temp_file_write(const char *text, size_t len)
{
    FILE *file = fopen(temp_file_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

#endif
