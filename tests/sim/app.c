/* SPDX-License-Identifier: MIT */
/*
 * Driving a client through its public functions; see app.h.
 */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIRT = 0xA5 };

static void *take_memory(size_t bytes)
{
    void *memory = calloc(1, bytes == 0 ? 1 : bytes);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

void sim_app_init(sim_app *app, sim_world *world, sim_port *port, sim_server *server)
{
    memset(app, 0, sizeof *app);
    app->world = world;
    app->port = port;
    app->server = server;
    app->chats = take_memory(SIM_APP_CHATS_MAX * sizeof *app->chats);
    cmx_config_preset(&app->config, CMX_PRESET_DEFAULT);
    snprintf(app->key, sizeof app->key, "sk-simulated-%08x", (unsigned)world->seed);
    app->is_foreign = sim_chance(world, SIM_STREAM_APP, 500);
    app->pulls_max = app->is_foreign && sim_chance(world, SIM_STREAM_APP, 300)
                         ? 1 + (uint32_t)sim_choose(world, SIM_STREAM_APP, 20)
                         : 0;
}

int sim_app_open(sim_app *app)
{
    const char *bad_field = NULL;
    int rc;

    app->block_bytes = cmx_client_bytes(&app->config);
    /* A client's last byte, or its first, lies beside a page that must not be touched. */
    app->block = fence_open(&app->fence, app->block_bytes,
                            app->world->seed % 2 == 0 ? FENCE_END : FENCE_START, DIRT);
    rc = cmx_client_init(&app->client, app->block, app->block_bytes, &app->config,
                         &app->port->table, &bad_field);
    sim_note(app->world, "init", (uint64_t)-rc, app->block_bytes);
    if ((rc == CMX_OK) != (bad_field == NULL)) {
        sim_fail(app->world, "init gave %s and the field %s", cmx_error_name(rc),
                 bad_field == NULL ? "NULL" : bad_field);
    }
    sim_check_state(app);
    return rc;
}

int sim_app_origin(sim_app *app, const char *base_url, cmx_origin_id *id)
{
    cmx_origin origin;
    char key[sizeof app->key];
    char url[128];
    int rc;

    snprintf(key, sizeof key, "%s", app->key);
    snprintf(url, sizeof url, "%s", base_url);
    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = key;
    rc = cmx_client_add_origin(app->client, &origin, id, NULL);
    /* Everything was copied. */
    memset(key, 'x', sizeof key - 1);
    memset(url, 'x', sizeof url - 1);
    return rc;
}

static int start_chat(sim_app *app, sim_chat *chat, const sim_spec *spec)
{
    cmx_chat request;
    size_t capacity = spec->filler + 64;
    size_t len;

    chat->prompt = take_memory(capacity);
    len = (size_t)snprintf(chat->prompt, capacity, "chat %u filler %u:", (unsigned)chat->k,
                           (unsigned)spec->filler);
    for (uint32_t i = 0; i < spec->filler; i++) {
        chat->prompt[len++] = (char)('a' + (chat->k + i) % 26);
    }
    chat->message = (cmx_message){.role = CMX_ROLE_USER, .text = chat->prompt, .text_len = len};
    cmx_chat_default(&request);
    request.origin = spec->origin;
    request.model = spec->is_routed ? NULL : chat->model;
    request.tier = spec->tier;
    request.messages = &chat->message;
    request.message_count = 1;
    request.limits = spec->limits;
    request.user = chat;
    if (spec->answer_bytes > 0) {
        chat->answer = take_memory(spec->answer_bytes);
        request.stream = false;
        request.answer = chat->answer;
        request.answer_bytes = spec->answer_bytes;
    }
    return cmx_chat_start(app->client, &request, &chat->id, NULL);
}

static int start_plain(sim_app *app, sim_chat *chat, const sim_spec *spec)
{
    cmx_request request;

    cmx_request_default(&request);
    request.origin = spec->origin;
    request.path = chat->path;
    request.user = chat;
    return cmx_request_start(app->client, &request, &chat->id, NULL);
}

int sim_app_start(sim_app *app, const sim_spec *spec, sim_chat **out)
{
    sim_chat *chat = &app->chats[app->chat_count];
    int rc;

    if (app->chat_count == SIM_APP_CHATS_MAX) {
        abort();
    }
    memset(chat, 0, sizeof *chat);
    chat->k = app->chat_count++;
    chat->server = spec->server == NULL ? app->server : spec->server;
    chat->is_chat = spec->path == NULL;
    chat->is_routed = spec->is_routed;
    snprintf(chat->model, sizeof chat->model, "%s", spec->model == NULL ? "m" : spec->model);
    snprintf(chat->path, sizeof chat->path, "%s", spec->path == NULL ? "" : spec->path);
    chat->started_ms = app->world->now_ms;
    rc = chat->is_chat ? start_chat(app, chat, spec) : start_plain(app, chat, spec);
    sim_note(app->world, "start", chat->k, (uint64_t)-rc);
    chat->is_started = rc == CMX_OK;
    app->accepted += rc == CMX_OK ? 1 : 0;
    if (rc == CMX_OK && chat->id == 0) {
        sim_fail(app->world, "a request got the id 0");
    }
    app->world->progress++;
    if (out != NULL) {
        *out = chat;
    }
    sim_check_state(app);
    return rc;
}

int sim_app_cancel(sim_app *app, sim_chat *chat)
{
    int rc = cmx_client_cancel(app->client, chat->id);

    sim_note(app->world, "cancel", chat->k, (uint64_t)-rc);
    app->world->progress++;
    if (rc == CMX_OK && chat->is_started && !chat->is_cancelled) {
        chat->is_cancelled = true;
        /* Never read again: whoever does will find another text. */
        if (chat->prompt != NULL) {
            memset(chat->prompt, '!', chat->message.text_len);
        }
    }
    sim_check_state(app);
    return rc;
}

int sim_app_pause(sim_app *app, sim_chat *chat)
{
    int rc = cmx_client_pause(app->client, chat->id);

    sim_note(app->world, "pause", chat->k, (uint64_t)-rc);
    if (rc == CMX_OK && !chat->is_held) {
        chat->is_held = true;
        app->held++;
    }
    return rc;
}

int sim_app_resume(sim_app *app, sim_chat *chat)
{
    int rc = cmx_client_resume(app->client, chat->id);

    sim_note(app->world, "resume", chat->k, (uint64_t)-rc);
    if (chat->is_held) {
        chat->is_held = false;
        app->held--;
    }
    return rc;
}

static uint32_t left_ms(const sim_app *app, uint64_t end_ms)
{
    uint64_t left = end_ms > app->world->now_ms ? end_ms - app->world->now_ms : 0;

    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX - 1;
}

static int turn_builtin(sim_app *app, uint64_t end_ms)
{
    cmx_event event;
    int rc = cmx_client_wait(app->client, &event, left_ms(app, end_ms));

    if (rc == CMX_OK) {
        sim_check_event(app, &event);
    }
    return rc;
}

static int turn_foreign(sim_app *app, uint64_t end_ms)
{
    cmx_event event;
    uint32_t pulls = 0;
    uint32_t due_ms;
    int rc = cmx_client_tick(app->client);

    while (rc == CMX_OK) {
        rc = cmx_client_next_event(app->client, &event);
        if (rc != CMX_OK) {
            break;
        }
        sim_check_event(app, &event);
        pulls++;
        if (pulls == app->pulls_max || app->world->is_failed) {
            return CMX_OK;
        }
    }
    if (rc != CMX_AGAIN) {
        return rc;
    }
    due_ms = cmx_client_next_due_ms(app->client);
    sim_check_due(app, due_ms);
    if (due_ms > 0) {
        uint32_t left = left_ms(app, end_ms);
        sim_port_sleep(app->port, due_ms < left ? due_ms : left);
    }
    return CMX_AGAIN;
}

void sim_app_run(sim_app *app, uint64_t limit_ms)
{
    uint64_t end_ms = app->world->now_ms + limit_ms;

    while (!app->world->is_failed) {
        int rc = app->is_foreign ? turn_foreign(app, end_ms) : turn_builtin(app, end_ms);
        app->last_status = rc;
        sim_check_state(app);
        if (rc == CMX_IDLE || rc < 0) {
            return;
        }
        if (rc == CMX_AGAIN && app->world->now_ms >= end_ms) {
            return;
        }
    }
}

void sim_app_sleep(sim_app *app, uint64_t ms, bool ticks)
{
    uint64_t end_ms = app->world->now_ms + ms;

    app->was_paused = true;
    while (app->world->now_ms < end_ms && !app->world->is_failed) {
        uint64_t next_ms = sim_world_next(app->world);
        sim_world_advance(app->world, next_ms < end_ms ? next_ms : end_ms);
        sim_world_run_due(app->world, false);
        if (ticks && cmx_client_tick(app->client) != CMX_OK) {
            sim_fail(app->world, "a tick failed");
        }
        sim_check_state(app);
    }
}

void sim_app_close(sim_app *app)
{
    if (app->client != NULL) {
        cmx_client_deinit(app->client);
        app->client = NULL;
        sim_note(app->world, "deinit", 0, 0);
        sim_check_closed(app);
    }
    fence_close(&app->fence);
    app->block = NULL;
}

void sim_app_deinit(sim_app *app)
{
    sim_app_close(app);
    for (uint32_t i = 0; i < app->chat_count; i++) {
        free(app->chats[i].prompt);
        free(app->chats[i].answer);
    }
    free(app->chats);
    app->chats = NULL;
}
