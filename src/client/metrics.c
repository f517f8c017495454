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

enum {
    NAME_BYTES_MAX = 64,
    MILLI_DIGITS = 3,
    MICRO_DIGITS = 6,
    PICO_DIGITS = 12,
    TIME_FACTOR = 2, /* from bound to bound */
    TOKEN_FACTOR = 4,
};

/* ---- families ---- */

#define COUNTER(name, help) "c" name "\0" help "\0"
#define DOLLARS(name, help) "d" name "\0" help "\0" /* a counter of picodollars */
#define GAUGE(name, help) "g" name "\0" help "\0"
#define HISTOGRAM(name, open, help) "h" name "\0" help "\0" open "\0"

/* Every family in the order in which they are written: letter of its type, name without prefix,
 * help. A histogram has the name that OpenTelemetry gives it, too, empty = none. They follow each
 * other without pointers, which would take as much room as half of the names. */
static const char families[] = COUNTER(
    "requests_total",
    "Requests that ended, by verdict; plain "
    "ones have no model.") HISTOGRAM("request_duration_seconds", "operation_duration_seconds",
                                     "Chats from accepted until their end.")
    HISTOGRAM("time_to_first_token_seconds", "operation_time_to_first_chunk_seconds",
              "Streamed chats from sent until the first token.")
        HISTOGRAM("time_per_output_token_seconds", "operation_time_per_output_chunk_seconds",
                  "Between two tokens of a streamed chat, its mean.")
            HISTOGRAM("response_head_seconds", "", "Attempts from sent until the response head.")
                COUNTER("tokens_total", "Tokens that servers counted; cached ones are part of "
                                        "prompt, reasoning of completion.")
                    HISTOGRAM("", "token_usage", "Tokens of an attempt that servers counted.")
                        DOLLARS("cost_dollars_total",
                                "What chats cost by model and origin, as long as it is in use.")
                            DOLLARS("spent_dollars_total",
                                    "What all chats cost: billed by usage or server, or estimated.")
                                COUNTER(
                                    "chats_unpriced_total",
                                    "Attempts that cost something and whose model has no price.")
                                    GAUGE("cost_overflow", "1 = an amount did not fit a sum.")
                                        GAUGE("connection_pool_size",
                                              "Connections now by state; error counts origins that "
                                              "cannot be reached.")
                                            COUNTER("retry_attempts_total",
                                                    "Attempts that were followed by another.")
                                                GAUGE("queue_size",
                                                      "Requests that wait now, by what for.")
    /* From here on as in `figures`. */
    COUNTER("requests_accepted_total", "Chats and plain requests that were accepted.") GAUGE(
        "streams", "Requests on a connection now.") GAUGE("requests_paused",
                                                          "Requests whose answer is paused now.")
        GAUGE("requests_done_per_minute", "Requests that ended in the last minute.")
            COUNTER("connections_opened_total", "Sockets that were opened.") COUNTER(
                "connections_dead_total", "Connections that stopped answering or taking bytes.")
                COUNTER("tls_handshakes_total", "TLS handshakes that succeeded.") COUNTER(
                    "pings_total", "PING frames sent.") COUNTER("received_bytes_total",
                                                                "Bytes from sockets, TLS included.")
                    COUNTER("sent_bytes_total", "Bytes to sockets, TLS included.") COUNTER(
                        "events_malformed_total", "Events skipped because they were not JSON.")
                        COUNTER("events_skipped_total",
                                "Events skipped because they were too large or no buffer was free.")
                            COUNTER("event_buffers_refused_total",
                                    "Times that no assembly buffer was free.")
                                GAUGE("event_buffers_peak", "Most assembly buffers ever in use.")
                                    GAUGE("memory_bytes",
                                          "Bytes of the block in which everything lies.")
                                        GAUGE("library_memory_bytes",
                                              "Bytes of it now in use by HTTP/2 and TLS.")
                                            GAUGE("library_memory_peak_bytes",
                                                  "Most of them ever in use.")
                                                GAUGE("library_memory_capacity_bytes",
                                                      "Bytes reserved for them.");

