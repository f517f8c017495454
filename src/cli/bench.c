/* SPDX-License-Identifier: MIT */
/*
 * The load: keeps a number of completions in flight until all were started, counts what comes
 * back. What is measured is the whole process: library, TLS and kernel time included.
 */
#include "cli/bench.h"

#include "cli/bench_report.h"
#include "cli/metrics_file.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/system.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    LIVE_EVERY_US = 200000, /* the live line on a terminal */
    LIVE_EVENTS = 512,      /* events between two looks at the clock */
    WAIT_MS = 200,          /* and so long without any */
    METRICS_EVERY_US = 1000000,
    LINE_BYTES = 256,                    /* of the live line */
    STATUS_BYTES = 4096,                 /* of what the kernel says of this process */
    COLUMNS = 80,                        /* of a terminal that does not say */
    MODELS = 8,                          /* with figures of their own */
    ANSWER_BYTES = 128 * 1024,           /* of an answer that is not streamed */
    ANSWER_STRIDE = ANSWER_BYTES + 1088, /* else all would lie in the same lines of the cache */
    FAILURES_SHOWN = 5,
    READ_BYTES = 65536,       /* of TLS at once: a bench has the memory */
    READ_WHOLE_BYTES = 16384, /* the same for whole answers: more would leave the cache again */

    /* What is not pulled stays in the socket: windows cost no memory, and a server that never waits
     * for one shows what the client costs. */
    STREAM_WINDOW_BYTES = 1 << 18,
    CONNECTION_WINDOW_BYTES = 1 << 24,

    TAILS_BYTES = 1 << 20, /* of all tails: the fewer in flight, the less looks for a buffer */
};

#define WIPE "\r\033[K" /* the line that the cursor is in */

/* One completion in flight. */
typedef struct bench_slot {
    uint64_t started_us;
    bool first_seen; /* the first token came */
    char *answer;    /* in `answers`, or NULL */
} bench_slot;

typedef struct bench {
    const cli_options *options;
    cli_session session;
    cli_bench_result result;
    bench_slot *slots; /* in_flight of them */
    bench_slot **free; /* stack of those not in use */
    char *answers;     /* owned; ANSWER_STRIDE for each slot; only without streaming */
    uint32_t free_count;
    uint32_t started;
    bool terminal; /* stderr is one: show a live line */
    uint64_t begun_us;
    uint64_t live_us;        /* when the live line was last drawn */
    uint64_t live_deltas;    /* deltas until then */
    uint32_t events_to_look; /* until the next look at the clock */
    cli_metrics_file metrics;
    uint64_t metrics_us; /* when it was last written */
    bool metrics_failed; /* said once; not written any more */
} bench;

static uint64_t clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static int start_one(bench *b)
{
    static const cmx_message message = {.role = CMX_ROLE_USER,
                                        .text = "Say something about connection pooling."};
    bench_slot *slot = b->free[b->free_count - 1];
    cmx_chat chat = b->options->chat;
    chat.origin = b->session.origin;
    chat.messages = &message;
    chat.message_count = 1;
    chat.stream = !b->options->no_stream;
    chat.answer = slot->answer;
    chat.answer_bytes = slot->answer == NULL ? 0 : ANSWER_BYTES;
    chat.user = slot;

    cmx_id id = 0;
    const char *bad_field = NULL;
    int rc = cmx_chat_start(b->session.client, &chat, &id, &bad_field);
    if (rc != CMX_OK) {
        return cli_out_say(CLI_EXIT_USAGE, "%s: %s", bad_field, cmx_error_text(rc));
    }
    b->free_count--;
    b->started++;
    slot->started_us = now_us();
    slot->first_seen = false;
    return 0;
}

/* chatmux-relay --stamp makes tokens "t=MICROSECONDS " of the clock that this process has too. */
static void measure_stamp(bench *b, cmx_text text)
{
    if (text.len < 3 || text.data[0] != 't' || text.data[1] != '=') {
        return;
    }
    uint64_t stamp_us = 0;
    for (size_t i = 2; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        stamp_us = stamp_us * 10 + (uint64_t)(text.data[i] - '0');
    }
    uint64_t now = now_us();
    cli_samples_add(&b->result.lag, now > stamp_us ? now - stamp_us : 0);
}

