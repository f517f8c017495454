/* SPDX-License-Identifier: MIT */
/*
 * Chats of every kind that costs something or does not, over three relays, and what the client says
 * they cost: a line of JSON for each DONE event, then one with the sums, for real/real_money.py to
 * hold against what the relays wrote down. Prices are those of the script's table.
 * usage: money CHATS URL URL URL METRICS_FILE [PRICES: MODEL=INPUT,CACHED,OUTPUT]...
 */
#include "common.h"

#include <inttypes.h>

enum { ORIGINS = 3, IN_FLIGHT = 64, METRICS_BYTES = 256 * 1024, CANCEL_AFTER = 2 };

/* What is asked of the first two relays in turn; the third one is asked for "twice" alone. */
typedef struct kind {
    const char *model;
    bool is_stream;
    bool wants_usage;
    bool is_cancelled;
    bool is_third; /* asks the third relay */
} kind;

static const kind kinds[] = {
    {"gpt-4.1", true, true, false, false},
    {"claude-sonnet-4.5", false, true, false, false},
    {"gemini-2.5-flash", true, true, false, false},
    {"no-price", true, true, false, false},
    {"fault-truncate", true, true, false, false},
    {"fault-reset", true, true, false, false},
    {"fault-inband", true, true, false, false},
    {"fault-429-once", true, true, false, false},
    {"fault-500", true, true, false, false},
    {"fault-flap", true, true, false, false},
    {"fault-reset-head", true, true, false, false},
    {"fault-refuse-once", true, true, false, false},
    {"fault-empty", true, true, false, false},
    {"quiet", true, false, false, false},
    {"fault-stall", true, true, true, false},
    {"twice", true, true, false, true},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct one {
    const kind *kind;
    cmx_origin_id origin;
    uint32_t deltas;
    bool used;
    char answer[16384];
} one;

static one chats[IN_FLIGHT];
static cmx_origin_id origins[ORIGINS];
static char metrics[METRICS_BYTES];

static void set_price(cmx_client *client, char *argument)
{
    char *equals = strchr(argument, '=');
    cmx_price price = {.model = argument};
    const char *bad_field = NULL;
    REQUIRE(equals != NULL);
    *equals = '\0';
    REQUIRE(sscanf(equals + 1, "%" SCNu64 ",%" SCNu64 ",%" SCNu64, &price.input,
                   &price.cached_input, &price.output) == 3);
    REQUIRE(cmx_client_set_price(client, &price, &bad_field) == CMX_OK);
    REQUIRE(bad_field == NULL);
}

static void start(cmx_client *client, uint32_t number)
{
    one *chat = chats;
    while (chat->used) {
        chat++;
        REQUIRE(chat < chats + IN_FLIGHT);
    }
    *chat = (one){.kind = &kinds[number % KINDS], .used = true};
    chat->origin = origins[chat->kind->is_third ? 2 : number / KINDS % 2];
    cmx_chat wanted = common_chat(chat->origin, chat->kind->model);
    wanted.stream = chat->kind->is_stream;
    wanted.include_usage = chat->kind->wants_usage;
    wanted.limits.attempts_max = 3;
    wanted.user = chat;
    if (!wanted.stream) {
        wanted.answer = chat->answer;
        wanted.answer_bytes = sizeof chat->answer;
    }
    cmx_id id = 0;
    REQUIRE(cmx_chat_start(client, &wanted, &id, NULL) == CMX_OK);
}

static void print_done(const one *chat, const cmx_done *done)
{
    static const char *const kind_names[] = {
        [CMX_COST_UNKNOWN] = "unknown",   [CMX_COST_PRICED] = "priced",
        [CMX_COST_BILLED] = "billed",     [CMX_COST_ESTIMATED] = "estimated",
        [CMX_COST_OVERFLOW] = "overflow",
    };
    REQUIRE(done->origin == chat->origin);
    REQUIRE(done->verdict == CMX_VERDICT_CANCELLED ||
            (done->asked_model.len == strlen(chat->kind->model) &&
             memcmp(done->asked_model.data, chat->kind->model, done->asked_model.len) == 0));
    printf("{\"model\":\"%s\",\"origin\":%u,\"verdict\":\"%s\",\"attempts\":%u,\"replays\":%u,"
           "\"bytes\":%" PRIu64 ",\"deltas\":%" PRIu64 ",\"usage\":%s,\"kind\":\"%s\","
           "\"amount\":%" PRIu64 "}\n",
           chat->kind->model, (unsigned)chat->origin, cmx_verdict_name(done->verdict),
           (unsigned)done->attempts, (unsigned)done->replays, done->bytes, done->deltas,
           done->has_usage ? "true" : "false", kind_names[done->cost.kind], done->cost.amount);
}

static void print_spending(const char *name, const cmx_spending *spending)
{
    printf("\"%s\":{\"billed\":%" PRIu64 ",\"estimated\":%" PRIu64 ",\"unpriced\":%" PRIu64
           ",\"overflow\":%s}",
           name, spending->billed, spending->estimated, spending->unpriced,
           spending->overflow ? "true" : "false");
}

static void print_row(const cmx_client *client, uint32_t row, const cmx_model_stats *stats)
{
    printf(",\"%.*s\":{\"retries\":%" PRIu64 ",\"prompt\":%" PRIu64 ",\"cached\":%" PRIu64
           ",\"completion\":%" PRIu64 ",\"reasoning\":%" PRIu64 ",",
           (int)stats->model.len, stats->model.data, stats->retries, stats->prompt_tokens,
           stats->cached_tokens, stats->completion_tokens, stats->reasoning_tokens);
    print_spending("all", &stats->spending);
    for (uint32_t i = 0; i < ORIGINS; i++) {
        cmx_spending spending;
        char name[16];
        REQUIRE(cmx_client_model_spending(client, row, origins[i], &spending) == CMX_OK);
        (void)snprintf(name, sizeof name, "%u", (unsigned)origins[i]);
        printf(",");
        print_spending(name, &spending);
    }
    printf("}");
}

static void print_sums(const cmx_client *client, const cmx_config *config)
{
    cmx_stats stats;
    cmx_spending spending;
    cmx_client_stats(client, &stats);
    cmx_client_spending(client, &spending);
    REQUIRE(memcmp(&spending.billed, &stats.spending.billed, sizeof spending.billed) == 0);
    printf("{\"done\":%" PRIu64 ",", stats.done);
    print_spending("sum", &spending);
    for (uint32_t i = 0; i < config->models_max; i++) {
        cmx_model_stats row;
        if (cmx_client_model_stats(client, i, &row) == CMX_OK) {
            print_row(client, i, &row);
        }
    }
    printf("}\n");
}

static void write_metrics(const cmx_client *client, const char *path)
{
    size_t len = 0;
    size_t needed = 0;
    REQUIRE(cmx_client_metrics(client, CMX_METRICS_RELAY, NULL, 0, &needed) ==
            CMX_ERR_BUFFER_SMALL);
    REQUIRE(needed < sizeof metrics);
    REQUIRE(cmx_client_metrics(client, CMX_METRICS_RELAY, metrics, needed + 1, &len) == CMX_OK);
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL && fwrite(metrics, 1, len, file) == len && fclose(file) == 0);
}