typedef struct writer {
    cmx_exposition text;
    const cmx_client *client;
    const char *next; /* of `families` */
    size_t times;     /* where the histogram lies in a row of the meter: see write_row_times() */
    bool is_gen_ai;
    uint8_t decimals;          /* of the values of the family that is being written */
    char name[NAME_BYTES_MAX]; /* of this family, with prefix */
    cmx_stats stats;
} writer;

static const char *take_word(writer *to)
{
    const char *word = to->next;
    to->next += strlen(word) + 1;
    return word;
}

static const char *type_name(char letter)
{
    if (letter == 'g') {
        return "gauge";
    }
    return letter == 'h' ? "histogram" : "counter";
}

/* Begins the next family, or passes it by. */
static void next_family(writer *to, bool is_written)
{
    char type = *to->next++;
    const char *prefix = "ai_relay_";
    const char *name = take_word(to);
    const char *help = take_word(to);
    const char *open = type == 'h' ? take_word(to) : "";
    if (to->is_gen_ai && *open != '\0') {
        prefix = "gen_ai_client_";
        name = open;
    }
    size_t prefix_len = strlen(prefix);
    memcpy(to->name, prefix, prefix_len);
    memcpy(to->name + prefix_len, name, strlen(name) + 1);
    to->decimals = type == 'd' ? PICO_DIGITS : 0;
    if (is_written) {
        cmx_exposition_family(&to->text, to->name, type_name(type), help);
    }
}

/* ---- samples ---- */

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

static void add_model(writer *to, const char *model, size_t len)
{
    cmx_exposition_label(&to->text, to->is_gen_ai ? "gen_ai_request_model" : "model",
                         (cmx_view){(const uint8_t *)model, len});
}

/* Begins a sample of the family. `row` NULL = of no model. */
static void begin(writer *to, const cmx_meter_row *row, const char *suffix)
{
    cmx_exposition_sample(&to->text, to->name, suffix);
    if (row != NULL) {
        if (to->is_gen_ai) {
            add_name(to, "gen_ai_operation_name", "chat");
        }
        add_model(to, row->model, row->model_len);
    }
}

static void end(writer *to, uint64_t value)
{
    cmx_exposition_value(&to->text, value, to->decimals);
}

/* A family of one sample. */
static void write_single(writer *to, uint64_t value)
{
    next_family(to, true);
    begin(to, NULL, "");
    end(to, value);
}

/* Where a member of cmx_stats or of a row of the meter lies, and in the bit that is always free
 * there whether it is one of 64 bits. */
typedef uint16_t figure;

enum { IS_WIDE = 1 };

#define NARROW(member) offsetof(cmx_stats, member)
#define WIDE(member) (offsetof(cmx_stats, member) | IS_WIDE)
#define OF_ROW(member) (offsetof(cmx_meter_row, member) | IS_WIDE)

static uint64_t figure_value(const void *base, figure one)
{
    const uint8_t *at = (const uint8_t *)base + (one & ~IS_WIDE);
    uint32_t narrow = 0;
    uint64_t wide = 0;
    if ((one & IS_WIDE) != 0) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
}

/* Writes a sample for each figure, of a row or of cmx_stats; `names` follow each other, the last
 * is empty. */
static void write_each(writer *to, const cmx_meter_row *row, const char *label, const char *names,
                       const figure *figures)
{
    const void *base = row != NULL ? (const void *)row : &to->stats;
    for (; *names != '\0'; names += strlen(names) + 1) {
        begin(to, row, "");
        add_name(to, label, names);
        end(to, figure_value(base, *figures++));
    }
}

