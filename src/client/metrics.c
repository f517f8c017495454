/* SPDX-License-Identifier: MIT */
/*
 * All that can be seen of a client as text for Prometheus. The number of series is bounded by the
 * tables of models, origins and names; no text of a server becomes a label. Four histograms have
 * names of OpenTelemetry, too; the rest are called the same in both.
 */
#include "client/state.h"
#include "pool/origins.h"
#include "text/exposition.h"
#include "text/number.h"

enum { NAME_BYTES_MAX = 32, MICRO_DIGITS = 6, PICO_DIGITS = 12, TOKEN_FACTOR = 4 };

/* What differs between the two sets of names. */
typedef struct style {
    const char *model; /* label */
    const char *duration;
    const char *first_token;
    const char *per_token;
    bool is_gen_ai;
} style;

static const style styles[] = {
    [CMX_METRICS_RELAY] = {"model", "ai_relay_request_duration_seconds",
                           "ai_relay_time_to_first_token_seconds",
                           "ai_relay_time_per_output_token_seconds", false},
    [CMX_METRICS_GEN_AI] = {"gen_ai_request_model", "gen_ai_client_operation_duration_seconds",
                            "gen_ai_client_operation_time_to_first_chunk_seconds",
                            "gen_ai_client_operation_time_per_output_chunk_seconds", true},
};

typedef struct writer {
    cmx_exposition text;
    const cmx_client *client;
    const style *style;
    cmx_stats stats;
} writer;

/* ---- figures without labels ---- */

/* A member of cmx_stats that is one sample. */
typedef struct figure {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
    bool is_wide; /* of 64 bits */
} figure;

#define WIDE(member) offsetof(cmx_stats, member), true
#define NARROW(member) offsetof(cmx_stats, member), false

static const figure figures[] = {
    {"ai_relay_requests_accepted_total", "counter", "Chats and plain requests that were accepted.",
     WIDE(requests)},
    {"ai_relay_streams", "gauge", "Requests on a connection now.", NARROW(streams)},
    {"ai_relay_requests_paused", "gauge", "Requests whose answer is paused now.", NARROW(paused)},
    {"ai_relay_requests_done_per_minute", "gauge", "Requests that ended in the last minute.",
     NARROW(done_per_min)},
    {"ai_relay_connections_opened_total", "counter", "Sockets that were opened.",
     WIDE(connections_total)},
    {"ai_relay_connections_dead_total", "counter",
     "Connections that stopped answering or taking bytes.", WIDE(connections_dead)},
    {"ai_relay_tls_handshakes_total", "counter", "TLS handshakes that succeeded.",
     WIDE(handshakes)},
    {"ai_relay_pings_total", "counter", "PING frames sent.", WIDE(pings)},
    {"ai_relay_received_bytes_total", "counter", "Bytes from sockets, TLS included.",
     WIDE(bytes_received)},
    {"ai_relay_sent_bytes_total", "counter", "Bytes to sockets, TLS included.", WIDE(bytes_sent)},
    {"ai_relay_events_malformed_total", "counter", "Events skipped because they were not JSON.",
     WIDE(malformed_events)},
    {"ai_relay_events_skipped_total", "counter",
     "Events skipped because they were too large or no buffer was free.", WIDE(skipped_events)},
    {"ai_relay_event_buffers_refused_total", "counter", "Times that no assembly buffer was free.",
     WIDE(buffers_refused)},
    {"ai_relay_event_buffers_peak", "gauge", "Most assembly buffers ever in use.",
     NARROW(buffers_peak)},
    {"ai_relay_memory_bytes", "gauge", "Bytes of the block in which everything lies.",
     WIDE(memory_bytes)},
    {"ai_relay_library_memory_bytes", "gauge", "Bytes of it now in use by HTTP/2 and TLS.",
     WIDE(library_bytes)},
    {"ai_relay_library_memory_peak_bytes", "gauge", "Most of them ever in use.",
     WIDE(library_peak)},
    {"ai_relay_library_memory_capacity_bytes", "gauge", "Bytes reserved for them.",
     WIDE(library_capacity)},
};

static uint64_t figure_value(const cmx_stats *stats, const figure *one)
{
    const uint8_t *at = (const uint8_t *)stats + one->offset;
    uint32_t narrow = 0;
    uint64_t wide = 0;
    if (one->is_wide) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
}

static void write_figures(writer *to)
{
    for (size_t i = 0; i < CMX_ARRAY_LEN(figures); i++) {
        cmx_exposition_family(&to->text, figures[i].name, figures[i].type, figures[i].help);
        cmx_exposition_sample(&to->text, figures[i].name, "");
        cmx_exposition_value(&to->text, figure_value(&to->stats, &figures[i]), 0);
    }
}

