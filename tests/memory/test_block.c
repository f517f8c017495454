/* SPDX-License-Identifier: MIT */
/*
 * The block at compile time against the block as it is carved: never below, at most 3 % above, for
 * the presets as constants and for thousands of drawn configurations. It also measures what one of
 * each field costs and prints the lines of chatmux/block.h as they should stand.
 */
#include "chatmux/block.h"
#include "chatmux/client.h"

#include "base/random.h"
#include "client/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CONFIGS = 5000, PERCENT_MAX = 3 };

/* The fields that cost memory of a configuration that is not constant. */
#define ANY_CONNECTIONS_MAX any->connections_max
#define ANY_ORIGINS_MAX any->origins_max
#define ANY_REQUESTS_MAX any->requests_max
#define ANY_STREAM_WINDOW_BYTES any->stream_window_bytes
#define ANY_HEAD_BYTES_MAX any->head_bytes_max
#define ANY_READ_BYTES any->read_bytes
#define ANY_WRITE_BYTES any->write_bytes
#define ANY_TAIL_BYTES any->tail_bytes
#define ANY_TAILS_MAX any->tails_max
#define ANY_SHAPE_BYTES any->shape_bytes
#define ANY_SHAPES_MAX any->shapes_max
#define ANY_EVENT_BYTES_MAX any->event_bytes_max
#define ANY_EVENT_BUFFERS any->event_buffers
#define ANY_TOOL_CALLS_MAX any->tool_calls_max
#define ANY_TOOL_TABLES_MAX any->tool_tables_max
#define ANY_TRACE_BYTES any->trace_bytes
#define ANY_TRUST_BYTES any->trust_bytes
#define ANY_PAUSED_STREAMS_MAX any->paused_streams_max
#define ANY_TARGETS_MAX any->targets_max
#define ANY_PRICES_MAX any->prices_max
#define ANY_MODELS_MAX any->models_max
#define ANY_ALERT_P99_MS any->alert_p99_ms

static size_t computed_bytes(const cmx_config *any)
{
    return CMX_CLIENT_BYTES(ANY);
}

/* Declared with the constants, so they are constant expressions. */
CMX_BLOCK(block_tiny, CMX_CLIENT_BYTES(CMX_TINY));
CMX_BLOCK(block_default, CMX_CLIENT_BYTES(CMX_DEFAULT));
CMX_BLOCK(block_development, CMX_CLIENT_BYTES(CMX_DEVELOPMENT));
CMX_BLOCK(block_startup, CMX_CLIENT_BYTES(CMX_STARTUP));
CMX_BLOCK(block_growth, CMX_CLIENT_BYTES(CMX_GROWTH));
CMX_BLOCK(block_enterprise, CMX_CLIENT_BYTES(CMX_ENTERPRISE));
CMX_BLOCK(block_of_bytes, 1000);

static const struct preset_block {
    const char *name;
    enum cmx_preset preset;
    const unsigned char *block;
    size_t bytes;
} presets[] = {
    {"tiny", CMX_PRESET_TINY, block_tiny, sizeof block_tiny},
    {"default", CMX_PRESET_DEFAULT, block_default, sizeof block_default},
    {"development", CMX_PRESET_DEVELOPMENT, block_development, sizeof block_development},
    {"startup", CMX_PRESET_STARTUP, block_startup, sizeof block_startup},
    {"growth", CMX_PRESET_GROWTH, block_growth, sizeof block_growth},
    {"enterprise", CMX_PRESET_ENTERPRISE, block_enterprise, sizeof block_enterprise},
};

static void configure(cmx_config *config, enum cmx_preset preset)
{
    switch (preset) {
    case CMX_PRESET_TINY:
        CMX_BLOCK_CONFIGURE(config, CMX_TINY);
        break;
    case CMX_PRESET_DEFAULT:
        CMX_BLOCK_CONFIGURE(config, CMX_DEFAULT);
        break;
    case CMX_PRESET_DEVELOPMENT:
        CMX_BLOCK_CONFIGURE(config, CMX_DEVELOPMENT);
        break;
    case CMX_PRESET_STARTUP:
        CMX_BLOCK_CONFIGURE(config, CMX_STARTUP);
        break;
    case CMX_PRESET_GROWTH:
        CMX_BLOCK_CONFIGURE(config, CMX_GROWTH);
        break;
    case CMX_PRESET_ENTERPRISE:
        CMX_BLOCK_CONFIGURE(config, CMX_ENTERPRISE);
        break;
    }
}

/* ---- the figures as they should stand ---- */

enum {
    COUNTED = 60,          /* steps that a cost is measured over, for its rounding to vanish */
    ALIGNMENT_BYTES = 288, /* of all tables, at most */
};

/* What of the block is not the libraries' region. */
static size_t rows_of(const cmx_config *config)
{
    size_t bytes = cmx_client_bytes(config);
    assert_true(bytes > 0);
    return bytes - cmx_layout_region_bytes(config);
}

