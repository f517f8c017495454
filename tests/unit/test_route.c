/* SPDX-License-Identifier: MIT */
/*
 * The table of targets: shares, tiers, ranks, cool-downs, the probe, and what an outcome says.
 */
#include "policy/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { COOL_MS = 5000, FAILURES = 3, ROWS = 8, PICKS = 10000 };

typedef struct table {
    cmx_route route;
    cmx_route_row rows[ROWS];
    uint32_t used;
} table;

static void begin(table *t)
{
    memset(t, 0, sizeof *t);
    cmx_route_init(&t->route, t->rows, ROWS, COOL_MS, FAILURES);
}

static uint32_t add(table *t, uint32_t weight, uint32_t tiers, uint8_t rank)
{
    const cmx_route_row like = {
        .weight = weight, .tiers = (uint8_t)(tiers | 1u << CMX_TIER_ANY), .rank = rank};
    cmx_route_open(&t->route, t->used, &like, 0x9E3779B9u * (t->used + 1));
    return t->used++;
}

static uint32_t pick_as(table *t, enum cmx_tier tier, uint16_t who, uint64_t now_ms)
{
    return cmx_route_pick(&t->route, tier, UINT64_MAX, who, now_ms);
}

static uint32_t pick(table *t, enum cmx_tier tier, uint64_t now_ms)
{
    return pick_as(t, tier, 7, now_ms);
}

static bool note(table *t, uint32_t row, enum cmx_route_news news, uint64_t now_ms)
{
    return cmx_route_note(&t->route, row, &(cmx_route_report){7, news, 0}, now_ms);
}

/* The guide's table; rows 0 to 3. */
static void add_guide(table *t)
{
    begin(t);
    (void)add(t, 1000, 1u << CMX_TIER_HIGH, 0);   /* gpt-4.1 */
    (void)add(t, 1000, 1u << CMX_TIER_MEDIUM, 0); /* claude-sonnet-4.5 */
    (void)add(t, 500, 1u << CMX_TIER_MEDIUM, 0);  /* gemini-2.5-flash */
    (void)add(t, 300, 1u << CMX_TIER_LOW, 0);     /* deepseek-v3.2 */
}

static void count_picks(table *t, enum cmx_tier tier, uint32_t counts[ROWS])
{
    memset(counts, 0, ROWS * sizeof counts[0]);
    for (uint32_t i = 0; i < PICKS; i++) {
        uint32_t row = pick(t, tier, 0);
        assert_true(row < ROWS);
        counts[row]++;
    }
}

/* Within 2 %: of 10,000 picks, and far nearer in truth. */
static void assert_share(uint32_t count, uint32_t weight, uint32_t sum)
{
    uint32_t exact = PICKS * weight / sum;
    assert_in_range(count, exact - 2, exact + 2);
}

static void test_route_the_guides_example_goes_by_tier(void **state)
{
    (void)state;
    table t;
    uint32_t counts[ROWS];
    add_guide(&t);
    count_picks(&t, CMX_TIER_HIGH, counts);
    assert_int_equal(counts[0], PICKS);
    count_picks(&t, CMX_TIER_LOW, counts);
    assert_int_equal(counts[3], PICKS);
    count_picks(&t, CMX_TIER_MEDIUM, counts);
    assert_share(counts[1], 1000, 1500);
    assert_share(counts[2], 500, 1500);
    assert_int_equal(counts[1] + counts[2], PICKS);
    count_picks(&t, CMX_TIER_ANY, counts);
    for (uint32_t i = 0; i < 4; i++) {
        assert_share(counts[i], t.rows[i].weight, 2800);
    }
}

/* A tier's shares hold however the others are asked meanwhile. */
static void test_route_tiers_in_turn_keep_their_own_shares(void **state)
{
    (void)state;
    table t;
    uint32_t medium[ROWS] = {0};
    uint32_t any[ROWS] = {0};
    add_guide(&t);
    for (uint32_t i = 0; i < PICKS; i++) {
        medium[pick(&t, CMX_TIER_MEDIUM, 0)]++;
        any[pick(&t, CMX_TIER_ANY, 0)]++;
    }
    assert_share(medium[1], 1000, 1500);
    assert_share(any[1], 1000, 2800);
    assert_share(any[3], 300, 2800);
}

static void test_route_smallest_and_largest_weight_together_keep_shares(void **state)
{
    (void)state;
    table t;
    uint32_t counts[ROWS];
    begin(&t);
    uint32_t large = add(&t, 1000000, CMX_ROUTE_TIERS_ALL, 0);
    uint32_t small = add(&t, 1, CMX_ROUTE_TIERS_ALL, 0);
    count_picks(&t, CMX_TIER_LOW, counts);
    assert_true(counts[large] >= PICKS - 1);
    assert_true(counts[small] <= 1);
}