/* ---- figures with one label ---- */

/* Adds a label whose value is one of our own names, in lower case. */
static void add_name(writer *to, const char *label, const char *name)
{
    uint8_t lower[NAME_BYTES_MAX];
    size_t len = 0;
    for (; name[len] != '\0' && len < sizeof lower; len++) {
        bool is_upper = name[len] >= 'A' && name[len] <= 'Z';
        lower[len] = (uint8_t)(is_upper ? name[len] - 'A' + 'a' : name[len]);
    }
    cmx_exposition_label(&to->text, label, (cmx_view){lower, len});
}

static void write_sample(writer *to, const char *family, const char *label, const char *name,
                         uint64_t value)
{
    cmx_exposition_sample(&to->text, family, "");
    add_name(to, label, name);
    cmx_exposition_value(&to->text, value, 0);
}

static void write_pool(writer *to)
{
    static const char family[] = "ai_relay_connection_pool_size";
    const cmx_stats *stats = &to->stats;
    cmx_exposition_family(&to->text, family, "gauge",
                          "Connections now by state; error counts origins that cannot be reached.");
    write_sample(to, family, "state", "active", stats->connections_active);
    write_sample(to, family, "state", "idle", stats->connections_idle);
    write_sample(to, family, "state", "opening", stats->connections_opening);
    write_sample(to, family, "state", "draining", stats->connections_draining);
    write_sample(to, family, "state", "error", stats->origins_failing);
}

static void write_retries(writer *to)
{
    static const char family[] = "ai_relay_retry_attempts_total";
    static const char *const reasons[CMX_RETRY_REASON_COUNT] = {
        [CMX_RETRY_STATUS] = "status",   [CMX_RETRY_RATE_LIMIT] = "rate_limit",
        [CMX_RETRY_NETWORK] = "network", [CMX_RETRY_REFUSED] = "refused",
        [CMX_RETRY_INBAND] = "inband",   [CMX_RETRY_NEVER_SENT] = "never_sent",
        [CMX_RETRY_SILENT] = "silent",
    };
    cmx_exposition_family(&to->text, family, "counter", "Attempts that were followed by another.");
    for (size_t i = CMX_RETRY_NONE + 1; i < CMX_RETRY_REASON_COUNT; i++) {
        write_sample(to, family, "reason", reasons[i], to->stats.retry_reasons[i]);
    }
}

static void write_queue(writer *to)
{
    static const char family[] = "ai_relay_queue_size";
    cmx_exposition_family(&to->text, family, "gauge", "Requests that wait now, by what for.");
    for (size_t i = CMX_WAITING_NOT + 1; i < CMX_WAITING_COUNT; i++) {
        write_sample(to, family, "reason", cmx_waiting_name((enum cmx_waiting)i),
                     to->stats.waiting[i]);
    }
}

/* ---- by model ---- */

/* Calls `write` for each row of the table that was used. */
static void each_model(writer *to, void (*write)(writer *to, const cmx_meter_row *row))
{
    for (uint32_t i = 0; i < to->client->meter.capacity; i++) {
        const cmx_meter_row *row = cmx_meter_row_at(&to->client->meter, i);
        if (row != NULL) {
            write(to, row);
        }
    }
}

static cmx_view name_of(const cmx_meter_row *row)
{
    return (cmx_view){(const uint8_t *)row->model, row->model_len};
}

static void write_verdicts(writer *to, cmx_view model, const uint64_t *verdicts)
{
    for (size_t i = 0; i < CMX_VERDICT_COUNT; i++) {
        cmx_exposition_sample(&to->text, "ai_relay_requests_total", "");
        cmx_exposition_label(&to->text, to->style->model, model);
        add_name(to, "status", cmx_verdict_name((enum cmx_verdict)i));
        cmx_exposition_value(&to->text, verdicts[i], 0);
    }
}

static void write_chats(writer *to, const cmx_meter_row *row)
{
    write_verdicts(to, name_of(row), row->verdicts);
}

static void write_requests(writer *to)
{
    uint64_t plain[CMX_VERDICT_COUNT];
    memcpy(plain, to->stats.verdicts, sizeof plain);
    for (uint32_t i = 0; i < to->client->meter.capacity; i++) {
        for (size_t k = 0; k < CMX_VERDICT_COUNT; k++) {
            plain[k] -= to->client->meter.rows[i].verdicts[k];
        }
    }
    cmx_exposition_family(&to->text, "ai_relay_requests_total", "counter",
                          "Requests that ended, by verdict; plain ones have no model.");
    write_verdicts(to, (cmx_view){NULL, 0}, plain);
    each_model(to, write_chats);
}

