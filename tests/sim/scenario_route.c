/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of routed chats: three relays with a key each, and a target or two at each. What fails
 * cools down, is tried by one request and comes back; no request is lost, sent to a relay that
 * cools down, or moved once its answer began.
 */
#include "run.h"

#include <string.h>

#define KEY_OTHER "sk-of-the-other-relay"
#define KEY_THIRD "sk-of-the-third-relay"

enum { RELAYS = 3, COOLDOWN_MS = 4000 };

static sim_server *server_of(sim_run *run, uint32_t origin)
{
    sim_server *servers[RELAYS] = {&run->server, &run->other, &run->third};

    return servers[origin];
}

static void add_origin(sim_run *run, const char *url, const char *key)
{
    cmx_origin origin;
    cmx_origin_id id = 0;

    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = key;
    SIM_CHECK(cmx_client_add_origin(run->app.client, &origin, &id, NULL) == CMX_OK);
}

/* Opens a client with three relays. Each demands its key and must never see another one. Returns
 * false if that failed. */
static bool open_relays(sim_run *run)
{
    run->app.config.targets_max = 8;
    run->app.config.cooldown_ms = COOLDOWN_MS;
    run->app.config.cooldown_failures = 3;
    run->app.config.connections_max = 6;
    run->other.key = KEY_OTHER;
    run->third.key = KEY_THIRD;
    run->server.forbidden = "-relay"; /* ends both other keys */
    run->other.forbidden = run->app.key;
    run->third.forbidden = run->app.key;
    sim_open(run);
    if (run->app.client == NULL) {
        return false;
    }
    add_origin(run, SIM_OTHER_URL, KEY_OTHER);
    add_origin(run, SIM_THIRD_URL, KEY_THIRD);
    for (uint32_t i = 0; i < RELAYS; i++) {
        run->app.servers[i] = server_of(run, i);
    }
    return !run->world.is_failed;
}

static uint32_t add_target(sim_run *run, cmx_origin_id origin, const char *model,
                           uint32_t weight_milli, uint32_t rank)
{
    cmx_target target;
    uint32_t id = 99;

    cmx_target_default(&target);
    target.model = model;
    target.origin = origin;
    target.weight_milli = weight_milli;
    target.rank = rank;
    SIM_CHECK(cmx_client_add_target(run->app.client, &target, &id, NULL) == CMX_OK);
    return id;
}

static cmx_target_state look(sim_run *run, uint32_t id)
{
    cmx_target_state state = {0};

    SIM_CHECK(cmx_client_target_state(run->app.client, id, &state) == CMX_OK);
    return state;
}

static sim_chat *start_routed(sim_run *run)
{
    return sim_start_with(run, &(sim_spec){.is_routed = true});
}

/* Starts one after the other until each has ended. */
static void play_row(sim_run *run, uint32_t count)
{
    for (uint32_t i = 0; i < count && !run->world.is_failed; i++) {
        sim_chat *chat = start_routed(run);
        sim_finish(run, 60000);
        sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    }
}

