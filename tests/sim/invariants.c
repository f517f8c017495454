/* SPDX-License-Identifier: MIT */
/*
 * What must hold in every run, whatever the network and the servers do. In: events and the public
 * state of a client. Out: a failure of the world. It knows what the servers produced, and nothing
 * of the client's inside.
 */
#include "app.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { DUE_ZERO_MAX = 100000 };

static void keep_text(char *out, size_t capacity, cmx_text *text)
{
    size_t len = text->len < capacity - 1 ? text->len : capacity - 1;

    if (len > 0) {
        memcpy(out, text->data, len);
    }
    out[len] = '\0';
    text->data = out;
    text->len = len;
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* A routed chat is where its latest request arrived. */
static void locate(const sim_app *app, sim_chat *chat)
{
    uint64_t latest = 0;

    for (int i = 0; chat->is_routed && i < SIM_APP_SERVERS_MAX; i++) {
        sim_server *server = app->servers[i];
        const sim_ledger *ledger = server == NULL ? NULL : &server->chats[chat->k];
        if (ledger != NULL && ledger->arrival > latest) {
            chat->server = server;
            latest = ledger->arrival;
        }
    }
}

/* What the servers that a chat may be at have seen of it, all together. */
static sim_ledger count_all(const sim_app *app, const sim_chat *chat)
{
    sim_ledger all = chat->server->chats[chat->k];

    for (int i = 0; chat->is_routed && i < SIM_APP_SERVERS_MAX; i++) {
        if (app->servers[i] != NULL && app->servers[i] != chat->server) {
            all.requests += app->servers[i]->chats[chat->k].requests;
            all.answered += app->servers[i]->chats[chat->k].answered;
        }
    }
    return all;
}

static void check_text(sim_app *app, sim_chat *chat, const cmx_text *text)
{
    const sim_ledger *ledger = &chat->server->chats[chat->k];
    uint64_t end = chat->bytes + text->len;
    uint8_t unit[SIM_UNIT_BYTES];

    if (text->len == 0) {
        sim_fail(app->world, "chat %u got an empty delta", (unsigned)chat->k);
        return;
    }
    if (end > ledger->produced) {
        sim_fail(app->world, "chat %u got more text than was produced", (unsigned)chat->k);
    } else if (!sim_text_matches(app->world->seed, chat->k, chat->bytes, text->data, text->len)) {
        sim_fail(app->world, "chat %u got wrong text at %u", (unsigned)chat->k,
                 (unsigned)chat->bytes);
    }
    sim_text_unit(app->world->seed, chat->k, end / SIM_UNIT_BYTES, unit);
    if (is_continuation(text->data[0]) ||
        (end < ledger->produced && is_continuation((char)unit[end % SIM_UNIT_BYTES]))) {
        sim_fail(app->world, "chat %u got a character in two pieces", (unsigned)chat->k);
    }
    chat->bytes = end;
    chat->deltas++;
    chat->last_token_ms = app->world->now_ms;
}

static void check_data(sim_app *app, sim_chat *chat, const cmx_text *data)
{
    if (chat->done.http_status == 0 && strcmp(chat->path, "/blob") == 0 &&
        !sim_text_matches(app->world->seed, 0, chat->bytes, data->data, data->len)) {
        sim_fail(app->world, "request %u got wrong bytes", (unsigned)chat->k);
    }
    chat->bytes += data->len;
    chat->deltas++;
}

static void check_usage(sim_app *app, const cmx_usage *usage)
{
    SIM_EXPECT(app->world, usage->prompt_tokens == 7);
    SIM_EXPECT(app->world, usage->total_tokens == usage->completion_tokens + 7);
    SIM_EXPECT(app->world, usage->cached_tokens == 3);
    SIM_EXPECT(app->world, usage->reasoning_tokens == 2);
}

static void check_times(sim_app *app, const sim_chat *chat)
{
    const cmx_times *times = &chat->done.times;
    uint64_t took_ms = app->world->now_ms - chat->started_ms;
    uint64_t limit_ms = app->config.total_timeout_ms;

    SIM_EXPECT(app->world, times->done_ms <= took_ms);
    SIM_EXPECT(app->world, app->was_paused || times->done_ms == took_ms || chat->is_cancelled);
    if (times->head_ms != CMX_TIME_NEVER) {
        SIM_EXPECT(app->world, times->sent_ms <= times->head_ms && times->head_ms <= took_ms);
        SIM_EXPECT(app->world, chat->opens == 1);
    }
    if (times->first_token_ms != CMX_TIME_NEVER) {
        SIM_EXPECT(app->world, times->head_ms <= times->first_token_ms);
        SIM_EXPECT(app->world, times->first_token_ms <= times->last_token_ms);
        SIM_EXPECT(app->world, times->last_token_ms <= times->done_ms);
    }
    if (limit_ms > 0 && !app->was_paused && took_ms > limit_ms + 1) {
        sim_fail(app->world, "chat %u outlived its total limit by %u ms", (unsigned)chat->k,
                 (unsigned)(took_ms - limit_ms));
    }
}

static void check_done(sim_app *app, sim_chat *chat, const cmx_done *done)
{
    const sim_ledger all = count_all(app, chat);
    const sim_ledger *ledger = &all;
    bool is_complete = cmx_verdict_complete(done->verdict);

    chat->is_done = true;
    if (chat->is_held) {
        chat->is_held = false;
        app->held--;
    }
    chat->done = *done;
    chat->done_ms = app->world->now_ms;
    app->done++;
    keep_text(chat->done_message, sizeof chat->done_message, &chat->done.message);
    keep_text(chat->done_finish, sizeof chat->done_finish, &chat->done.finish_reason);
    keep_text(chat->done_model, sizeof chat->done_model, &chat->done.model);
    keep_text(chat->done_id, sizeof chat->done_id, &chat->done.request_id);
    keep_text(chat->done_asked, sizeof chat->done_asked, &chat->done.asked_model);
    if (app->world->is_traced) {
        fprintf(stderr, "             chat %u ended: %s %s status %u attempts %u replays %u\n",
                (unsigned)chat->k, cmx_verdict_name(done->verdict), cmx_error_name(done->error),
                (unsigned)done->http_status, (unsigned)done->attempts, (unsigned)done->replays);
    }
    SIM_EXPECT(app->world, is_complete == (done->error == CMX_OK));
    SIM_EXPECT(app->world, done->error <= 0);
    SIM_EXPECT(app->world, done->bytes == chat->bytes);
    SIM_EXPECT(app->world, done->deltas == chat->deltas);
    SIM_EXPECT(app->world, !chat->is_cancelled || done->verdict == CMX_VERDICT_CANCELLED);
    SIM_EXPECT(app->world, chat->is_cancelled || done->verdict != CMX_VERDICT_CANCELLED);
    SIM_EXPECT(app->world, (done->http_status != 0) == (chat->opens == 1));
    if (chat->is_chat && is_complete) {
        SIM_EXPECT(app->world, ledger->is_whole);
        SIM_EXPECT(app->world, chat->bytes == ledger->produced);
        SIM_EXPECT(app->world, strcmp(chat->done_finish, "stop") == 0);
        SIM_EXPECT(app->world, strcmp(chat->done_model, chat->done_asked) == 0);
        SIM_EXPECT(app->world, chat->is_routed || strcmp(chat->done_asked, chat->model) == 0);
        SIM_EXPECT(app->world, !chat->is_routed || (done->origin < SIM_APP_SERVERS_MAX &&
                                                    app->servers[done->origin] == chat->server));
    }
    if (chat->is_chat) {
        /* What a server may have processed went out once; only proven refusals go out again. */
        SIM_EXPECT(app->world, ledger->requests <= done->attempts + done->replays);
        SIM_EXPECT(app->world, ledger->answered <= done->attempts);
    }
    if (done->has_usage) {
        check_usage(app, &done->usage);
    }
    check_times(app, chat);
}

/* Nothing was delivered, and the next attempt begins as if it were the first. */
static void check_retry(sim_app *app, sim_chat *chat, const cmx_retry *retry)
{
    SIM_EXPECT(app->world, chat->bytes == 0 && chat->deltas == 0);
    SIM_EXPECT(app->world, retry->error < 0);
    SIM_EXPECT(app->world,
               retry->attempts + retry->replays > chat->retry.attempts + chat->retry.replays);
    SIM_EXPECT(app->world, retry->reason != CMX_RETRY_REFUSED || retry->replays > 0);
    if (app->world->is_traced) {
        fprintf(stderr,
                "             chat %u goes again: %s status %u attempts %u replays %u wait %u\n",
                (unsigned)chat->k, cmx_error_name(retry->error), (unsigned)retry->http_status,
                (unsigned)retry->attempts, (unsigned)retry->replays, (unsigned)retry->wait_ms);
    }
    chat->opens = 0;
    chat->usages = 0;
    chat->retries++;
    chat->retry = *retry;
    chat->retry_ms = app->world->now_ms;
    chat->retry_requests = count_all(app, chat).requests;
}

/* What was announced to come later came later. */
static void check_wait(sim_app *app, const sim_chat *chat)
{
    const sim_ledger all = count_all(app, chat);
    const sim_ledger *ledger = &all;

    if (chat->retries > 0 && ledger->requests > chat->retry_requests &&
        ledger->latest_ms < chat->retry_ms + chat->retry.wait_ms) {
        sim_fail(app->world, "chat %u was sent again %u ms too early", (unsigned)chat->k,
                 (unsigned)(chat->retry_ms + chat->retry.wait_ms - ledger->latest_ms));
    }
}

static void check_alert(sim_app *app, const cmx_event *event)
{
    sim_note(app->world, "alert", event->alert.kind, event->alert.firing);
    SIM_EXPECT(app->world, event->id == 0 && event->user == NULL);
    app->alerts_begun += event->alert.firing ? 1 : 0;
    app->alerts_over += event->alert.firing ? 0 : 1;
    app->alert = event->alert;
    app->alert_ms = app->world->now_ms;
}

void sim_check_event(sim_app *app, const cmx_event *event)
{
    sim_chat *chat = event->user;

    app->world->progress++;
    app->due_zero = 0;
    if (event->kind == CMX_EVENT_ALERT) {
        check_alert(app, event);
        return;
    }
    if (chat < app->chats || chat >= app->chats + app->chat_count || event->id != chat->id) {
        sim_fail(app->world, "an event of an unknown request came");
        return;
    }
    sim_note(app->world, "event", chat->k, (uint64_t)event->kind);
    if (!chat->is_started || chat->is_done) {
        sim_fail(app->world, "request %u got an event after its end", (unsigned)chat->k);
        return;
    }
    if (chat->is_cancelled && event->kind != CMX_EVENT_DONE) {
        sim_fail(app->world, "request %u got an event after its cancel", (unsigned)chat->k);
    }
    if (event->kind != CMX_EVENT_OPEN && event->kind != CMX_EVENT_DONE &&
        event->kind != CMX_EVENT_RETRY && chat->opens == 0) {
        sim_fail(app->world, "request %u got content before its head", (unsigned)chat->k);
    }
    if (chat->is_held && event->kind != CMX_EVENT_OPEN && event->kind != CMX_EVENT_DONE &&
        event->kind != CMX_EVENT_RETRY) {
        sim_fail(app->world, "request %u got content while it was paused", (unsigned)chat->k);
    }
    locate(app, chat);
    check_wait(app, chat);
    switch (event->kind) {
    case CMX_EVENT_OPEN:
        chat->opens++;
        SIM_EXPECT(app->world, chat->opens == 1);
        SIM_EXPECT(app->world, event->http_status >= 200 && event->http_status <= 599);
        break;
    case CMX_EVENT_DELTA:
        SIM_EXPECT(app->world, event->delta.choice == 0);
        SIM_EXPECT(app->world, event->delta.channel == CMX_CHANNEL_CONTENT);
        check_text(app, chat, &event->delta.text);
        break;
    case CMX_EVENT_USAGE:
        chat->usages++;
        check_usage(app, &event->usage);
        break;
    case CMX_EVENT_DATA:
        check_data(app, chat, &event->data);
        break;
    case CMX_EVENT_RETRY: /* all is as if it had just been started */
        check_retry(app, chat, &event->retry);
        break;
    case CMX_EVENT_DONE:
        check_done(app, chat, &event->done);
        break;
    case CMX_EVENT_ALERT: /* belongs to no request: it does not come here */
        SIM_EXPECT(app->world, false);
        break;
    }
    if (app->on_event != NULL) {
        app->on_event(app, chat, event);
    }
}

void sim_check_state(sim_app *app)
{
    cmx_stats stats;

    if (app->client == NULL) {
        return;
    }
    cmx_client_stats(app->client, &stats);
    SIM_EXPECT(app->world, stats.requests == app->accepted);
    SIM_EXPECT(app->world, stats.done == app->done);
    SIM_EXPECT(app->world, stats.queued <= app->accepted - app->done);
    SIM_EXPECT(app->world, stats.paused <= app->config.paused_streams_max);
    SIM_EXPECT(app->world, stats.connections <= app->config.connections_max);
    SIM_EXPECT(app->world, stats.connections_total <= app->port->sockets_opened);
    SIM_EXPECT(app->world, stats.library_bytes <= stats.library_peak);
    SIM_EXPECT(app->world, stats.library_peak <= stats.library_capacity);
    SIM_EXPECT(app->world, stats.library_capacity < stats.memory_bytes);
    SIM_EXPECT(app->world, stats.buffers_peak <= app->config.event_buffers);
    SIM_EXPECT(app->world, stats.memory_bytes == app->block_bytes);
    if (app->last_status == CMX_IDLE && app->accepted == app->done) {
        SIM_EXPECT(app->world, stats.queued == 0 && stats.streams == 0);
    }
    SIM_EXPECT(app->world, app->last_status != CMX_IDLE || app->accepted == app->done ||
                               app->world->progress > 0);
}

void sim_check_due(sim_app *app, uint32_t due_ms)
{
    if (app->accepted > app->done + app->held && due_ms == UINT32_MAX) {
        sim_fail(app->world, "a request is open, but no clock runs");
    }
    app->due_zero = due_ms == 0 ? app->due_zero + 1 : 0;
    if (app->due_zero > DUE_ZERO_MAX) {
        sim_fail(app->world, "the client is always due at once");
    }
}

void sim_check_closed(sim_app *app)
{
    size_t left = 0;

    SIM_EXPECT(app->world, fence_is_intact(&app->fence));
    SIM_EXPECT(app->world,
               memmem(app->block, app->block_bytes, app->key, strlen(app->key)) == NULL);
    for (size_t i = 0; i < app->block_bytes; i++) {
        left += app->block[i] != 0 ? 1 : 0;
    }
    if (left > 0) {
        sim_fail(app->world, "%zu bytes of the block were not wiped", left);
    }
    SIM_EXPECT(app->world, app->port->sockets_open == 0);
}