/* No row waits for longer than its share says: no runs, as a drawn choice would have them. */
static void test_route_turns_are_smooth(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t heavy = add(&t, 3000, CMX_ROUTE_TIERS_ALL, 0);
    uint32_t light = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    uint32_t run = 0;
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t row = pick(&t, CMX_TIER_ANY, 0);
        run = row == heavy ? run + 1 : 0;
        assert_true(row == light || run <= 4);
    }
}

static void test_route_start_depends_on_chance_only(void **state)
{
    (void)state;
    uint32_t first[2] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        table t;
        begin(&t);
        const cmx_route_row like = {.weight = 1000, .tiers = CMX_ROUTE_TIERS_ALL};
        cmx_route_open(&t.route, 0, &like, i * 2654435761u);
        cmx_route_open(&t.route, 1, &like, i * 0x85EBCA6Bu + 12345u);
        first[pick(&t, CMX_TIER_ANY, 0)]++;
    }
    assert_true(first[0] > 300 && first[1] > 300);
}

static void test_route_lower_rank_goes_first_and_higher_takes_over(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t spare = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 7);
    uint32_t first = add(&t, 1, CMX_ROUTE_TIERS_ALL, 2);
    assert_int_equal(pick(&t, CMX_TIER_LOW, 0), first);
    assert_true(note(&t, first, CMX_ROUTE_NEWS_DOWN, 0));
    assert_int_equal(pick(&t, CMX_TIER_LOW, 1), spare);
    assert_int_equal(pick(&t, CMX_TIER_LOW, COOL_MS), first);
}

static void test_route_without_a_row_of_the_tier_picks_none(void **state)
{
    (void)state;
    table t;
    uint32_t row = 0;
    begin(&t);
    assert_int_equal(pick(&t, CMX_TIER_ANY, 0), CMX_ROUTE_NONE);
    uint32_t low = add(&t, 1000, 1u << CMX_TIER_LOW, 0);
    assert_int_equal(pick(&t, CMX_TIER_HIGH, 0), CMX_ROUTE_NONE);
    assert_true(cmx_route_due_ms(&t.route, CMX_TIER_HIGH, UINT64_MAX, 0, &row) ==
                CMX_ROUTE_NEVER_MS);
    assert_int_equal(row, CMX_ROUTE_NONE);
    assert_int_equal(cmx_route_pick(&t.route, CMX_TIER_LOW, 0, 7, 0), CMX_ROUTE_NONE);
    cmx_route_close(&t.route, low);
    assert_int_equal(pick(&t, CMX_TIER_LOW, 0), CMX_ROUTE_NONE);
    assert_false(cmx_route_serves(&t.route, low, 7));
}

static void test_route_failures_in_a_row_cool_and_a_success_between_resets(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    for (uint32_t i = 0; i < 10; i++) {
        assert_false(note(&t, row, CMX_ROUTE_NEWS_BAD, 0));
        assert_false(note(&t, row, CMX_ROUTE_NEWS_BAD, 0));
        assert_false(note(&t, row, CMX_ROUTE_NEWS_GOOD, 0));
    }
    assert_false(note(&t, row, CMX_ROUTE_NEWS_BAD, 10));
    assert_false(note(&t, row, CMX_ROUTE_NEWS_NONE, 10)); /* counts neither way */
    assert_false(note(&t, row, CMX_ROUTE_NEWS_BAD, 10));
    assert_int_equal(pick(&t, CMX_TIER_ANY, 10), row);
    assert_true(note(&t, row, CMX_ROUTE_NEWS_BAD, 10));
    assert_int_equal(pick(&t, CMX_TIER_ANY, 10 + COOL_MS - 1), CMX_ROUTE_NONE);
    assert_int_equal(t.rows[row].failed, 23);
    assert_int_equal(t.rows[row].succeeded, 10);
    assert_int_equal(t.rows[row].cooled, 1);
}

