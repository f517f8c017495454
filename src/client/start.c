/* SPDX-License-Identifier: MIT */
/*
 * Starting and cancelling: the caller's struct is checked and copied into a slot, which then waits
 * in the pool's queue. No input or output happens here.
 */
#include "base/field.h"
#include "base/words.h"
#include "client/attempt.h"
#include "client/finish.h"
#include "client/target.h"
#include "client/transfer.h"
#include "client/turn.h"
#include "client/warn.h"
#include "pool/origins.h"

enum {
    CONTENT_TYPE_BYTES_MAX = 128,
    BYTES_PER_TOKEN = 4,  /* of a body, estimated */
    TOKENS_UNSAID = 256,  /* of an answer whose request sets no limit, estimated */
    TIMEOUT_MS_MIN = 100, /* ranges as in the configuration */
    TIMEOUT_MS_MAX = 3600000,
    TOTAL_MS_MAX = 86400000,
    ATTEMPTS_MAX = 10,
};

static const char chat_path[] = "/chat/completions";
static const char type_json[] = "application/json";
static const char type_events[] = "text/event-stream";

void cmx_chat_default(cmx_chat *chat)
{
    memset(chat, 0, sizeof *chat);
    chat->stream = true;
    chat->include_usage = true;
    chat->temperature_milli = CMX_UNSET;
    chat->top_p_milli = CMX_UNSET;
    chat->max_tokens = CMX_UNSET;
    chat->max_completion_tokens = CMX_UNSET;
    chat->choices = CMX_UNSET;
}

void cmx_request_default(cmx_request *request)
{
    memset(request, 0, sizeof *request);
}

static int fail(const char **bad_field, const char *field, int status)
{
    *bad_field = field;
    return status;
}

static int check_limits(const cmx_time_limits *limits, const char **bad_field)
{
    if ((limits->queue_timeout_ms | limits->head_timeout_ms | limits->first_token_timeout_ms |
         limits->progress_timeout_ms | limits->total_timeout_ms | limits->attempts_max) == 0) {
        return CMX_OK; /* most requests set none */
    }
    static const uint8_t mins[] = {TIMEOUT_MS_MIN, TIMEOUT_MS_MIN, TIMEOUT_MS_MIN,
                                   TIMEOUT_MS_MIN, TIMEOUT_MS_MIN, 1};
    static const uint32_t maxs[] = {TIMEOUT_MS_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MAX,
                                    TIMEOUT_MS_MAX, TOTAL_MS_MAX,   ATTEMPTS_MAX};
    const char *fields = "limits.queue_timeout_ms\0limits.head_timeout_ms\0"
                         "limits.first_token_timeout_ms\0limits.progress_timeout_ms\0"
                         "limits.total_timeout_ms\0limits.attempts_max";
    uint32_t values[CMX_ARRAY_LEN(maxs)];
    _Static_assert(sizeof values == sizeof *limits, "all of them, in their order");
    memcpy(values, limits, sizeof values);
    for (size_t i = 0; i < CMX_ARRAY_LEN(maxs); i++) {
        if (values[i] != 0 && (values[i] < mins[i] || values[i] > maxs[i])) {
            return fail(bad_field, cmx_words_at(fields, i), CMX_ERR_ARGUMENT);
        }
    }
    return CMX_OK;
}

/* Readies the call of the slot that submit() will take.
 *
 * Returns CMX_OK, CMX_ERR_ARGUMENT, or CMX_ERR_BUSY (as many as configured are live; the table has
 * one slot more, for the DONE event that is lent meanwhile). */
