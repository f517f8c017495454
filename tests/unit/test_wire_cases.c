/* SPDX-License-Identifier: MIT */
/*
 * The 64 wire cases: what servers really send, each fed whole, byte by byte and at every split in
 * two, with and without memory for shapes, with a tail that holds nothing, little and much, and
 * with the caller's room. What comes out must be what the vector says each time. Bodies above
 * BODY_BYTES_ALL are split at every STRIDE-th byte instead, and everywhere near their line ends.
 * --list prints the titles.
 */
#include "wire_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CASES = 64,
    BODY_BYTES_ALL = 16 * 1024,
    STRIDE = 1009, /* prime, so that it meets no period of a body */
    NEAR = 3,      /* bytes before and behind a line end */
    PROBLEM_BYTES_MAX = 1024,
    PATH_BYTES_MAX = 1024,
    TAIL_SMALL = 24,
    TAIL_LARGE = 512,
};

static const size_t shapes[2] = {0, 384};

static wire_case cases[CASES];

/* Vectors lie beside this file's folder, wherever the program is run. */
static const char *vectors_folder(void)
{
    static char folder[PATH_BYTES_MAX];
    const char *root = getenv("CMX_SOURCE_DIR");
    if (root != NULL) {
        (void)snprintf(folder, sizeof folder, "%s/tests/vectors/wire", root);
        return folder;
    }
    const char *slash = strrchr(__FILE__, '/');
    int len = slash == NULL ? 0 : (int)(slash - __FILE__) + 1;
    (void)snprintf(folder, sizeof folder, "%.*s../vectors/wire", len, __FILE__);
    return folder;
}

static int load_cases(void **state)
{
    (void)state;
    char pattern[PATH_BYTES_MAX + 8];
    (void)snprintf(pattern, sizeof pattern, "%s/*.txt", vectors_folder());
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "no vectors: %s\n", pattern);
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
        char problem[PROBLEM_BYTES_MAX];
        wire_case loaded;
        if (!wire_case_load(&loaded, found.gl_pathv[i], problem, sizeof problem)) {
            fprintf(stderr, "%s\n", problem);
            rc = -1;
        } else if (loaded.number > CASES || cases[loaded.number - 1].number != 0) {
            fprintf(stderr, "%s: case %u is there twice, or is none\n", found.gl_pathv[i],
                    (unsigned)loaded.number);
            rc = -1;
        }
        if (rc != 0) {
            wire_case_unload(&loaded);
            continue;
        }
        cases[loaded.number - 1] = loaded;
    }
    globfree(&found);
    return rc;
}

static int unload_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        wire_case_unload(&cases[i]);
    }
    return 0;
}

/* Returns whether the body is split there. */
static bool is_split(const wire_bytes *body, size_t at)
{
    if (body->len <= BODY_BYTES_ALL || at % STRIDE == 0) {
        return true;
    }
    size_t from = at > NEAR ? at - NEAR : 0;
    size_t len = body->len - from < 2 * NEAR ? body->len - from : 2 * NEAR;
    return memchr(body->data + from, '\n', len) != NULL ||
           memchr(body->data + from, '\r', len) != NULL;
}

/* Runs one way; counts failures instead of stopping at the first, so that one run of this program
 * shows all that is wrong. Returns whether it was right. */
static bool try_way(const wire_case *one, wire_variant *variant, const wire_way *way)
{
    char problem[PROBLEM_BYTES_MAX];
    if (wire_run(variant, way, problem, sizeof problem)) {
        return true;
    }
    print_error("case %02u %s, variant %s, %s %zu of %zu, shape %zu, tail %zu: %s\n",
                (unsigned)one->number, one->title, variant->title,
                way->piece > 0 ? "pieces of" : "split at", way->piece > 0 ? way->piece : way->split,
                variant->body.len, way->shape_capacity, way->tail_capacity, problem);
    return false;
}

/* Whole (0), byte by byte, and in larger pieces that meet an event several times, in all
 * memories. */
