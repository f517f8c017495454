/* SPDX-License-Identifier: MIT */
/*
 * A fleet of chats: keeps so many in flight for so long, starting another when one ends, then lets
 * all end. It judges every request by itself (one DONE, nothing after it, deltas behind an OPEN, a
 * verdict that fits what was delivered, an end within the total limit) and prints what it saw as
 * one JSON object; the first trouble and each connection that is given up are told on stderr at
 * once. Judges nothing that depends on what the server went through: that is for tests/endurance/.
 * usage: fleet URL CA_FILE [options, see option_list]
 * Exit status: 0 nothing was wrong with any request, 1 something was, or the program cannot go on.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, pread */

#include "common.h"

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 10,          /* default of --late-ms */
    GRACE_MS = 5000,       /* behind the last limit, before what is open counts as lost */
    REQUESTS_MAX = 500000, /* default of --requests */
    CODES_MAX = 64,
    VERDICTS = CMX_VERDICT_NETWORK + 1,
};

/* ---- options ---- */

typedef struct options {
    const char *url;
    const char *ca_file;
    const char *address;     /* instead of resolving, which would use libc's heap */
    const char *model;       /* of every request but ... */
    const char *other_model; /* ... of every second, third, ... one; NULL = of none */
    uint64_t other_every;
    uint64_t in_flight;
    uint64_t duration_s;
    uint64_t total_limit_ms;
    uint64_t requests_max;
    uint64_t connections_max;
    uint64_t streams_max; /* per connection, soft and hard; 0 = the preset's */
    uint64_t connect_timeout_ms;
    uint64_t deltas_each; /* of a complete answer; 0 = any number */
    uint64_t attempts_max;
    uint64_t retry_budget_percent;
    uint64_t ping_after_ms;
    uint64_t ping_timeout_ms;
    uint64_t late_ms; /* how far a request may outlive its total limit */
} options;

static options wanted = {
    .address = "127.0.0.1",
    .model = "gpt-4.1",
    .other_every = 2,
    .in_flight = 50,
    .duration_s = 5,
    .total_limit_ms = 30000,
    .requests_max = REQUESTS_MAX,
    .late_ms = TICK_MS,
};

static const struct option_row {
    const char *name;
    const char **text; /* else a number */
    uint64_t *number;
} option_list[] = {
    {"--address", &wanted.address, NULL},
    {"--model", &wanted.model, NULL},
    {"--other-model", &wanted.other_model, NULL},
    {"--other-every", NULL, &wanted.other_every},
    {"-n", NULL, &wanted.in_flight},
    {"-t", NULL, &wanted.duration_s},
    {"--total-limit-ms", NULL, &wanted.total_limit_ms},
    {"--requests", NULL, &wanted.requests_max},
    {"--connections", NULL, &wanted.connections_max},
    {"--streams", NULL, &wanted.streams_max},
    {"--connect-timeout-ms", NULL, &wanted.connect_timeout_ms},
    {"--deltas-each", NULL, &wanted.deltas_each},
    {"--attempts", NULL, &wanted.attempts_max},
    {"--retry-budget-percent", NULL, &wanted.retry_budget_percent},
    {"--ping-after-ms", NULL, &wanted.ping_after_ms},
    {"--ping-timeout-ms", NULL, &wanted.ping_timeout_ms},
    {"--late-ms", NULL, &wanted.late_ms},
};

static void take_option(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof option_list / sizeof option_list[0]; i++) {
        const struct option_row *row = &option_list[i];
        if (strcmp(row->name, name) != 0) {
            continue;
        }
        if (row->text != NULL) {
            *row->text = value;
            return;
        }
        char *end = NULL;
        *row->number = strtoull(value, &end, 10);
        REQUIRE(end != value && *end == '\0');
        return;
    }
    fprintf(stderr, "fleet: unknown option %s\n", name);
    exit(1);
}

static void take_options(int argc, char **argv)
{
    REQUIRE(argc >= 3 && argc % 2 == 1);
    wanted.url = argv[1];
    wanted.ca_file = argv[2];
    for (int i = 3; i < argc; i += 2) {
        take_option(argv[i], argv[i + 1]);
    }
    REQUIRE(wanted.in_flight >= 1 && wanted.in_flight <= CMX_REQUESTS_MAX);
    REQUIRE(wanted.requests_max >= 1 && wanted.requests_max <= REQUESTS_MAX);
    REQUIRE(wanted.other_every >= 1 && wanted.total_limit_ms >= 1);
}