static void expect_all_done(sim_run *run)
{
    for (uint32_t i = 0; i < run->app.chat_count; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static void play_shares(sim_run *run)
{
    run->app.config.requests_max = 300;
    if (!open_relays(run)) {
        return;
    }
    (void)add_target(run, 0, "gpt-4.1", 1000, 0);
    (void)add_target(run, 1, "claude-sonnet-4.5", 500, 0); /* the body has another length */
    uint32_t spare = add_target(run, 2, "m3", 1000, 1);
    for (uint32_t i = 0; i < 300; i++) {
        (void)start_routed(run);
        sim_live(run, 2);
    }
    sim_finish(run, 600000);
    expect_all_done(run);
    SIM_CHECK(run->server.requests >= 199 && run->server.requests <= 201);
    SIM_CHECK(run->server.requests + run->other.requests == 300);
    SIM_CHECK(look(run, spare).started == 0);
}

/* Fails three times, cools down, is tried once, is back. */
static void play_back(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 3, .status = 500});
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    uint32_t second = add_target(run, 1, "m", 1000, 1);
    play_row(run, 3);
    for (uint32_t i = 0; i < 3; i++) {
        SIM_CHECK(run->app.chats[i].done.attempts == 2 && run->app.chats[i].retries == 1);
        SIM_CHECK(run->app.chats[i].retry.wait_ms == 0);
        SIM_CHECK(run->app.chats[i].retry.origin == 0 && run->app.chats[i].retry.next == 1);
    }
    cmx_target_state state = look(run, first);
    SIM_CHECK(state.health == CMX_TARGET_COOLING && state.cooled == 1 && state.failed == 3);
    SIM_CHECK(state.cooling_ms > 0 && state.cooling_ms <= COOLDOWN_MS);
    play_row(run, 5);
    SIM_CHECK(run->server.requests == 3 && run->other.requests == 8);
    sim_app_sleep(&run->app, state.cooling_ms + 1, true);
    SIM_CHECK(look(run, first).health == CMX_TARGET_PROBING);
    play_row(run, 5);
    state = look(run, first);
    SIM_CHECK(state.health == CMX_TARGET_GOOD && state.started == 8 && state.succeeded == 5);
    SIM_CHECK(look(run, second).started == 8);
}

/* A 429 that names a time cools at once, for that time; nobody waits for it. */
static void play_retry_after(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 1, .status = 429, .retry_after = "9"});
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    play_row(run, 1);
    SIM_CHECK(run->app.chats[0].retry.reason == CMX_RETRY_RATE_LIMIT);
    SIM_CHECK(run->app.chats[0].retry.wait_ms == 0);
    uint64_t cooling_ms = look(run, first).cooling_ms;
    SIM_CHECK(cooling_ms > 8000 && cooling_ms <= 9000);
    play_row(run, 4);
    SIM_CHECK(run->server.requests == 1 && run->other.requests == 5);
}

/* A 429 without a time is one failure of three; its gate holds nobody who can go elsewhere. */
static void play_gate(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 1, .status = 429});
    run->app.config.retry_base_ms = 5000;
    run->app.config.retry_max_ms = 5000;
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 0);
    uint64_t began_ms = run->world.now_ms;
    for (uint32_t i = 0; i < 20; i++) {
        (void)start_routed(run);
    }
    sim_live(run, 4000);
    SIM_CHECK(run->world.now_ms <= began_ms + 4000);
    SIM_CHECK(look(run, first).health == CMX_TARGET_GOOD);
    play_row(run, 2); /* within the five seconds */
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(run->server.requests + run->other.requests == 23);
}

/* Nobody answers at an address: that costs no attempt. */
static void play_dead_host(sim_run *run)
{
    run->listener->status = CMX_ERR_REFUSED;
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    for (uint32_t i = 0; i < 30; i++) {
        (void)start_routed(run);
    }
    sim_finish(run, 60000);
    expect_all_done(run);
    for (uint32_t i = 0; i < 30; i++) {
        SIM_CHECK(run->app.chats[i].done.attempts == 1 && run->app.chats[i].done.replays <= 1);
        SIM_CHECK(run->app.chats[i].done.origin == 1);
    }
    SIM_CHECK(look(run, first).cooled == 1 && look(run, first).started == 0);
    SIM_CHECK(run->app.chats[0].retry.reason == CMX_RETRY_NEVER_SENT);
}

/* A host without an address stays without one: alone that ends a request at once. */
static void play_no_such_host(sim_run *run)
{
    run->host->status = CMX_ERR_DNS_NOT_FOUND;
    if (!open_relays(run)) {
        return;
    }
    (void)add_target(run, 0, "m", 1000, 0);
    sim_chat *chat = start_routed(run);
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_DNS_NOT_FOUND);
    (void)add_target(run, 1, "m", 1000, 1);
    sim_app_sleep(&run->app, COOLDOWN_MS + 1, true);
    play_row(run, 2);
    SIM_CHECK(run->other.requests == 2);
}