static void test_route_cooling_again_never_shortens(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    assert_true(
        cmx_route_note(&t.route, row, &(cmx_route_report){1, CMX_ROUTE_NEWS_DOWN, 60000}, 1000));
    assert_int_equal(t.rows[row].until_ms, 61000);
    /* Others that began before: what they were told may be longer, never shorter. */
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){2, CMX_ROUTE_NEWS_DOWN, 2000}, 1500));
    assert_int_equal(t.rows[row].until_ms, 61000);
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){3, CMX_ROUTE_NEWS_DOWN, 90000}, 2000));
    assert_int_equal(t.rows[row].until_ms, 92000);
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){4, CMX_ROUTE_NEWS_BAD, 0}, 3000));
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){5, CMX_ROUTE_NEWS_GOOD, 0}, 3000));
    assert_int_equal(t.rows[row].until_ms, 92000);
    assert_false(t.rows[row].is_good);
    assert_int_equal(t.rows[row].cooled, 1);
}

static void test_route_forgiven_row_is_probed_at_once(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    cmx_route_forgive(&t.route, row, 500);
    assert_true(t.rows[row].is_good);
    assert_true(
        cmx_route_note(&t.route, row, &(cmx_route_report){1, CMX_ROUTE_NEWS_DOWN, 60000}, 1000));
    assert_int_equal(pick(&t, CMX_TIER_ANY, 2000), CMX_ROUTE_NONE);
    cmx_route_forgive(&t.route, row, 2000);
    assert_int_equal(pick(&t, CMX_TIER_ANY, 2000), row);
    assert_false(t.rows[row].is_good); /* one probe, no more */
    assert_int_equal(pick(&t, CMX_TIER_ANY, 2000), CMX_ROUTE_NONE);
    cmx_route_forgive(&t.route, row, 3000);
    assert_int_equal(pick(&t, CMX_TIER_ANY, 3000), CMX_ROUTE_NONE);
}

static void test_route_one_probe_at_a_time_and_success_brings_it_back(void **state)
{
    (void)state;
    table t;
    uint32_t due = 0;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    assert_true(note(&t, row, CMX_ROUTE_NEWS_DOWN, 0));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 1, COOL_MS), row);
    assert_true(cmx_route_serves(&t.route, row, 1));
    assert_false(cmx_route_serves(&t.route, row, 2));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 2, COOL_MS), CMX_ROUTE_NONE);
    assert_true(cmx_route_due_ms(&t.route, CMX_TIER_ANY, UINT64_MAX, COOL_MS, &due) ==
                CMX_ROUTE_NEVER_MS);
    assert_int_equal(due, row);
    /* Whoever is not the probe proves nothing. */
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){2, CMX_ROUTE_NEWS_GOOD, 0}, COOL_MS));
    assert_false(cmx_route_note(
        &t.route, row, &(cmx_route_report){CMX_ROUTE_NOBODY, CMX_ROUTE_NEWS_GOOD, 0}, COOL_MS));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 3, COOL_MS), CMX_ROUTE_NONE);
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){1, CMX_ROUTE_NEWS_GOOD, 0}, COOL_MS));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 2, COOL_MS), row);
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 3, COOL_MS), row);
    /* The count starts anew. */
    assert_false(note(&t, row, CMX_ROUTE_NEWS_BAD, COOL_MS));
    assert_false(note(&t, row, CMX_ROUTE_NEWS_BAD, COOL_MS));
    assert_true(note(&t, row, CMX_ROUTE_NEWS_BAD, COOL_MS));
    assert_int_equal(t.rows[row].until_ms, 2 * COOL_MS);
}

static void test_route_failed_probes_double_the_cooldown_up_to_a_cap(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    uint64_t now_ms = 0;
    uint64_t expected_ms = COOL_MS;
    assert_true(note(&t, row, CMX_ROUTE_NEWS_DOWN, now_ms));
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(t.rows[row].until_ms - now_ms, expected_ms);
        now_ms = t.rows[row].until_ms;
        assert_int_equal(pick(&t, CMX_TIER_ANY, now_ms - 1), CMX_ROUTE_NONE);
        assert_int_equal(pick(&t, CMX_TIER_ANY, now_ms), row);
        assert_true(note(&t, row, CMX_ROUTE_NEWS_BAD, now_ms)); /* one is enough for a probe */
        expected_ms = expected_ms * 2 < CMX_ROUTE_COOLDOWN_MAX_MS ? expected_ms * 2
                                                                  : CMX_ROUTE_COOLDOWN_MAX_MS;
    }
    assert_int_equal(expected_ms, CMX_ROUTE_COOLDOWN_MAX_MS);
    now_ms = t.rows[row].until_ms;
    assert_int_equal(pick(&t, CMX_TIER_ANY, now_ms), row);
    assert_false(note(&t, row, CMX_ROUTE_NEWS_GOOD, now_ms));
    assert_true(note(&t, row, CMX_ROUTE_NEWS_DOWN, now_ms));
    assert_int_equal(t.rows[row].until_ms - now_ms, COOL_MS);
}