int main(int argc, char **argv)
{
    REQUIRE(argc >= 6);
    uint32_t count = (uint32_t)strtoul(argv[1], NULL, 10);
    cmx_config config;
    fence memory;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.models_max = 32;
    config.retry_base_ms = 1;
    config.retry_max_ms = 5;
    config.retry_budget_percent = 100;
    config.dial_backoff_ms = 10;
    cmx_client *client = common_client(&config, &memory);
    for (uint32_t i = 0; i < ORIGINS; i++) {
        origins[i] = common_origin(client, argv[2 + i], NULL);
    }
    for (int i = 6; i < argc; i++) {
        set_price(client, argv[i]);
    }
    uint32_t started = 0;
    uint32_t done = 0;
    while (done < count) {
        while (started < count && started - done < IN_FLIGHT) {
            start(client, started++);
        }
        cmx_event event;
        REQUIRE(cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK);
        one *chat = event.user;
        if (event.kind == CMX_EVENT_DELTA && chat->kind->is_cancelled &&
            ++chat->deltas == CANCEL_AFTER) {
            REQUIRE(cmx_client_cancel(client, event.id) == CMX_OK);
        } else if (event.kind == CMX_EVENT_DONE) {
            print_done(chat, &event.done);
            chat->used = false;
            done++;
        }
    }
    print_sums(client, &config);
    write_metrics(client, argv[5]);
    common_end(client, &memory);
    return 0;
}
