/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format: lines, escapes, exact values, and a length that is right whatever fits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text/exposition.h"

enum { ROOM = 1024 };

static void write_all(cmx_exposition *text)
{
    cmx_exposition_family(text, "a_total", "counter", "What it is.");
    cmx_exposition_sample(text, "a_total", "");
    cmx_exposition_value(text, 7, 0);
    cmx_exposition_sample(text, "a", "_bucket");
    cmx_exposition_label(text, "model", cmx_view_text("b\\c\"d\ne"));
    cmx_exposition_label(text, "le", CMX_VIEW_LITERAL("+Inf"));
    cmx_exposition_value(text, UINT64_MAX, 12);
    cmx_exposition_sample(text, "b", "");
    cmx_exposition_label(text, "model", (cmx_view){NULL, 0});
    cmx_exposition_value(text, 1500000, 6);
}

static const char expected[] = "# HELP a_total What it is.\n"
                               "# TYPE a_total counter\n"
                               "a_total 7\n"
                               "a_bucket{model=\"b\\\\c\\\"d\\ne\",le=\"+Inf\"} "
                               "18446744.073709551615\n"
                               "b{model=\"\"} 1.5\n";

static void test_exposition_is_the_format(void **state)
{
    (void)state;
    char data[ROOM];
    cmx_exposition text;
    cmx_exposition_init(&text, data, sizeof data);
    write_all(&text);
    assert_int_equal(text.len, sizeof expected - 1);
    assert_memory_equal(data, expected, text.len);
}

static void test_exposition_counts_on_where_the_buffer_ends(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < sizeof expected; capacity++) {
        char data[ROOM];
        cmx_exposition text;
        memset(data, '#', sizeof data);
        cmx_exposition_init(&text, capacity == 0 ? NULL : data, capacity);
        write_all(&text);
        assert_int_equal(text.len, sizeof expected - 1);
        assert_memory_equal(data, expected, capacity);
        assert_int_equal(data[capacity], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exposition_is_the_format),
        cmocka_unit_test(test_exposition_counts_on_where_the_buffer_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