static void on_delta(bench *b, bench_slot *slot, const cmx_delta *delta)
{
    b->result.deltas++;
    b->result.bytes += delta->text.len;
    if (!slot->first_seen) {
        slot->first_seen = true;
        cli_samples_add(&b->result.first_token, now_us() - slot->started_us);
    }
    if (b->options->stamps) {
        measure_stamp(b, delta->text);
    }
}

static void wipe_live(const bench *b)
{
    if (b->terminal) {
        cli_out_print(&cli_out_error, WIPE);
    }
}

static void on_done(bench *b, bench_slot *slot, const cmx_done *done)
{
    cli_samples_add(&b->result.total, now_us() - slot->started_us);
    b->result.completions++;
    if (!cmx_verdict_complete(done->verdict)) {
        if (b->result.failed < FAILURES_SHOWN) {
            wipe_live(b);
            cli_report_failure(cli_session_relay(&b->session, done->origin), done);
        }
        b->result.failed++;
    }
    b->free[b->free_count++] = slot;
}

/* A line that is longer than the terminal is wide could not be drawn over. */
static size_t terminal_columns(void)
{
    struct winsize size;
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : COLUMNS;
}

static void show_live(bench *b)
{
    uint64_t now = now_us();
    if (now - b->live_us < LIVE_EVERY_US) {
        return;
    }
    uint64_t tokens = (b->result.deltas - b->live_deltas) * 1000000 / (now - b->live_us);
    b->live_us = now;
    b->live_deltas = b->result.deltas;
    cmx_stats stats;
    cmx_client_stats(b->session.client, &stats);
    char line[LINE_BYTES];
    cli_out out = {line, sizeof line, 0, -1, 0};
    cli_out_print(&out,
                  "%llu/%u done, %llu failed, %llu retries, P50 %u ms, P99 %u ms, %llu tokens/s, "
                  "%u streams, %u connections",
                  (unsigned long long)b->result.completions, b->options->total,
                  (unsigned long long)b->result.failed, (unsigned long long)stats.retries,
                  (unsigned)((stats.total.p50_us + 500) / 1000),
                  (unsigned)((stats.total.p99_us + 500) / 1000), (unsigned long long)tokens,
                  stats.streams, stats.connections);
    size_t columns = terminal_columns() - 1;
    wipe_live(b);
    cli_out_bytes(&cli_out_error, line, out.len < columns ? out.len : columns);
    cli_out_flush(&cli_out_error);
}

/* A file that cannot be written does not end a load that runs. */
static void write_metrics(bench *b)
{
    if (b->metrics.path != NULL && !b->metrics_failed) {
        wipe_live(b);
        b->metrics_failed = !cli_metrics_file_write(&b->metrics, b->session.client);
    }
    b->metrics_us = now_us();
}

/* What is looked after beside the load. */
static void look(bench *b)
{
    b->events_to_look = LIVE_EVENTS;
    if (b->terminal) {
        show_live(b);
    }
    if (now_us() - b->metrics_us >= METRICS_EVERY_US) {
        write_metrics(b);
    }
}

static void take_event(bench *b, const cmx_event *event)
{
    if (event->kind == CMX_EVENT_DELTA) {
        on_delta(b, event->user, &event->delta);
    } else if (event->kind == CMX_EVENT_DONE) {
        on_done(b, event->user, &event->done);
    }
}

static int run_load(bench *b)
{
    bool looks = b->terminal || b->metrics.path != NULL;
    cmx_event event; /* outside of the loop: hardened builds zero it each time it comes to life */
    while (b->result.completions < b->options->total) {
        while (b->free_count > 0 && b->started < b->options->total) {
            int rc = start_one(b);
            if (rc != 0) {
                return rc;
            }
        }
        int rc = cmx_client_wait(b->session.client, &event, looks ? WAIT_MS : UINT32_MAX);
        if (rc < 0) {
            return cli_out_say(CLI_EXIT_FAILED, "%s", cmx_error_text(rc));
        }
        if (rc == CMX_OK) {
            take_event(b, &event);
        }
        if (looks && (rc != CMX_OK || --b->events_to_look == 0)) {
            look(b);
        }
    }
    return 0;
}