/* ---- what is known of each request, and of all ---- */

typedef struct record {
    uint64_t start_ms;
    uint64_t starved_ms; /* how long this program had waited for a CPU when the limit was reached */
    uint64_t deltas;
    bool opened;
    bool done;
} record;

typedef struct tally {
    uint64_t requests;
    uint64_t by_verdict[VERDICTS];
    uint64_t unstarted[VERDICTS]; /* of these, those without a delta */
    uint64_t attempts;
    uint64_t replays;
    uint64_t retries;
    uint64_t deltas;
    uint64_t longest_ms;
    uint64_t latest_ms; /* behind a total limit */
    int codes[CODES_MAX];
    uint64_t code_counts[CODES_MAX];
    unsigned code_count;
    /* wrong, whatever the server did */
    uint64_t duplicates;
    uint64_t late;
    uint64_t disorder;
    uint64_t misjudged;
    uint64_t lost;
    /* incomplete and never sent */
    uint64_t never_sent;
    uint64_t first_trouble_ms; /* on CLOCK_MONOTONIC; 0 = none */
    uint64_t last_trouble_ms;
    uint64_t last_cut_ms; /* last end of a request that had begun to answer */
} tally;

static record *records;
static tally sum;
static uint64_t in_flight;

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Milliseconds that this thread was ready to run and did not: a busy machine must not look like a
 * late request. 0 where the kernel does not say. */
static uint64_t starved_ms(void)
{
    static int fd = -2;
    char text[64];
    if (fd == -2) {
        fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    }
    ssize_t len = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, 0);
    uint64_t ran_ns = 0;
    uint64_t waited_ns = 0;
    text[len > 0 ? len : 0] = '\0';
    return sscanf(text, "%" SCNu64 " %" SCNu64, &ran_ns, &waited_ns) == 2 ? waited_ns / 1000000 : 0;
}

static void note_trouble(const char *what)
{
    sum.last_trouble_ms = clock_ms();
    if (sum.first_trouble_ms == 0) {
        sum.first_trouble_ms = sum.last_trouble_ms;
        fprintf(stderr, "trouble at %" PRIu64 ": %s\n", sum.first_trouble_ms, what);
    }
}

static void count_code(int code)
{
    unsigned i = 0;
    while (i < sum.code_count && sum.codes[i] != code) {
        i++;
    }
    if (i == sum.code_count && i < CODES_MAX) {
        sum.codes[sum.code_count++] = code;
    }
    if (i < CODES_MAX) {
        sum.code_counts[i]++;
    }
}

/* ---- judging ---- */

/* What a verdict claims must be what this program was given. */
static bool fits(const cmx_done *done, const record *of)
{
    bool complete = cmx_verdict_complete(done->verdict);
    if (done->deltas != of->deltas || complete != (done->error == CMX_OK)) {
        return false;
    }
    if (complete) {
        return wanted.deltas_each == 0 || of->deltas == wanted.deltas_each;
    }
    switch (done->verdict) {
    case CMX_VERDICT_TRUNCATED:
    case CMX_VERDICT_STALLED:
        return of->deltas > 0;
    case CMX_VERDICT_EMPTY:
    case CMX_VERDICT_ERROR_HTTP:
    case CMX_VERDICT_NETWORK:
        return of->deltas == 0;
    case CMX_VERDICT_DONE:
    case CMX_VERDICT_DONE_NO_SENTINEL:
    case CMX_VERDICT_ERROR_INBAND:
    case CMX_VERDICT_TIMEOUT:
    case CMX_VERDICT_LIMIT:
        return true;
    case CMX_VERDICT_CANCELLED:
        return false; /* nobody did */
    }
    return false;
}