static int prepare(cmx_client *client, const cmx_time_limits *limits, void *user, uint16_t *out,
                   const char **bad_field)
{
    int rc = check_limits(limits, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    if (client->draining) {
        return fail(bad_field, "drain", CMX_ERR_BUSY);
    }
    if (client->live == client->config.requests_max) {
        return fail(bad_field, "requests_max", CMX_ERR_BUSY);
    }
    uint16_t index = client->pool.slots.free.first;
    CMX_ASSERT(index != CMX_SLOT_NONE);
    cmx_state_read_clock(client);
    cmx_call *call = &client->calls[index];
    cmx_call_init(call, user, client->now_ms);
    call->attempts_max = (uint8_t)limits->attempts_max;
    _Static_assert(offsetof(cmx_time_limits, attempts_max) == sizeof call->limits, "the rest");
    memcpy(&call->limits, limits, sizeof call->limits);
    *out = index;
    return CMX_OK;
}

/* What a server will charge at once: a quarter of the body's bytes, and for each choice as many
 * tokens as it may have. What it really was is settled when the answer tells it. */
static uint32_t estimate_tokens(uint64_t body_bytes, const cmx_chat *chat)
{
    uint64_t tokens = (body_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    if (chat != NULL) {
        uint64_t most = chat->max_completion_tokens;
        most = most == CMX_UNSET ? chat->max_tokens : most;
        most = most == CMX_UNSET ? TOKENS_UNSAID : most;
        tokens += most * (chat->choices == CMX_UNSET ? 1 : chat->choices);
    }
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

/* Returns whether there was one. */
static bool end_oldest(cmx_client *client, uint32_t origin)
{
    uint16_t oldest = cmx_turn_oldest(client, origin);
    if (oldest == CMX_SLOT_NONE) {
        return false;
    }
    cmx_finish_abort(client, oldest, CMX_ERR_BUSY);
    return true;
}

/* Asks the limiter of the origin whether it lets the request wait at all. */
static int ask_limiter(cmx_client *client, uint32_t origin, uint32_t cost, const char **bad_field)
{
    if (!cmx_turn_fits(client, origin, cost)) {
        return fail(bad_field, "tokens_per_min", CMX_ERR_RATE);
    }
    switch (cmx_turn_ask(client, origin, cost)) {
    case CMX_LIMITER_ACCEPT:
        return CMX_OK;
    case CMX_LIMITER_DROP_OLDEST:
        (void)end_oldest(client, origin);
        return CMX_OK;
    case CMX_LIMITER_REFUSE:
        return fail(bad_field, "high_water", CMX_ERR_BUSY);
    case CMX_LIMITER_REFUSE_ALL:
        while (end_oldest(client, origin)) {
            /* each time one less */
        }
        return fail(bad_field, "high_water", CMX_ERR_BUSY);
    }
    CMX_UNREACHABLE();
}

/* The caller has checked the id. */
static cmx_id submit(cmx_client *client, uint16_t index, uint32_t origin, cmx_slot_request *request)
{
    const cmx_source *source = &client->calls[index].source;
    request->source = source->length > 0 ? source : NULL;
    uint16_t taken = cmx_pool_submit(&client->pool, origin, request);
    CMX_ASSERT(taken == index);
    (void)taken;
    client->live++;
    client->stats.requests++;
    cmx_retry_budget_deposit(&client->lanes[origin].budget);
    cmx_turn_take(client, index, false);
    return cmx_slot_handle(&client->pool.slots, index);
}

/* Finds a target whose origin takes the call; that they all cool down is no reason to refuse it. */
static int find_target(cmx_client *client, uint16_t index, enum cmx_tier tier, uint32_t *origin,
                       const char **bad_field)
{
    int rc = cmx_target_begin(client, index, tier);
    if (rc < 0) {
        return fail(bad_field, rc == CMX_ERR_RATE ? "tokens_per_min" : "model", rc);
    }
    bool is_chosen = rc == CMX_OK;
    do {
        *origin = cmx_target_origin(client, index);
        rc =
            is_chosen ? ask_limiter(client, *origin, client->calls[index].cost, bad_field) : CMX_OK;
    } while (rc != CMX_OK && cmx_target_begin_other(client, index));
    return rc;
}

/* Finds the origin of a chat, or its target. */
static int find_origin(cmx_client *client, uint16_t index, const cmx_chat *chat, uint32_t *origin,
                       const char **bad_field)
{
    if (chat->model == NULL) {
        return find_target(client, index, chat->tier, origin, bad_field);
    }
    cmx_target_begin_unrouted(client, index);
    return ask_limiter(client, *origin, client->calls[index].cost, bad_field);
}

int cmx_chat_check(const cmx_chat *chat, cmx_chat_fault *fault)
{
    cmx_body body;
    return cmx_body_init(&body, chat, fault);
}

int cmx_chat_start(cmx_client *client, const cmx_chat *chat, cmx_id *id, const char **bad_field)
{
    const char *ignored = NULL;
    bad_field = bad_field != NULL ? bad_field : &ignored;
    uint32_t origin = cmx_origins_find_open(&client->pool, chat->origin);
    if (chat->model != NULL && origin == CMX_ORIGINS_NONE) {
        return fail(bad_field, "origin", CMX_ERR_ARGUMENT);
    }
    if (chat->model == NULL && (unsigned)chat->tier > CMX_TIER_HIGH) {
        return fail(bad_field, "tier", CMX_ERR_ARGUMENT);
    }
    uint16_t index = CMX_SLOT_NONE;
    int rc = prepare(client, &chat->limits, chat->user, &index, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_call *call = &client->calls[index];
    call->is_chat = true;
    cmx_chat_fault fault;
    rc = cmx_body_init(&call->body, chat, &fault);
    if (rc != CMX_OK) {
        return fail(bad_field, fault.field, rc);
    }
    if (client->warn.budget_stops && cmx_warn_is_spent(client)) {
        return fail(bad_field, "budget", CMX_ERR_BUDGET);
    }
    call->cost = estimate_tokens(call->body.length, chat);
    rc = find_origin(client, index, chat, &origin, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    call->room = chat->answer;
    call->room_bytes = chat->answer == NULL ? 0 : chat->answer_bytes;
    call->source = (cmx_source){.read = cmx_body_read,
                                .rewind = cmx_body_rewind,
                                .ctx = &call->body,
                                .length = call->body.length};
    cmx_attempt_begin_answer(client, index);

    cmx_slot_request request = {
        .method = "POST",
        .path = chat_path,
        .accept = chat->stream ? type_events : type_json,
        .content_type = type_json,
    };
    *id = submit(client, index, origin, &request);
    return fail(bad_field, NULL, CMX_OK);
}

/* Returns the method's name, or NULL: the caller's value is not of the enum. */
static const char *method_name(enum cmx_method method)
{
    switch (method) {
    case CMX_METHOD_GET:
        return "GET";
    case CMX_METHOD_POST:
        return "POST";
    case CMX_METHOD_DELETE:
        return "DELETE";
    }
    return NULL;
}

static int check_request(const cmx_request *request, cmx_slot_request *out, const char **bad_field)
{
    out->method = method_name(request->method);
    if (out->method == NULL) {
        return fail(bad_field, "method", CMX_ERR_ARGUMENT);
    }
    if (!cmx_url_path_ok(request->path) || strlen(request->path) > CMX_POOL_PATH_BYTES_MAX) {
        return fail(bad_field, "path", CMX_ERR_ARGUMENT);
    }
    if (request->body == NULL && request->body_len > 0) {
        return fail(bad_field, "body", CMX_ERR_ARGUMENT);
    }
    out->path = request->path;
    if (request->body_len > 0) {
        out->content_type = request->content_type != NULL ? request->content_type : type_json;
        cmx_view type = cmx_view_text(out->content_type);
        if (type.len > CONTENT_TYPE_BYTES_MAX || !cmx_field_value_ok(type)) {
            return fail(bad_field, "content_type", CMX_ERR_HEADER);
        }
    }
    return CMX_OK;
}

int cmx_request_start(cmx_client *client, const cmx_request *request, cmx_id *id,
                      const char **bad_field)
{
    const char *ignored = NULL;
    bad_field = bad_field != NULL ? bad_field : &ignored;
    uint32_t origin = cmx_origins_find_open(&client->pool, request->origin);
    if (origin == CMX_ORIGINS_NONE) {
        return fail(bad_field, "origin", CMX_ERR_ARGUMENT);
    }
    cmx_slot_request wire = {.accept = type_json};
    int rc = check_request(request, &wire, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    uint16_t index = CMX_SLOT_NONE;
    rc = prepare(client, &request->limits, request->user, &index, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_call *call = &client->calls[index];
    call->cost = estimate_tokens(request->body_len, NULL);
    rc = ask_limiter(client, origin, call->cost, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_target_begin_unrouted(client, index);
    cmx_call_set_bytes(call, request->body, request->body_len);
    *id = submit(client, index, origin, &wire);
    return fail(bad_field, NULL, CMX_OK);
}

int cmx_client_cancel(cmx_client *client, cmx_id id)
{
    cmx_transfer_end_lending(client);
    uint16_t index = cmx_slot_find(&client->pool.slots, id);
    if (index == CMX_SLOT_NONE) {
        return CMX_ERR_HANDLE;
    }
    cmx_finish_abort(client, index, CMX_ERR_CANCELLED);
    return CMX_OK;
}