static void begin_model(writer *to, const cmx_meter_row *row, const char *name, const char *suffix)
{
    cmx_exposition_sample(&to->text, name, suffix);
    if (row != NULL && to->style->is_gen_ai) {
        cmx_exposition_label(&to->text, "gen_ai_operation_name", CMX_VIEW_LITERAL("chat"));
    }
    if (row != NULL) {
        cmx_exposition_label(&to->text, to->style->model, name_of(row));
    }
}

/* One histogram of times. `row` NULL = of no model. */
static void write_times(writer *to, const cmx_meter_row *row, const char *name,
                        const cmx_histogram *histogram)
{
    uint8_t digits[CMX_NUMBER_BYTES_MAX];
    for (uint32_t i = 0; i < CMX_HISTOGRAM_BOUNDS; i++) {
        size_t len = cmx_number_write_milli(digits, (uint32_t)CMX_HISTOGRAM_BOUND_MS << i);
        begin_model(to, row, name, "_bucket");
        cmx_exposition_label(&to->text, "le", (cmx_view){digits, len});
        cmx_exposition_value(&to->text, cmx_histogram_count_within(histogram, i), 0);
    }
    uint64_t count = histogram->count;
    begin_model(to, row, name, "_bucket");
    cmx_exposition_label(&to->text, "le", CMX_VIEW_LITERAL("+Inf"));
    cmx_exposition_value(&to->text, count, 0);
    begin_model(to, row, name, "_sum");
    cmx_exposition_value(&to->text, histogram->sum_us, MICRO_DIGITS);
    begin_model(to, row, name, "_count");
    cmx_exposition_value(&to->text, count, 0);
}

static void write_total(writer *to, const cmx_meter_row *row)
{
    write_times(to, row, to->style->duration, &row->total);
}

static void write_first_token(writer *to, const cmx_meter_row *row)
{
    write_times(to, row, to->style->first_token, &row->first_token);
}

static void write_per_token(writer *to, const cmx_meter_row *row)
{
    write_times(to, row, to->style->per_token, &row->per_token);
}

static void write_histograms(writer *to)
{
    static const char head[] = "ai_relay_response_head_seconds";
    cmx_exposition_family(&to->text, to->style->duration, "histogram",
                          "Chats from accepted until their end.");
    each_model(to, write_total);
    cmx_exposition_family(&to->text, to->style->first_token, "histogram",
                          "Streamed chats from sent until the first token.");
    each_model(to, write_first_token);
    cmx_exposition_family(&to->text, to->style->per_token, "histogram",
                          "Between two tokens of a streamed chat, its mean.");
    each_model(to, write_per_token);
    if (to->client->figures != NULL) {
        cmx_exposition_family(&to->text, head, "histogram",
                              "Attempts from sent until the response head.");
        write_times(to, NULL, head, &to->client->figures->head);
    }
}

static void write_count(writer *to, const cmx_meter_row *row, const char *type, uint64_t count)
{
    begin_model(to, row, "ai_relay_tokens_total", "");
    add_name(to, "type", type);
    cmx_exposition_value(&to->text, count, 0);
}

static void write_counts(writer *to, const cmx_meter_row *row)
{
    write_count(to, row, "prompt", row->prompt_tokens);
    write_count(to, row, "cached", row->cached_tokens);
    write_count(to, row, "completion", row->completion_tokens);
    write_count(to, row, "reasoning", row->reasoning_tokens);
}

static void begin_usage(writer *to, const cmx_meter_row *row, const char *suffix, const char *type)
{
    begin_model(to, row, "gen_ai_client_token_usage", suffix);
    add_name(to, "gen_ai_token_type", type);
}

static void write_usage_type(writer *to, const cmx_meter_row *row, const char *type,
                             const cmx_meter_tokens *tokens, uint64_t sum)
{
    uint8_t digits[CMX_NUMBER_BYTES_MAX];
    uint64_t count = 0;
    uint64_t bound = 1;
    for (size_t i = 0; i < CMX_METER_TOKEN_BOUNDS; i++, bound *= TOKEN_FACTOR) {
        count += tokens->counts[i];
        begin_usage(to, row, "_bucket", type);
        size_t len = cmx_number_write(digits, bound);
        cmx_exposition_label(&to->text, "le", (cmx_view){digits, len});
        cmx_exposition_value(&to->text, count, 0);
    }
    count += tokens->counts[CMX_METER_TOKEN_BOUNDS];
    begin_usage(to, row, "_bucket", type);
    cmx_exposition_label(&to->text, "le", CMX_VIEW_LITERAL("+Inf"));
    cmx_exposition_value(&to->text, count, 0);
    begin_usage(to, row, "_sum", type);
    cmx_exposition_value(&to->text, sum, 0);
    begin_usage(to, row, "_count", type);
    cmx_exposition_value(&to->text, count, 0);
}