/* A family of figures of cmx_stats. */
static void write_states(writer *to, const char *label, const char *names, const figure *figures)
{
    next_family(to, true);
    write_each(to, NULL, label, names, figures);
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

static void write_verdicts(writer *to, const char *model, size_t len, const uint64_t *verdicts)
{
    for (size_t i = 0; i < CMX_VERDICT_COUNT; i++) {
        begin(to, NULL, "");
        add_model(to, model, len);
        add_name(to, "status", cmx_verdict_name((enum cmx_verdict)i));
        end(to, verdicts[i]);
    }
}

static void write_chats(writer *to, const cmx_meter_row *row)
{
    write_verdicts(to, row->model, row->model_len, row->verdicts);
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
    next_family(to, true);
    write_verdicts(to, "", 0, plain);
    each_model(to, write_chats);
}

/* ---- histograms ---- */

/* Begins a sample of a histogram. `type` is of tokens; NULL = it is one of times. */
static void begin_part(writer *to, const cmx_meter_row *row, const char *type, const char *suffix)
{
    begin(to, row, suffix);
    if (type != NULL) {
        add_name(to, "gen_ai_token_type", type);
    }
}

/* Writes a histogram of times or tokens.
 *
 * within  how many were at most each bound, and last how many there were */
static void write_histogram(writer *to, const cmx_meter_row *row, const char *type,
                            const uint64_t *within, uint64_t sum)
{
    bool is_time = type == NULL;
    uint32_t bounds = is_time ? CMX_HISTOGRAM_BOUNDS : CMX_METER_TOKEN_BOUNDS;
    uint32_t bound = is_time ? CMX_HISTOGRAM_BOUND_MS : 1;
    for (uint32_t i = 0; i <= bounds; i++) {
        uint8_t digits[CMX_NUMBER_BYTES_MAX];
        cmx_view le = CMX_VIEW_LITERAL("+Inf");
        if (i < bounds) {
            le.data = digits;
            le.len = cmx_number_write_decimal(digits, bound, is_time ? MILLI_DIGITS : 0);
        }
        begin_part(to, row, type, "_bucket");
        cmx_exposition_label(&to->text, "le", le);
        end(to, within[i]);
        bound *= is_time ? TIME_FACTOR : TOKEN_FACTOR;
    }
    begin_part(to, row, type, "_sum");
    cmx_exposition_value(&to->text, sum, is_time ? MICRO_DIGITS : 0);
    begin_part(to, row, type, "_count");
    end(to, within[bounds]);
}

static void write_times(writer *to, const cmx_meter_row *row, const cmx_histogram *histogram)
{
    uint64_t within[CMX_HISTOGRAM_BOUNDS + 1];
    for (uint32_t i = 0; i < CMX_HISTOGRAM_BOUNDS; i++) {
        within[i] = cmx_histogram_count_within(histogram, i);
    }
    within[CMX_HISTOGRAM_BOUNDS] = histogram->count;
    write_histogram(to, row, NULL, within, histogram->sum_us);
}

static void write_row_times(writer *to, const cmx_meter_row *row)
{
    write_times(to, row, (const void *)((const uint8_t *)row + to->times));
}

static void write_all_times(writer *to, size_t offset)
{
    next_family(to, true);
    to->times = offset;
    each_model(to, write_row_times);
}

static void write_histograms(writer *to)
{
    const cmx_figures *all = to->client->figures;
    write_all_times(to, offsetof(cmx_meter_row, total));
    write_all_times(to, offsetof(cmx_meter_row, first_token));
    write_all_times(to, offsetof(cmx_meter_row, per_token));
    next_family(to, all != NULL);
    if (all != NULL) {
        write_times(to, NULL, &all->head);
    }
}

/* ---- tokens ---- */

static void write_counts(writer *to, const cmx_meter_row *row)
{
    static const figure counts[] = {
        OF_ROW(prompt_tokens),
        OF_ROW(cached_tokens),
        OF_ROW(completion_tokens),
        OF_ROW(reasoning_tokens),
    };
    write_each(to, row, "type", "prompt\0cached\0completion\0reasoning\0", counts);
}

static void write_usage_type(writer *to, const cmx_meter_row *row, const char *type,
                             const cmx_meter_tokens *tokens, uint64_t sum)
{
    uint64_t within[CMX_METER_TOKEN_BOUNDS + 1];
    uint64_t count = 0;
    for (size_t i = 0; i < CMX_ARRAY_LEN(within); i++) {
        count += tokens->counts[i];
        within[i] = count;
    }
    write_histogram(to, row, type, within, sum);
}

static void write_usage(writer *to, const cmx_meter_row *row)
{
    write_usage_type(to, row, "input", &row->inputs, row->prompt_tokens);
    write_usage_type(to, row, "output", &row->outputs, row->completion_tokens);
}

static void write_tokens(writer *to)
{
    next_family(to, true);
    each_model(to, write_counts);
    next_family(to, to->is_gen_ai);
    if (to->is_gen_ai) {
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
    begin(to, row, "");
    cmx_exposition_label(&to->text, "origin", (cmx_view){digits, len});
    add_name(to, "kind", kind);
    end(to, amount);
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

static void write_money(writer *to)
{
    static const figure spent[] = {WIDE(spending.billed), WIDE(spending.estimated)};
    next_family(to, true);
    each_model(to, write_costs);
    write_states(to, "kind", "billed\0estimated\0", spent);
    write_single(to, to->stats.spending.unpriced);
    write_single(to, to->stats.spending.overflow);
}

/* ---- the state now, and counters ---- */

static void write_pool(writer *to)
{
    static const figure states[] = {
        NARROW(connections_active),   NARROW(connections_idle), NARROW(connections_opening),
        NARROW(connections_draining), NARROW(origins_failing),
    };
    write_states(to, "state", "active\0idle\0opening\0draining\0error\0", states);
}

static void write_retries(writer *to)
{
    static const figure reasons[] = {
        WIDE(retry_reasons[CMX_RETRY_STATUS]),     WIDE(retry_reasons[CMX_RETRY_RATE_LIMIT]),
        WIDE(retry_reasons[CMX_RETRY_NETWORK]),    WIDE(retry_reasons[CMX_RETRY_REFUSED]),
        WIDE(retry_reasons[CMX_RETRY_NEVER_SENT]), WIDE(retry_reasons[CMX_RETRY_INBAND]),
        WIDE(retry_reasons[CMX_RETRY_SILENT]),
    };
    _Static_assert(CMX_ARRAY_LEN(reasons) == CMX_RETRY_REASON_COUNT - 1, "each has a name");
    write_states(to, "reason", "status\0rate_limit\0network\0refused\0never_sent\0inband\0silent\0",
                 reasons);
}

static void write_queue(writer *to)
{
    next_family(to, true);
    for (size_t i = CMX_WAITING_NOT + 1; i < CMX_WAITING_COUNT; i++) {
        begin(to, NULL, "");
        add_name(to, "reason", cmx_waiting_name((enum cmx_waiting)i));
        end(to, to->stats.waiting[i]);
    }
}

/* Figures without labels: the last families, in their order. */
static void write_figures(writer *to)
{
    static const figure figures[] = {
        WIDE(requests),          NARROW(streams),
        NARROW(paused),          NARROW(done_per_min),
        WIDE(connections_total), WIDE(connections_dead),
        WIDE(handshakes),        WIDE(pings),
        WIDE(bytes_received),    WIDE(bytes_sent),
        WIDE(malformed_events),  WIDE(skipped_events),
        WIDE(buffers_refused),   NARROW(buffers_peak),
        WIDE(memory_bytes),      WIDE(library_bytes),
        WIDE(library_peak),      WIDE(library_capacity),
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(figures); i++) {
        write_single(to, figure_value(&to->stats, figures[i]));
    }
}

static void write_all(writer *to)
{
    write_requests(to);
    write_histograms(to);
    write_tokens(to);
    write_money(to);
    write_pool(to);
    write_retries(to);
    write_queue(to);
    write_figures(to);
}

int cmx_client_metrics(const cmx_client *client, enum cmx_metrics_names names, char *buffer,
                       size_t capacity, size_t *len)
{
    writer to;
    to.client = client;
    to.next = families;
    to.is_gen_ai = names == CMX_METRICS_GEN_AI; /* from the caller: it may be anything */
    cmx_exposition_init(&to.text, buffer, capacity);
    cmx_client_stats(client, &to.stats);
    write_all(&to);
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