static int take_slots(bench *b)
{
    uint32_t count = b->options->in_flight;
    b->slots = calloc(count, sizeof *b->slots);
    b->free = calloc(count, sizeof *b->free);
    if (b->slots == NULL || b->free == NULL) {
        return CLI_EXIT_FAILED;
    }
    if (b->options->no_stream) {
        b->answers = malloc((size_t)count * ANSWER_STRIDE);
        if (b->answers == NULL) {
            return CLI_EXIT_FAILED;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        b->free[b->free_count++] = &b->slots[i];
        if (b->answers != NULL) {
            b->slots[i].answer = b->answers + (size_t)i * ANSWER_STRIDE;
        }
    }
    return 0;
}

static void give_slots(bench *b)
{
    free(b->answers);
    free(b->slots);
    free(b->free);
}

static void configure(const bench *b, cmx_config *config)
{
    const cli_options *options = b->options;
    uint32_t each = (options->in_flight + options->connections - 1) / options->connections;
    cmx_config_preset(config, CMX_PRESET_DEFAULT);
    config->connections_max = options->connections;
    config->requests_max = options->in_flight;
    /* Spread evenly, so that as many connections are used as were asked for. */
    config->streams_soft = each < 1024 ? each : 1024;
    config->streams_hard = config->streams_soft;
    config->read_bytes = options->no_stream ? READ_WHOLE_BYTES : READ_BYTES;
    config->stream_window_bytes = STREAM_WINDOW_BYTES;
    config->connection_window_bytes = CONNECTION_WINDOW_BYTES;
    uint32_t tail_bytes = TAILS_BYTES / options->in_flight;
    config->tail_bytes = tail_bytes > 4096 ? 4096 : (tail_bytes < 512 ? 512 : tail_bytes);
    config->queue_timeout_ms = 60000;
    config->connection_requests_max = 0; /* what a handshake costs is not what is measured */
    config->coalesce_ms = options->coalesce_ms;
    bool has_figures =
        options->metrics_file != NULL || options->settings.price_count > 0 || b->terminal;
    config->models_max = has_figures ? MODELS : 0;
    config->paused_streams_max = 0; /* their blocks would be as large as the windows */
}

/* Most that this program had resident. getrusage() would count what its parent had before exec. */
static uint64_t resident_kib(void)
{
    static const char label[] = "VmHWM:";
    char text[STATUS_BYTES];
    size_t len = 0;
    bool ignored;
    if (cli_system_read("/proc/self/status", text, sizeof text - 1, &len, &ignored) != NULL) {
        return 0;
    }
    text[len] = '\0';
    const char *at = strstr(text, label);
    return at == NULL ? 0 : strtoul(at + sizeof label - 1, NULL, 10);
}

static void measure_end(bench *b, uint64_t cpu_begun_us)
{
    b->result.wall_us = now_us() - b->begun_us;
    b->result.cpu_us = clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_begun_us;
    b->result.rss_kib = resident_kib();
    cmx_client_stats(b->session.client, &b->result.stats);
    wipe_live(b);
}

static int run(bench *b)
{
    cmx_config config;
    configure(b, &config);
    int rc = take_slots(b);
    if (rc != 0) {
        return cli_out_say(rc, "not enough memory for %u completions", b->options->in_flight);
    }
    rc = cli_session_open(&b->session, b->options, &config);
    if (rc != 0) {
        return rc;
    }
    if (!cli_metrics_file_open(&b->metrics, b->options->metrics_file) ||
        !cli_metrics_file_write(&b->metrics, b->session.client)) {
        return CLI_EXIT_USAGE;
    }
    uint64_t cpu_begun_us = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    b->begun_us = now_us();
    b->live_us = b->begun_us;
    b->metrics_us = b->begun_us;
    rc = run_load(b);
    measure_end(b, cpu_begun_us);
    write_metrics(b);
    if (rc != 0) {
        return rc;
    }
    bool all_well = b->result.failed == 0 && !b->metrics_failed;
    cli_bench_report(&b->result, b->options);
    return all_well ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}

int cli_bench_run(const cli_options *options)
{
    bench *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return cli_out_say(CLI_EXIT_FAILED, "not enough memory");
    }
    b->options = options;
    b->terminal = !options->json && isatty(STDERR_FILENO) != 0;
    b->events_to_look = LIVE_EVENTS;
    int rc = run(b);
    cli_metrics_file_close(&b->metrics);
    cli_session_close(&b->session);
    give_slots(b);
    free(b);
    return rc;
}