static void write_usage(writer *to, const cmx_meter_row *row)
{
    write_usage_type(to, row, "input", &row->inputs, row->prompt_tokens);
    write_usage_type(to, row, "output", &row->outputs, row->completion_tokens);
}

static void write_tokens(writer *to)
{
    cmx_exposition_family(&to->text, "ai_relay_tokens_total", "counter",
                          "Tokens that servers counted; cached ones are part of prompt, reasoning "
                          "of completion.");
    each_model(to, write_counts);
    if (to->style->is_gen_ai) {
        cmx_exposition_family(&to->text, "gen_ai_client_token_usage", "histogram",
                              "Tokens of an attempt that servers counted.");
        each_model(to, write_usage);
    }
}

/* ---- money ---- */

static void write_amount(writer *to, const cmx_meter_row *row, uint32_t origin, const char *kind,
                         uint64_t amount)
{
    uint8_t digits[CMX_NUMBER_BYTES_MAX];
    if (amount == 0) {
        return; /* most models are served by one origin */
    }
    size_t len = cmx_number_write(digits, cmx_origins_id(&to->client->pool, origin));
    begin_model(to, row, "ai_relay_cost_dollars_total", "");
    cmx_exposition_label(&to->text, "origin", (cmx_view){digits, len});
    add_name(to, "kind", kind);
    cmx_exposition_value(&to->text, amount, PICO_DIGITS);
}

static void write_costs(writer *to, const cmx_meter_row *row)
{
    const cmx_pool_tables *tables = &to->client->pool.tables;
    for (uint32_t i = 0; i < tables->origin_count; i++) {
        if (tables->origins[i].in_use) {
            const cmx_spending *spending = cmx_meter_spending(&to->client->meter, row, i);
            write_amount(to, row, i, "billed", spending->billed);
            write_amount(to, row, i, "estimated", spending->estimated);
        }
    }
}

static void write_spent(writer *to, const char *kind, uint64_t amount)
{
    cmx_exposition_sample(&to->text, "ai_relay_spent_dollars_total", "");
    add_name(to, "kind", kind);
    cmx_exposition_value(&to->text, amount, PICO_DIGITS);
}

static void write_money(writer *to)
{
    static const char unpriced[] = "ai_relay_chats_unpriced_total";
    static const char overflow[] = "ai_relay_cost_overflow";
    const cmx_spending *spending = &to->stats.spending;
    cmx_exposition_family(&to->text, "ai_relay_cost_dollars_total", "counter",
                          "What chats cost by model and origin, as long as it is in use.");
    each_model(to, write_costs);
    cmx_exposition_family(&to->text, "ai_relay_spent_dollars_total", "counter",
                          "What all chats cost: billed by usage or server, or estimated.");
    write_spent(to, "billed", spending->billed);
    write_spent(to, "estimated", spending->estimated);
    cmx_exposition_family(&to->text, unpriced, "counter",
                          "Attempts that cost something and whose model has no price.");
    cmx_exposition_sample(&to->text, unpriced, "");
    cmx_exposition_value(&to->text, spending->unpriced, 0);
    cmx_exposition_family(&to->text, overflow, "gauge", "1 = an amount did not fit a sum.");
    cmx_exposition_sample(&to->text, overflow, "");
    cmx_exposition_value(&to->text, spending->overflow ? 1 : 0, 0);
}

int cmx_client_metrics(const cmx_client *client, enum cmx_metrics_names names, char *buffer,
                       size_t capacity, size_t *len)
{
    /* The value comes from the caller: it may be anything. */
    bool is_gen_ai = names == CMX_METRICS_GEN_AI;
    writer to = {
        .client = client,
        .style = &styles[is_gen_ai ? CMX_METRICS_GEN_AI : CMX_METRICS_RELAY],
    };
    cmx_exposition_init(&to.text, buffer, capacity);
    cmx_client_stats(client, &to.stats);
    write_requests(&to);
    write_histograms(&to);
    write_tokens(&to);
    write_money(&to);
    write_pool(&to);
    write_retries(&to);
    write_queue(&to);
    write_figures(&to);
    *len = to.text.len;
    if (to.text.len < capacity) {
        buffer[to.text.len] = '\0';
        return CMX_OK;
    }
    if (capacity > 0) {
        buffer[0] = '\0'; /* half of it would be read as all */
    }
    return CMX_ERR_BUFFER_SMALL;
}