static bool try_plain_ways(const wire_case *one, wire_variant *variant)
{
    static const size_t tails[3] = {TAIL_SMALL, 0, TAIL_LARGE};
    static const size_t pieces[] = {0, 1, 2, 7, 61};
    bool ok = true;
    for (size_t p = 0; ok && p < sizeof pieces / sizeof pieces[0]; p++) {
        wire_way way = {.piece = pieces[p], .tail_capacity = TAIL_SMALL, .has_room = true};
        ok = try_way(one, variant, &way);
        way.has_room = false;
        for (size_t i = 0; ok && i < 2 * 3; i++) {
            way.shape_capacity = shapes[i % 2];
            way.tail_capacity = tails[i / 2];
            ok = try_way(one, variant, &way);
        }
    }
    return ok;
}

/* Returns how many splits were right, and one; 0 = something was not. */
static size_t try_variant(const wire_case *one, wire_variant *variant)
{
    size_t splits = 0;
    if (!try_plain_ways(one, variant)) {
        return 0;
    }
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        for (size_t at = 1; at < variant->body.len; at++) {
            wire_way way = {.split = at, .shape_capacity = shapes[s], .tail_capacity = TAIL_SMALL};
            if (is_split(&variant->body, at)) {
                if (!try_way(one, variant, &way)) {
                    return 0;
                }
                splits++;
            }
        }
    }
    return splits + 1;
}

static void test_wire_cases_all_numbers_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        if (cases[i].number != i + 1) {
            fail_msg("case %zu has no vector", i + 1);
        }
    }
}

static void test_wire_cases_come_out_as_written(void **state)
{
    (void)state;
    size_t good = 0;
    for (size_t i = 0; i < CASES; i++) {
        const wire_case *one = &cases[i];
        size_t splits = 0;
        bool ok = one->variant_count > 0;
        for (size_t v = 0; v < one->variant_count; v++) {
            size_t right = try_variant(one, &one->variants[v]);
            ok = ok && right > 0;
            splits += right > 0 ? right - 1 : 0;
        }
        good += ok ? 1 : 0;
        print_message("case %02zu %s: %zu variants, %zu splits %s\n", i + 1, one->title,
                      one->variant_count, splits, ok ? "ok" : "FAILED");
    }
    print_message("%zu of %d wire cases\n", good, CASES);
    assert_int_equal(good, CASES);
}

/* The runner must notice: a fact that is not as written, one that is missing, one too many. */
static void test_wire_cases_runner_notices_what_is_wrong(void **state)
{
    (void)state;
    wire_variant *variant = &cases[2].variants[0];
    const wire_way way = {.tail_capacity = TAIL_SMALL};
    char problem[PROBLEM_BYTES_MAX];
    assert_true(wire_run(variant, &way, problem, sizeof problem));
    wire_fact *usage = wire_facts_find(&variant->facts, "usage");
    assert_non_null(usage);
    usage->value.data[0]++;
    assert_false(wire_run(variant, &way, problem, sizeof problem));
    usage->value.data[0]--;
    usage->key[0] = 'U';
    assert_false(wire_run(variant, &way, problem, sizeof problem));
    usage->key[0] = 'u';
    size_t len = usage->value.len;
    usage->value.len = 0;
    assert_false(wire_run(variant, &way, problem, sizeof problem));
    usage->value.len = len;
    assert_true(wire_run(variant, &way, problem, sizeof problem));
}

static int print_list(void)
{
    size_t count = 0;
    if (load_cases(NULL) != 0) {
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < CASES; i++) {
        if (cases[i].number != 0) {
            printf("%02zu %s: %zu variants\n", i + 1, cases[i].title, cases[i].variant_count);
            count++;
        }
    }
    printf("%zu of %d wire cases\n", count, CASES);
    (void)unload_cases(NULL);
    return count == CASES ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        return print_list();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_cases_all_numbers_are_there),
        cmocka_unit_test(test_wire_cases_runner_notices_what_is_wrong),
        cmocka_unit_test(test_wire_cases_come_out_as_written),
    };
    return cmocka_run_group_tests(tests, load_cases, unload_cases);
}