/* Bytes of rows that `field` costs each time it is one larger, rounded up. */
static size_t cost_of(const cmx_config *base, uint32_t *field, uint32_t steps)
{
    uint32_t was = *field;
    size_t less = rows_of(base);
    *field = was + steps;
    size_t more = rows_of(base);
    *field = was;
    assert_true(more >= less);
    return (more - less + steps - 1) / steps;
}

static void print_figure(const char *name, size_t bytes)
{
    print_message("    CMX_BLOCK_%s_BYTES: %zu\n", name, bytes);
}

/* A configuration whose rows are the only thing that grows with its fields. */
static cmx_config bare_config(void)
{
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.connections_max = 1;
    config.origins_max = 1;
    config.requests_max = 60;
    config.tails_max = 1;
    config.shape_bytes = config.tool_calls_max = config.trace_bytes = 0;
    config.paused_streams_max = 0;
    config.targets_max = config.prices_max = config.models_max = config.alert_p99_ms = 0;
    return config;
}

/* What is left when all that is counted is taken away. */
static void print_fixed(size_t connection, size_t origin, size_t request)
{
    const cmx_config config = bare_config();
    const cmx_config *any = &config;
    size_t known = connection + origin + (config.requests_max + (size_t)1) * request +
                   CMX_BLOCK_BUFFERS_BYTES(ANY) + CMX_BLOCK_SHARED_BYTES(ANY);
    print_figure("FIXED", rows_of(&config) - known + ALIGNMENT_BYTES);
}

static void print_extras(size_t request)
{
    cmx_config config = bare_config();
    cmx_config routed = bare_config();
    routed.targets_max = 1;
    print_figure("TARGET", cost_of(&routed, &routed.targets_max, COUNTED));
    print_figure("ROUTED", cost_of(&routed, &routed.requests_max, COUNTED) - request);
    print_figure("PRICE", cost_of(&config, &config.prices_max, COUNTED));
    cmx_config modelled = bare_config();
    modelled.models_max = 1;
    size_t one_origin = cost_of(&modelled, &modelled.models_max, COUNTED);
    modelled.origins_max = CMX_ORIGINS_MAX;
    size_t all_origins = cost_of(&modelled, &modelled.models_max, COUNTED);
    const size_t more = CMX_ORIGINS_MAX - 1;
    size_t spending = more == 0 ? 0 : (all_origins - one_origin + more - 1) / more;
    print_figure("MODEL", one_origin - spending);
    print_figure("SPENDING", spending);
    print_figure("FIGURES", cost_of(&config, &config.models_max, 1) - one_origin);
    size_t without = rows_of(&config);
    config.alert_p99_ms = 100;
    print_figure("ALERTS", rows_of(&config) - without);
}

static void test_block_figures_are_printed(void **state)
{
    (void)state;
    if (CMX_CONNECTIONS_MAX < 6 || CMX_ORIGINS_MAX < 16 || CMX_REQUESTS_MAX < 60 + COUNTED) {
        skip(); /* too few rows to measure what one costs */
    }
    cmx_config config = bare_config();
    const size_t buffers = config.read_bytes +
                           CMX_BLOCK_LESSER(config.read_bytes, CMX_BLOCK_RECORD_BYTES) +
                           config.write_bytes;
    size_t connection = cost_of(&config, &config.connections_max, 5) - buffers;
    size_t origin = cost_of(&config, &config.origins_max, 15);
    size_t request = cost_of(&config, &config.requests_max, COUNTED);
    print_message("%u-bit pointers:\n", (unsigned)sizeof(void *) * 8);
    print_fixed(connection, origin, request);
    print_figure("CONNECTION", connection);
    print_figure("ORIGIN", origin);
    print_figure("REQUEST", request);
    print_figure("PAUSED", cost_of(&config, &config.paused_streams_max, COUNTED) -
                               config.stream_window_bytes);
    print_extras(request);
}

/* ---- the promises ---- */

/* The libraries' share is computed, not measured; it must be the same sum as the client's. */
static void expect_region(const cmx_config *any)
{
    size_t computed = CMX_BLOCK_WITH_LOSS(CMX_BLOCK_LIVE_BYTES(ANY));
    size_t exact = cmx_layout_region_bytes(any);
    assert_in_range(computed, exact, exact + CMX_BLOCK_FRAGMENTED_PERCENT + CMX_REGION_ALIGN);
}

static void expect_close(const char *name, const cmx_config *config, size_t bytes)
{
    size_t exact = cmx_client_bytes(config);
    expect_region(config);
    if (exact == 0 || bytes < exact || bytes - exact > exact * PERCENT_MAX / 100) {
        fail_msg("%s: %zu bytes are computed and %zu needed; requests %u connections %u read %u "
                 "events %u * %u trust %u",
                 name, bytes, exact, config->requests_max, config->connections_max,
                 config->read_bytes, config->event_buffers, config->event_bytes_max,
                 config->trust_bytes);
    }
}