/* A wrong key is wrong for all that would go there, and only there. */
static void play_wrong_key(sim_run *run)
{
    if (!open_relays(run)) {
        return;
    }
    run->server.key = "another one";
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    play_row(run, 4);
    SIM_CHECK(run->server.requests == 1 && run->other.requests == 4);
    SIM_CHECK(run->app.chats[0].retry.http_status == 401 && run->app.chats[0].done.attempts == 2);
    SIM_CHECK(look(run, first).cooled == 1);
    SIM_CHECK(look(run, first).health == CMX_TARGET_COOLING);
}

/* What the request itself did wrong is no target's fault. */
static void play_own_fault(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 5, .status = 400});
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    for (uint32_t i = 0; i < 5; i++) {
        sim_chat *chat = start_routed(run);
        sim_finish(run, 60000);
        sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    }
    SIM_CHECK(look(run, first).health == CMX_TARGET_GOOD && look(run, first).failed == 0);
    SIM_CHECK(run->other.requests == 0);
}

/* Once a token came, the answer stays where it is, however it ends. */
static void play_started_stays(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.tokens = 20,
                                                  .gap_ms = 3,
                                                  .fault = SIM_FAULT_RESET_STREAM,
                                                  .after = 5,
                                                  .code = NGHTTP2_INTERNAL_ERROR});
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    for (uint32_t i = 0; i < 3; i++) {
        sim_chat *chat = start_routed(run);
        sim_finish(run, 60000);
        SIM_CHECK(chat->bytes > 0);
        sim_expect_end(run, chat, CMX_VERDICT_TRUNCATED, CMX_ERR_STREAM_RESET);
        SIM_CHECK(chat->retries == 0 && chat->done.attempts == 1 && chat->done.origin == 0);
    }
    SIM_CHECK(run->server.requests == 3 && run->other.requests == 0);
    SIM_CHECK(look(run, first).health == CMX_TARGET_COOLING); /* but it counts */
    play_row(run, 2);
    SIM_CHECK(run->other.requests == 2);
}

/* All cool down: who waits gets the first that may be tried. */
static void play_all_cool(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 1, .status = 429, .retry_after = "20"});
    sim_server_script(&run->other, &(sim_script){.times = 1, .status = 503, .retry_after = "6"});
    if (!open_relays(run)) {
        return;
    }
    (void)add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    sim_chat *first = start_routed(run);
    sim_live(run, 3000);
    SIM_CHECK(first->retries == 2 && !first->is_done);
    SIM_CHECK(cmx_client_waiting(run->app.client, first->id) == CMX_WAITING_TARGETS);
    SIM_CHECK(first->retry.wait_ms > 3000 && first->retry.wait_ms <= 6000);
    SIM_CHECK(first->retry.origin == 1 && first->retry.next == 1);
    sim_chat *second = start_routed(run);
    SIM_CHECK(cmx_client_waiting(run->app.client, second->id) == CMX_WAITING_TARGETS);
    sim_finish(run, 60000);
    expect_all_done(run);
    SIM_CHECK(first->done.attempts == 3 && second->done.attempts == 1);
    SIM_CHECK(run->server.requests == 1 && run->other.requests == 3);
    SIM_CHECK(first->done.times.done_ms < 15000 && first->done.times.done_ms >= 6000);
}

/* All cool down for longer than anybody waits: the end comes in time and says why. */
static void play_all_cool_too_long(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.status = 429, .retry_after = "60"});
    run->app.config.total_timeout_ms = 20000;
    if (!open_relays(run)) {
        return;
    }
    (void)add_target(run, 0, "m", 1000, 0);
    sim_chat *first = start_routed(run);
    sim_finish(run, 10000);
    sim_expect_end(run, first, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    SIM_CHECK(first->done.http_status == 429 && first->retries == 0);
    sim_chat *second =
        sim_start_with(run, &(sim_spec){.is_routed = true, .limits = {.queue_timeout_ms = 3000}});
    uint64_t began_ms = run->world.now_ms;
    sim_finish(run, 10000);
    sim_expect_end(run, second, CMX_VERDICT_TIMEOUT, CMX_ERR_TIMEOUT_QUEUE);
    SIM_CHECK(second->done_ms >= began_ms + 3000 && second->done_ms <= began_ms + 3001);
    SIM_CHECK(run->server.requests == 1);
}