static void test_route_a_longer_cooldown_than_the_cap_is_kept(void **state)
{
    (void)state;
    static cmx_route_row rows[1];
    cmx_route route;
    cmx_route_init(&route, rows, 1, 600000, 1);
    const cmx_route_row like = {.weight = 1, .tiers = CMX_ROUTE_TIERS_ALL};
    cmx_route_open(&route, 0, &like, 0);
    assert_true(cmx_route_note(&route, 0, &(cmx_route_report){1, CMX_ROUTE_NEWS_BAD, 0}, 0));
    assert_int_equal(cmx_route_pick(&route, CMX_TIER_ANY, 1, 1, 600000), 0);
    assert_true(cmx_route_note(&route, 0, &(cmx_route_report){1, CMX_ROUTE_NEWS_BAD, 0}, 600000));
    assert_int_equal(rows[0].until_ms, 1200000);
}

static void test_route_a_probe_that_says_nothing_leaves_it_to_another(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    assert_true(note(&t, row, CMX_ROUTE_NEWS_DOWN, 0));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 1, COOL_MS), row);
    assert_false(cmx_route_release(&t.route, row, 2));
    assert_true(cmx_route_release(&t.route, row, 1));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 2, COOL_MS), row);
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){2, CMX_ROUTE_NEWS_NONE, 0}, COOL_MS));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 3, COOL_MS), row);
    assert_int_equal(t.rows[row].cooled, 1);
}

static void test_route_a_token_is_proof_and_counts_once(void **state)
{
    (void)state;
    table t;
    begin(&t);
    uint32_t row = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    assert_false(cmx_route_prove(&t.route, row, 1)); /* it is good already */
    assert_true(note(&t, row, CMX_ROUTE_NEWS_DOWN, 0));
    assert_false(cmx_route_prove(&t.route, row, 1));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 1, COOL_MS), row);
    assert_false(cmx_route_prove(&t.route, row, 2));
    assert_true(cmx_route_prove(&t.route, row, 1));
    assert_int_equal(pick_as(&t, CMX_TIER_ANY, 2, COOL_MS), row);
    assert_int_equal(t.rows[row].succeeded, 0);
    assert_false(
        cmx_route_note(&t.route, row, &(cmx_route_report){1, CMX_ROUTE_NEWS_GOOD, 0}, COOL_MS));
    assert_int_equal(t.rows[row].succeeded, 1);
}

static void test_route_all_cooling_tells_who_is_due_first(void **state)
{
    (void)state;
    table t;
    uint32_t row = 0;
    begin(&t);
    uint32_t a = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 0);
    uint32_t b = add(&t, 1000, CMX_ROUTE_TIERS_ALL, 1);
    assert_true(
        cmx_route_note(&t.route, a, &(cmx_route_report){1, CMX_ROUTE_NEWS_DOWN, 30000}, 100));
    assert_true(cmx_route_due_ms(&t.route, CMX_TIER_ANY, UINT64_MAX, 100, &row) == 100);
    assert_int_equal(row, b);
    assert_true(
        cmx_route_note(&t.route, b, &(cmx_route_report){1, CMX_ROUTE_NEWS_DOWN, 20000}, 200));
    assert_true(cmx_route_due_ms(&t.route, CMX_TIER_ANY, UINT64_MAX, 200, &row) == 20200);
    assert_int_equal(row, b);
    assert_true(cmx_route_due_ms(&t.route, CMX_TIER_ANY, 1ull << a, 200, &row) == 30100);
    assert_int_equal(pick(&t, CMX_TIER_ANY, 20199), CMX_ROUTE_NONE);
    assert_int_equal(pick(&t, CMX_TIER_ANY, 20200), b);
}

static cmx_retry_outcome told(uint32_t status, const char *code, uint32_t after_ms)
{
    return (cmx_retry_outcome){
        .class = CMX_RETRY_CLASS_UNKNOWN,
        .cause = CMX_RETRY_CAUSE_STATUS,
        .http_status = status,
        .error_code = cmx_view_text(code),
        .after = {.has = after_ms > 0, .wait_ms = after_ms},
    };
}