static void test_block_presets_fit_their_constants(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        const struct preset_block *row = &presets[i];
        cmx_config config, same;
        cmx_config_preset(&config, row->preset);
        same = config;
        configure(&same, row->preset);
        if (memcmp(&same, &config, sizeof config) != 0) {
            fail_msg("%s: the constants of chatmux/block.h are not the preset's", row->name);
        }
        print_message("%-12s %8zu bytes computed, %8zu needed\n", row->name, row->bytes,
                      cmx_client_bytes(&config));
        expect_close(row->name, &config, row->bytes);
        assert_int_equal((uintptr_t)row->block % CMX_BLOCK_ALIGN, 0);
    }
}

/* What the README says of it, where no ceiling adds to it. */
static void test_block_of_tiny_is_as_small_as_promised(void **state)
{
    (void)state;
    const size_t promised = sizeof(void *) > 4 ? 112 * 1024 : 96 * 1024;
    if (CMX_BLOCK_RAISED_FIXED != 0 || CMX_BLOCK_RAISED_ORIGIN != 0 ||
        CMX_BLOCK_RAISED_REQUEST != 0 || CMX_BLOCK_RAISED_CONNECTION != 0) {
        skip();
    }
    assert_in_range(sizeof block_tiny, 1, promised);
}

static void test_block_of_bytes_is_aligned(void **state)
{
    (void)state;
    assert_int_equal(sizeof block_of_bytes, 1000);
    assert_int_equal((uintptr_t)block_of_bytes % CMX_BLOCK_ALIGN, 0);
}

static uint32_t draw(cmx_random *random, uint32_t least, uint32_t most)
{
    /* Small values as often as large ones. */
    uint32_t span = most - least;
    uint32_t bits = cmx_random_below(random, 33);
    uint32_t value = cmx_random_below(random, UINT32_MAX);
    value = bits == 0 ? 0 : value >> (32 - bits);
    return value > span ? cmx_random_below(random, span + 1) + least : least + value;
}

static void draw_config(cmx_random *random, cmx_config *config)
{
    cmx_config_preset(config, CMX_PRESET_DEFAULT);
    config->connections_max = draw(random, 1, CMX_CONNECTIONS_MAX);
    config->origins_max = draw(random, 1, CMX_ORIGINS_MAX);
    config->requests_max = draw(random, 1, CMX_REQUESTS_MAX);
    config->head_bytes_max = draw(random, 1024, 65536);
    config->read_bytes = draw(random, 2048, 262144);
    config->write_bytes = draw(random, 2048, 65536);
    config->tail_bytes = draw(random, 128, 2048);
    config->tails_max = draw(random, 0, CMX_REQUESTS_MAX);
    config->shape_bytes = draw(random, 0, 1024);
    config->shapes_max = draw(random, 0, CMX_REQUESTS_MAX);
    config->tool_calls_max = draw(random, 0, 128);
    config->tool_tables_max = draw(random, 0, CMX_REQUESTS_MAX);
    config->event_bytes_max = draw(random, 2048, 1048576);
    config->event_buffers = draw(random, 1, 64);
    config->paused_streams_max = draw(random, 0, 64);
    config->stream_window_bytes = draw(random, 1024, 1048576);
    config->trace_bytes =
        cmx_random_below(random, 2) == 0 ? 0 : draw(random, 2 * CMX_LIMIT_LINE_BYTES, 65536);
    config->trust_bytes = draw(random, 4096, 1048576);
    config->targets_max = draw(random, 0, 64);
    config->prices_max = draw(random, 0, 256);
    config->models_max = draw(random, 0, 64);
    config->alert_p99_ms = cmx_random_below(random, 2) * 1000;
}

static void test_block_any_configuration_fits(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 5);
    for (unsigned i = 0; i < CONFIGS; i++) {
        cmx_config config;
        draw_config(&random, &config);
        expect_close("a drawn configuration", &config, computed_bytes(&config));
    }
}

/* The corners, where one part alone makes up the block. */
static void test_block_extremes_fit(void **state)
{
    (void)state;
    enum { CONNS = CMX_CONNECTIONS_MAX, ORIGINS = CMX_ORIGINS_MAX, REQUESTS = CMX_REQUESTS_MAX };
    static const uint32_t corners[][3] = {
        {1, 1, 1},        {CONNS, 1, 1},        {1, ORIGINS, 1},
        {1, 1, REQUESTS}, {CONNS, 1, REQUESTS}, {CONNS, ORIGINS, REQUESTS}};
    for (size_t i = 0; i < sizeof corners / sizeof corners[0]; i++) {
        cmx_config config;
        cmx_config_preset(&config, CMX_PRESET_TINY);
        config.connections_max = corners[i][0];
        config.origins_max = corners[i][1];
        config.requests_max = corners[i][2];
        config.tail_bytes = 128;
        config.shape_bytes = 0;
        config.tool_calls_max = 0;
        config.event_buffers = 1;
        config.paused_streams_max = 0;
        expect_close("a corner", &config, computed_bytes(&config));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_figures_are_printed),
        cmocka_unit_test(test_block_presets_fit_their_constants),
        cmocka_unit_test(test_block_of_tiny_is_as_small_as_promised),
        cmocka_unit_test(test_block_of_bytes_is_aligned),
        cmocka_unit_test(test_block_any_configuration_fits),
        cmocka_unit_test(test_block_extremes_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