/* After a cool-down one request tries; while it fails the others wait on, and longer each time. */
static void play_probe_once(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 5, .status = 500, .head_ms = 300});
    run->app.config.attempts_max = 1;
    run->app.config.queue_timeout_ms = 60000;
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    for (uint32_t i = 0; i < 3; i++) {
        sim_chat *chat = start_routed(run);
        sim_finish(run, 60000);
        sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
    }
    for (uint32_t i = 0; i < 20; i++) {
        (void)start_routed(run);
    }
    SIM_CHECK(run->server.requests == 3);
    sim_live(run, COOLDOWN_MS + 1500);
    SIM_CHECK(run->server.requests == 4 && look(run, first).cooled == 2);
    sim_live(run, 2 * COOLDOWN_MS - 2000); /* not yet: it is twice as long */
    SIM_CHECK(run->server.requests == 4);
    sim_live(run, 2500);
    SIM_CHECK(run->server.requests == 5 && look(run, first).cooled == 3);
    sim_finish(run, 120000);
    SIM_CHECK(run->server.requests == 23 && look(run, first).health == CMX_TARGET_GOOD);
    for (uint32_t i = 5; i < 23; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

/* The probe is cancelled: another one takes its place. */
static void play_probe_cancelled(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 1, .status = 503, .retry_after = "3"});
    sim_server_script(&run->server, &(sim_script){.times = 1, .head_ms = 8000});
    if (!open_relays(run)) {
        return;
    }
    (void)add_target(run, 0, "m", 1000, 0);
    sim_chat *first = start_routed(run);
    sim_live(run, 1000);
    sim_chat *second = start_routed(run);
    sim_live(run, COOLDOWN_MS + 2000);
    SIM_CHECK(run->server.requests == 2 && !first->is_done && !second->is_done);
    sim_chat *probe = run->server.chats[first->k].requests == 2 ? first : second;
    SIM_CHECK(sim_app_cancel(&run->app, probe) == CMX_OK);
    sim_finish(run, 60000);
    sim_expect_end(run, probe, CMX_VERDICT_CANCELLED, CMX_ERR_CANCELLED);
    sim_expect_end(run, probe == first ? second : first, CMX_VERDICT_DONE, CMX_OK);
    SIM_CHECK(run->server.requests == 3);
}

/* What stands in the queue of a relay that fails moves on, too. */
static void play_queue_moves(sim_run *run)
{
    run->server.streams_max = 5;
    sim_server_script(&run->server,
                      &(sim_script){.status = 503, .retry_after = "30", .head_ms = 500});
    run->app.config.requests_max = 64;
    if (!open_relays(run)) {
        return;
    }
    (void)add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    for (uint32_t i = 0; i < 60; i++) {
        (void)start_routed(run);
    }
    sim_finish(run, 10000);
    expect_all_done(run);
    SIM_CHECK(run->server.requests <= 40 && run->other.requests == 60);
}

/* An origin is removed: its targets are gone, and who waited for them goes elsewhere. */
static void play_removed(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.status = 503, .retry_after = "30"});
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    sim_chat *waiting[3];
    waiting[0] = start_routed(run);
    sim_live(run, 2000);
    waiting[1] = start_routed(run);
    waiting[2] = start_routed(run);
    sim_live(run, 1000);
    (void)add_target(run, 1, "m-of-the-other", 1000, 3);
    int rc = cmx_client_remove_origin(run->app.client, 0);
    SIM_CHECK(rc == CMX_OK);
    SIM_CHECK(look(run, first).health == CMX_TARGET_REMOVED);
    sim_finish(run, 60000);
    for (int i = 0; i < 3; i++) {
        sim_expect_end(run, waiting[i], CMX_VERDICT_DONE, CMX_OK);
        SIM_CHECK(waiting[i]->done.origin == 1);
    }
    SIM_CHECK(run->server.requests == 1 && run->other.requests == 3);
}