static void judge_age(const record *of, uint64_t now_ms)
{
    uint64_t age_ms = now_ms - of->start_ms;
    sum.longest_ms = age_ms > sum.longest_ms ? age_ms : sum.longest_ms;
    if (age_ms <= wanted.total_limit_ms) {
        return;
    }
    uint64_t over_ms = age_ms - wanted.total_limit_ms;
    sum.latest_ms = over_ms > sum.latest_ms ? over_ms : sum.latest_ms;
    sum.late += over_ms > wanted.late_ms + (starved_ms() - of->starved_ms);
}

static void on_done(const cmx_done *done, record *of)
{
    bool complete = cmx_verdict_complete(done->verdict);
    of->done = true;
    in_flight--;
    sum.by_verdict[done->verdict]++;
    sum.unstarted[done->verdict] += of->deltas == 0;
    sum.attempts += done->attempts;
    sum.replays += done->replays;
    sum.misjudged += !fits(done, of);
    judge_age(of, clock_ms());
    if (!complete) {
        sum.never_sent += done->attempts == 0;
        count_code(done->error);
        note_trouble(cmx_error_name(done->error));
        sum.last_cut_ms = of->deltas > 0 ? sum.last_trouble_ms : sum.last_cut_ms;
    }
}

static void on_event(const cmx_event *event)
{
    record *of = event->user;
    if (of->done) {
        sum.duplicates++;
    } else if (event->kind == CMX_EVENT_DONE) {
        on_done(&event->done, of);
    } else if (event->kind == CMX_EVENT_OPEN) {
        of->opened = true;
    } else if (event->kind == CMX_EVENT_DELTA) {
        sum.disorder += !of->opened;
        sum.deltas++;
        of->deltas++;
    } else if (event->kind == CMX_EVENT_RETRY) {
        sum.retries++;
        sum.disorder += of->deltas > 0;
        of->opened = false; /* another head must come */
        note_trouble("retry");
    } else {
        sum.disorder += event->kind != CMX_EVENT_USAGE;
    }
}

/* ---- running ---- */

static bool start(cmx_client *client, cmx_origin_id origin)
{
    bool other = wanted.other_model != NULL && sum.requests % wanted.other_every == 0;
    cmx_chat chat = common_chat(origin, other ? wanted.other_model : wanted.model);
    record *of = &records[sum.requests];
    cmx_id id = 0;
    of->start_ms = clock_ms();
    chat.user = of;
    int rc = cmx_chat_start(client, &chat, &id, NULL);
    if (rc == CMX_ERR_BUSY) {
        return false;
    }
    REQUIRE(rc == CMX_OK);
    sum.requests++;
    in_flight++;
    return true;
}

/* Remembers for those that reach their limit in this turn how starved the program was before it. */
static void pass_limits(uint64_t starved_before_ms)
{
    static uint64_t passed;
    uint64_t now_ms = clock_ms();
    while (passed < sum.requests && records[passed].start_ms + wanted.total_limit_ms < now_ms) {
        records[passed++].starved_ms = starved_before_ms;
    }
}

/* What a script does next may have to wait until a connection was given up. */
static void tell_dead(const cmx_client *client)
{
    static uint64_t told;
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    if (stats.connections_dead != told) {
        told = stats.connections_dead;
        fprintf(stderr, "dead %" PRIu64 "\n", told);
    }
}

static void run(cmx_client *client, cmx_origin_id origin)
{
    uint64_t stop_ms = clock_ms() + wanted.duration_s * 1000;
    uint64_t lost_ms = stop_ms + wanted.total_limit_ms + GRACE_MS;
    uint64_t starved_before_ms = 0;
    uint64_t sampled_ms = 0;
    bool more = true;
    while (in_flight > 0 || more) {
        uint64_t now_ms = clock_ms();
        more = now_ms < stop_ms && sum.requests < wanted.requests_max;
        while (more && in_flight < wanted.in_flight && start(client, origin)) {
            more = sum.requests < wanted.requests_max;
        }
        if (now_ms > lost_ms) {
            break;
        }
        if (now_ms != sampled_ms) {
            sampled_ms = now_ms;
            starved_before_ms = starved_ms();
            tell_dead(client);
        }
        cmx_event event;
        int rc = cmx_client_wait(client, &event, 100);
        REQUIRE(rc >= 0);
        pass_limits(starved_before_ms);
        if (rc == CMX_OK) {
            on_event(&event);
        }
    }
    /* Whatever comes now is an event too many. */
    for (cmx_event event; cmx_client_next_event(client, &event) == CMX_OK;) {
        on_event(&event);
    }
    sum.lost = in_flight;
}

