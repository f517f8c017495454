/* SPDX-License-Identifier: MIT */
/*
 * How the Linux port reads CA certificates: regular files and links to them, by path and by
 * directory, and nothing that could block. Works in a folder of its own below the current one.
 */
#define _GNU_SOURCE 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chatmux/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const cmx_port *port;
static char folder[32];

static int setup(void **unused)
{
    (void)unused;
    port = cmx_port_linux();
    memcpy(folder, "port_trust_XXXXXX", sizeof("port_trust_XXXXXX"));
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    (void)unlink("one.pem");
    (void)unlink("link.pem");
    (void)unlink("pipe.pem");
    (void)rmdir("folder.pem");
    return chdir("..") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_trust_file_is_read_in_pieces(void **unused)
{
    char bytes[8];
    size_t len = 4;

    (void)unused;
    write_file("one.pem", "abcdef");
    assert_int_equal(port->file_read(NULL, "one.pem", 0, bytes, &len), CMX_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "abcd", 4);
    assert_int_equal(port->file_read(NULL, "one.pem", 4, bytes, &len), CMX_OK);
    assert_int_equal(len, 2);
    assert_memory_equal(bytes, "ef", 2);
    assert_int_equal(port->file_read(NULL, "one.pem", 6, bytes, &len), CMX_OK);
    assert_int_equal(len, 0);
    len = sizeof(bytes);
    assert_int_equal(port->file_read(NULL, "one.pem", UINT64_MAX, bytes, &len), CMX_ERR_TRUST);
    assert_int_equal(len, 0);
}

static void test_trust_file_that_is_none_is_an_error(void **unused)
{
    char bytes[8];
    size_t len = sizeof(bytes);

    (void)unused;
    assert_int_equal(mkdir("folder.pem", 0700), 0);
    assert_int_equal(mkfifo("pipe.pem", 0600), 0);
    assert_int_equal(port->file_read(NULL, "folder.pem", 0, bytes, &len), CMX_ERR_TRUST);
    len = sizeof(bytes);
    assert_int_equal(port->file_read(NULL, "pipe.pem", 0, bytes, &len), CMX_ERR_TRUST);
    assert_int_equal(len, 0);
}

static void test_trust_directory_names_files_and_links_to_files(void **unused)
{
    char name[64];
    int seen = 0;

    (void)unused;
    write_file("one.pem", "abcdef");
    assert_int_equal(symlink("one.pem", "link.pem"), 0);
    assert_int_equal(mkdir("folder.pem", 0700), 0);
    assert_int_equal(mkfifo("pipe.pem", 0600), 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(port->dir_entry(NULL, ".", i, name, sizeof(name)), CMX_OK);
        seen += strcmp(name, "one.pem") == 0 ? 1 : 0;
        seen += strcmp(name, "link.pem") == 0 ? 10 : 0;
    }
    assert_int_equal(seen, 11);
    assert_int_equal(port->dir_entry(NULL, ".", 2, name, sizeof(name)), CMX_IDLE);
}

static void test_trust_directory_that_cannot_be_told_is_an_error(void **unused)
{
    char name[64];

    (void)unused;
    write_file("one.pem", "abcdef");
    assert_int_equal(port->dir_entry(NULL, ".", 0, name, 7), CMX_ERR_TRUST);
    assert_int_equal(port->dir_entry(NULL, "one.pem", 0, name, sizeof(name)), CMX_ERR_TRUST);
}

#define TRUST_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_file_is_read_in_pieces),
        TRUST_TEST(test_trust_file_that_is_none_is_an_error),
        TRUST_TEST(test_trust_directory_names_files_and_links_to_files),
        TRUST_TEST(test_trust_directory_that_cannot_be_told_is_an_error),
    };

    return cmocka_run_group_tests_name("port linux trust", tests, NULL, NULL);
}