static void test_route_judge_statuses_and_codes(void **state)
{
    (void)state;
    const struct {
        uint32_t status;
        const char *code;
        uint32_t after_ms;
        enum cmx_route_news news;
    } cases[] = {
        {400, "", 0, CMX_ROUTE_NEWS_NONE},
        {413, "", 0, CMX_ROUTE_NEWS_NONE},
        {422, "", 0, CMX_ROUTE_NEWS_NONE},
        {409, "", 0, CMX_ROUTE_NEWS_NONE},
        {400, "context_length_exceeded", 0, CMX_ROUTE_NEWS_NONE},
        {403, "content_filter", 0, CMX_ROUTE_NEWS_NONE},
        {500, "context_length_exceeded", 0, CMX_ROUTE_NEWS_NONE},
        {401, "", 0, CMX_ROUTE_NEWS_DOWN},
        {403, "", 0, CMX_ROUTE_NEWS_DOWN},
        {404, "model_not_found", 0, CMX_ROUTE_NEWS_DOWN},
        {429, "insufficient_quota", 0, CMX_ROUTE_NEWS_DOWN},
        {402, "billing_not_active", 0, CMX_ROUTE_NEWS_DOWN},
        {429, "rate_limit_exceeded", 0, CMX_ROUTE_NEWS_BAD},
        {429, "", 1000, CMX_ROUTE_NEWS_DOWN},
        {503, "", 1000, CMX_ROUTE_NEWS_DOWN},
        {503, "", 0, CMX_ROUTE_NEWS_BAD},
        {500, "", 1000, CMX_ROUTE_NEWS_BAD},
        {408, "", 0, CMX_ROUTE_NEWS_BAD},
        {529, "", 0, CMX_ROUTE_NEWS_BAD},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        cmx_retry_outcome outcome = told(cases[i].status, cases[i].code, cases[i].after_ms);
        assert_int_equal(cmx_route_judge(&outcome, false), cases[i].news);
    }
}

static void test_route_judge_errors_inside_of_answers(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = told(0, "", 0);
    outcome.cause = CMX_RETRY_CAUSE_INBAND;
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_BAD);
    outcome.error_code = cmx_view_text("invalid_api_key");
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_DOWN);
    outcome.error_code = cmx_view_text("invalid_request_error");
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_NONE);
    outcome.class = CMX_RETRY_CLASS_STARTED; /* tokens or not, it failed */
    outcome.error_code = cmx_view_text("server_error");
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_BAD);
}

static void test_route_judge_connections(void **state)
{
    (void)state;
    cmx_retry_outcome outcome = {.class = CMX_RETRY_CLASS_NEVER_SENT,
                                 .cause = CMX_RETRY_CAUSE_OTHER};
    assert_int_equal(cmx_route_judge(&outcome, true), CMX_ROUTE_NEWS_DOWN);  /* a certificate */
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_NONE); /* cancelled */
    outcome.cause = CMX_RETRY_CAUSE_LOST;
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_NONE);
    outcome.class = CMX_RETRY_CLASS_REFUSED;
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_NONE);
    outcome.class = CMX_RETRY_CLASS_UNKNOWN;
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_BAD);
    outcome.cause = CMX_RETRY_CAUSE_SILENT;
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_BAD);
    outcome.cause = CMX_RETRY_CAUSE_OTHER;
    assert_int_equal(cmx_route_judge(&outcome, false), CMX_ROUTE_NEWS_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_the_guides_example_goes_by_tier),
        cmocka_unit_test(test_route_tiers_in_turn_keep_their_own_shares),
        cmocka_unit_test(test_route_smallest_and_largest_weight_together_keep_shares),
        cmocka_unit_test(test_route_turns_are_smooth),
        cmocka_unit_test(test_route_start_depends_on_chance_only),
        cmocka_unit_test(test_route_lower_rank_goes_first_and_higher_takes_over),
        cmocka_unit_test(test_route_without_a_row_of_the_tier_picks_none),
        cmocka_unit_test(test_route_failures_in_a_row_cool_and_a_success_between_resets),
        cmocka_unit_test(test_route_cooling_again_never_shortens),
        cmocka_unit_test(test_route_forgiven_row_is_probed_at_once),
        cmocka_unit_test(test_route_one_probe_at_a_time_and_success_brings_it_back),
        cmocka_unit_test(test_route_failed_probes_double_the_cooldown_up_to_a_cap),
        cmocka_unit_test(test_route_a_longer_cooldown_than_the_cap_is_kept),
        cmocka_unit_test(test_route_a_probe_that_says_nothing_leaves_it_to_another),
        cmocka_unit_test(test_route_a_token_is_proof_and_counts_once),
        cmocka_unit_test(test_route_all_cooling_tells_who_is_due_first),
        cmocka_unit_test(test_route_judge_statuses_and_codes),
        cmocka_unit_test(test_route_judge_errors_inside_of_answers),
        cmocka_unit_test(test_route_judge_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
