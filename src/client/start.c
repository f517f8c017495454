/* SPDX-License-Identifier: MIT */
/*
 * Starting and cancelling: the caller's struct is checked and copied into a slot, which then waits
 * in the pool's queue. No input or output happens here.
 */
#include "base/field.h"
#include "client/finish.h"
#include "client/state.h"
#include "client/transfer.h"

enum { CONTENT_TYPE_BYTES_MAX = 128 };

#define CHAT_PATH CMX_VIEW_LITERAL("/chat/completions")
#define TYPE_JSON CMX_VIEW_LITERAL("application/json")
#define TYPE_EVENTS CMX_VIEW_LITERAL("text/event-stream")

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
    if (bad_field != NULL) {
        *bad_field = field;
    }
    return status;
}

/* Readies the call of the slot that submit() will take. Returns NULL if as many as configured are
 * live; the table has one slot more, for the DONE event that is lent meanwhile. */
static cmx_call *prepare(cmx_client *client, void *user)
{
    if (client->live == client->config.requests_max) {
        return NULL;
    }
    uint16_t index = client->pool.slots.free.first;
    CMX_ASSERT(index != CMX_SLOT_NONE);
    cmx_state_read_clock(client);
    cmx_call *call = &client->calls[index];
    cmx_call_init(call, user, client->now_ms);
    return call;
}

static cmx_id submit(cmx_client *client, cmx_call *call, cmx_origin_id origin,
                     cmx_slot_request *request)
{
    const cmx_origin_row *row = &client->pool.tables.origins[origin];
    request->path_prefix = cmx_view_text(row->target.url.path);
    request->source = call->source.length > 0 ? &call->source : NULL;
    uint16_t index = cmx_pool_submit(&client->pool, origin, request);
    CMX_ASSERT(&client->calls[index] == call);
    client->live++;
    client->stats.requests++;
    int status = CMX_OK;
    cmx_timerq_arm(&client->timers, &call->timer,
                   cmx_call_due_ms(call, &client->config, 0, &status));
    return cmx_slot_handle(&client->pool.slots, index);
}

int cmx_chat_check(const cmx_chat *chat, cmx_chat_fault *fault)
{
    cmx_body body;
    return cmx_body_init(&body, chat, fault);
}

int cmx_chat_start(cmx_client *client, const cmx_chat *chat, cmx_id *id, const char **bad_field)
{
    if (chat->origin >= client->origins) {
        return fail(bad_field, "origin", CMX_ERR_ARGUMENT);
    }
    cmx_call *call = prepare(client, chat->user);
    if (call == NULL) {
        return fail(bad_field, "requests_max", CMX_ERR_BUSY);
    }
    call->is_chat = true;
    cmx_chat_fault fault;
    int rc = cmx_body_init(&call->body, chat, &fault);
    if (rc != CMX_OK) {
        return fail(bad_field, fault.field, rc);
    }
    call->room = chat->answer;
    call->room_bytes = chat->answer == NULL ? 0 : chat->answer_bytes;
    call->source = (cmx_source){.read = cmx_body_read,
                                .rewind = cmx_body_rewind,
                                .ctx = &call->body,
                                .length = call->body.length};
    cmx_transfer_begin_answer(client, (uint16_t)(call - client->calls));

    cmx_slot_request request = {
        .method = CMX_VIEW_LITERAL("POST"),
        .path = CHAT_PATH,
        .accept = chat->stream ? TYPE_EVENTS : TYPE_JSON,
        .content_type = TYPE_JSON,
    };
    *id = submit(client, call, chat->origin, &request);
    return fail(bad_field, NULL, CMX_OK);
}

static bool find_method(enum cmx_method method, cmx_view *name)
{
    switch (method) {
    case CMX_METHOD_GET:
        *name = CMX_VIEW_LITERAL("GET");
        return true;
    case CMX_METHOD_POST:
        *name = CMX_VIEW_LITERAL("POST");
        return true;
    case CMX_METHOD_DELETE:
        *name = CMX_VIEW_LITERAL("DELETE");
        return true;
    }
    return false; /* the caller's value is not of the enum */
}

static int check_request(const cmx_client *client, const cmx_request *request,
                         cmx_slot_request *out, const char **bad_field)
{
    if (request->origin >= client->origins) {
        return fail(bad_field, "origin", CMX_ERR_ARGUMENT);
    }
    if (!find_method(request->method, &out->method)) {
        return fail(bad_field, "method", CMX_ERR_ARGUMENT);
    }
    if (!cmx_url_path_ok(request->path) || strlen(request->path) > CMX_POOL_PATH_BYTES_MAX) {
        return fail(bad_field, "path", CMX_ERR_ARGUMENT);
    }
    if (request->body == NULL && request->body_len > 0) {
        return fail(bad_field, "body", CMX_ERR_ARGUMENT);
    }
    out->path = cmx_view_text(request->path);
    if (request->body_len > 0) {
        out->content_type = TYPE_JSON;
        if (request->content_type != NULL) {
            out->content_type = cmx_view_text(request->content_type);
        }
        if (out->content_type.len > CONTENT_TYPE_BYTES_MAX ||
            !cmx_field_value_ok(out->content_type)) {
            return fail(bad_field, "content_type", CMX_ERR_HEADER);
        }
    }
    return CMX_OK;
}

int cmx_request_start(cmx_client *client, const cmx_request *request, cmx_id *id,
                      const char **bad_field)
{
    cmx_slot_request wire = {.accept = TYPE_JSON};
    int rc = check_request(client, request, &wire, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_call *call = prepare(client, request->user);
    if (call == NULL) {
        return fail(bad_field, "requests_max", CMX_ERR_BUSY);
    }
    cmx_call_set_bytes(call, request->body, request->body_len);
    *id = submit(client, call, request->origin, &wire);
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