/* ---- telling ---- */

static void print_verdicts(const char *name, const uint64_t counts[VERDICTS])
{
    const char *comma = "";
    printf("\"%s\":{", name);
    for (unsigned i = 0; i < VERDICTS; i++) {
        if (counts[i] > 0) {
            printf("%s\"%s\":%" PRIu64, comma, cmx_verdict_name((enum cmx_verdict)i), counts[i]);
            comma = ",";
        }
    }
    printf("},");
}

static void print_codes(void)
{
    printf("\"errors\":{");
    for (unsigned i = 0; i < sum.code_count; i++) {
        printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", cmx_error_name(sum.codes[i]),
               sum.code_counts[i]);
    }
    printf("},");
}

static void print_numbers(const cmx_stats *stats)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"requests", sum.requests},
        {"attempts", sum.attempts},
        {"replays", sum.replays},
        {"retries", sum.retries},
        {"deltas", sum.deltas},
        {"longest_ms", sum.longest_ms},
        {"latest_ms", sum.latest_ms},
        {"never_sent", sum.never_sent},
        {"first_trouble_ms", sum.first_trouble_ms},
        {"last_trouble_ms", sum.last_trouble_ms},
        {"last_cut_ms", sum.last_cut_ms},
        {"late", sum.late},
        {"duplicates", sum.duplicates},
        {"disorder", sum.disorder},
        {"misjudged", sum.misjudged},
        {"lost", sum.lost},
        {"accepted", stats->requests},
        {"done_events", stats->done},
        {"connections", stats->connections_total},
        {"handshakes", stats->handshakes},
        {"pings", stats->pings},
        {"connections_dead", stats->connections_dead},
        {"memory_bytes", stats->memory_bytes},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", rows[i].name, rows[i].value);
    }
}

/* ---- setting up ---- */

static void override(uint32_t *field, uint64_t value)
{
    *field = value > 0 ? (uint32_t)value : *field;
}

static cmx_client *open_client(fence *memory)
{
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.requests_max = (uint32_t)wanted.in_flight;
    config.total_timeout_ms = (uint32_t)wanted.total_limit_ms;
    override(&config.connections_max, wanted.connections_max);
    override(&config.streams_soft, wanted.streams_max);
    override(&config.streams_hard, wanted.streams_max);
    override(&config.connect_timeout_ms, wanted.connect_timeout_ms);
    override(&config.attempts_max, wanted.attempts_max);
    override(&config.retry_budget_percent, wanted.retry_budget_percent);
    override(&config.ping_after_ms, wanted.ping_after_ms);
    override(&config.ping_timeout_ms, wanted.ping_timeout_ms);
    return common_client(&config, memory);
}

static cmx_origin_id add_origin(cmx_client *client)
{
    cmx_origin origin;
    cmx_origin_id id = 0;
    cmx_origin_default(&origin);
    origin.base_url = wanted.url;
    origin.key = "sk-test";
    origin.ca_file = wanted.ca_file;
    origin.address = wanted.address;
    REQUIRE(cmx_client_add_origin(client, &origin, &id, NULL) == CMX_OK);
    return id;
}

int main(int argc, char **argv)
{
    take_options(argc, argv);
    records = calloc((size_t)wanted.requests_max, sizeof *records);
    REQUIRE(records != NULL);
    fence memory;
    cmx_client *client = open_client(&memory);
    run(client, add_origin(client));

    cmx_stats stats;
    cmx_client_stats(client, &stats);
    printf("{");
    print_verdicts("done", sum.by_verdict);
    print_verdicts("unstarted", sum.unstarted);
    print_codes();
    print_numbers(&stats);
    printf("}\n");
    common_end(client, &memory);
    free(records);
    bool counted = stats.requests == sum.requests && stats.done == sum.requests;
    return counted && sum.duplicates + sum.late + sum.disorder + sum.misjudged + sum.lost == 0 ? 0
                                                                                               : 1;
}