/* Chats that name model and origin themselves tell of the target, too. */
static void play_unrouted_tell(sim_run *run)
{
    sim_server_script(&run->server, &(sim_script){.times = 3, .status = 500});
    run->app.config.attempts_max = 1;
    if (!open_relays(run)) {
        return;
    }
    uint32_t first = add_target(run, 0, "m", 1000, 0);
    (void)add_target(run, 1, "m", 1000, 1);
    for (uint32_t i = 0; i < 3; i++) {
        sim_chat *chat = sim_start(run, "m");
        sim_finish(run, 60000);
        sim_expect_end(run, chat, CMX_VERDICT_ERROR_HTTP, CMX_ERR_HTTP_STATUS);
        SIM_CHECK(strcmp(chat->done_asked, "m") == 0 && chat->done.origin == 0);
    }
    SIM_CHECK(look(run, first).health == CMX_TARGET_COOLING && look(run, first).started == 3);
    play_row(run, 2);
    SIM_CHECK(run->server.requests == 3 && run->other.requests == 2);
}

/* Anything anywhere, cancelled now and then: what must always hold does, and each has its end. */
static void play_storm(sim_run *run)
{
    static const sim_script scripts[] = {
        {.times = 6, .status = 500},
        {.times = 5, .status = 503, .retry_after = "2"},
        {.times = 4, .status = 429},
        {.times = 3, .fault = SIM_FAULT_DROP_HEAD},
        {.times = 3, .fault = SIM_FAULT_REFUSE},
        {.times = 3, .fault = SIM_FAULT_CONN_RESET, .after = 3},
        {.times = 2, .fault = SIM_FAULT_GOAWAY_LOWER},
        {.times = 2, .status = 401},
    };
    const uint32_t count = sizeof scripts / sizeof scripts[0];

    run->app.config.requests_max = 64;
    if (!open_relays(run)) {
        return;
    }
    for (uint32_t i = 0; i < 9; i++) {
        sim_server_script(server_of(run, i % RELAYS),
                          &scripts[sim_choose(&run->world, SIM_STREAM_FAULTS, count)]);
    }
    for (uint32_t i = 0; i < 6; i++) {
        (void)add_target(run, i % RELAYS, i < RELAYS ? "a" : "b", 1000 + 500 * i, i / 4);
    }
    for (uint32_t i = 0; i < 150 && !run->world.is_failed; i++) {
        sim_chat *chat = NULL;
        int rc = sim_app_start(&run->app, &(sim_spec){.is_routed = true}, &chat);
        SIM_CHECK(rc == CMX_OK || rc == CMX_ERR_BUSY);
        sim_live(run, sim_choose(&run->world, SIM_STREAM_FAULTS, 200));
        if (rc == CMX_OK && !chat->is_done && sim_chance(&run->world, SIM_STREAM_FAULTS, 100)) {
            SIM_CHECK(sim_app_cancel(&run->app, chat) == CMX_OK);
        }
    }
    sim_finish(run, 600000);
    for (uint32_t i = 0; i < RELAYS; i++) {
        server_of(run, i)->script_count = 0;
    }
    sim_app_sleep(&run->app, 130000, true); /* the longest cool-down */
    play_row(run, 5);
}

static const sim_scenario scenarios[] = {
    {"shares", play_shares, 1},
    {"back", play_back, 1},
    {"retry-after", play_retry_after, 1},
    {"gate", play_gate, 1},
    {"dead-host", play_dead_host, 1},
    {"no-such-host", play_no_such_host, 1},
    {"wrong-key", play_wrong_key, 1},
    {"own-fault", play_own_fault, 1},
    {"started-stays", play_started_stays, 1},
    {"all-cool", play_all_cool, 1},
    {"all-cool-too-long", play_all_cool_too_long, 1},
    {"probe-once", play_probe_once, 1},
    {"probe-cancelled", play_probe_cancelled, 1},
    {"queue-moves", play_queue_moves, 1},
    {"removed", play_removed, 1},
    {"unrouted-tell", play_unrouted_tell, 1},
    {"storm", play_storm, 3},
    {NULL, NULL, 0},
};

const sim_family sim_family_route = {"route", scenarios};
