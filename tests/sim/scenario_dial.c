/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of connections that do not come to be: names, addresses, peers that are no HTTP/2
 * servers. Each ends with one truthful error, and the client goes on as soon as the cause is gone.
 */
#include "run.h"

static void expect_three(sim_run *run, enum cmx_verdict verdict, int error)
{
    sim_chat *chats[3];

    sim_open(run);
    for (int i = 0; i < 3; i++) {
        chats[i] = sim_start(run, "m");
    }
    sim_finish(run, 200000);
    for (int i = 0; i < 3; i++) {
        sim_expect_end(run, chats[i], verdict, error);
        SIM_CHECK(chats[i]->done.http_status == 0);
        SIM_CHECK(chats[i]->bytes == 0);
    }
}

static void play_unknown_host(sim_run *run)
{
    run->host->status = CMX_ERR_DNS_NOT_FOUND;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_DNS_NOT_FOUND);
    run->host->status = CMX_OK;
    sim_expect_alive(run);
}

static void play_names_fail(sim_run *run)
{
    run->host->status = CMX_ERR_DNS_FAILED;
    run->host->delay_ms = 700;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_DNS_FAILED);
    run->host->status = CMX_OK;
    sim_expect_alive(run);
}

static void play_no_answer_of_names(sim_run *run)
{
    run->host->is_held = true;
    run->app.config.resolve_timeout_ms = 2000;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_RESOLVE);
    sim_port_release(&run->port);
    sim_expect_alive(run);
}

static void play_refused(sim_run *run)
{
    run->listener->status = CMX_ERR_REFUSED;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_REFUSED);
    run->listener->status = CMX_OK;
    sim_expect_alive(run);
}

static void play_unreachable(sim_run *run)
{
    run->listener->status = CMX_ERR_UNREACHABLE;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_UNREACHABLE);
    run->listener->status = CMX_OK;
    sim_expect_alive(run);
}

static void play_black_hole(sim_run *run)
{
    run->listener->is_hole = true;
    run->app.config.connect_timeout_ms = 3000;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_CONNECT);
    run->listener->is_hole = false;
    sim_expect_alive(run);
}

static void play_second_address(sim_run *run)
{
    sim_chat *chat;
    const cmx_address dead = sim_address((const uint8_t[]){192, 0, 2, 77}, 80);
    const cmx_address holed = sim_address((const uint8_t[]){192, 0, 2, 78}, 80);

    sim_port_listen(&run->port, &dead, NULL, NULL)->status = CMX_ERR_REFUSED;
    sim_port_listen(&run->port, &holed, NULL, NULL)->is_hole = true;
    run->host->addresses[2] = run->host->addresses[0];
    run->host->addresses[0] = dead;
    run->host->addresses[1] = holed;
    run->host->address_count = 3;
    run->app.config.connect_timeout_ms = 1000;
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
}

static void play_not_http2(sim_run *run)
{
    run->server.kind = SIM_SERVER_HTTP1;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_HTTP2);
    run->server.kind = SIM_SERVER_HONEST;
    sim_expect_alive(run);
}

static void play_no_settings(sim_run *run)
{
    run->server.kind = SIM_SERVER_MUTE;
    run->app.config.settings_timeout_ms = 4000;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_SETTINGS);
    run->server.kind = SIM_SERVER_HONEST;
    sim_expect_alive(run);
}

static void play_late_settings(sim_run *run)
{
    run->server.settings_ms = 500;
    run->server.streams_max = 5;
    run->app.config.connections_max = 2;
    sim_open(run);
    for (int i = 0; i < 20; i++) {
        (void)sim_start(run, "m");
    }
    sim_finish(run, 200000);
    for (int i = 0; i < 20; i++) {
        sim_expect_end(run, &run->app.chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
}

static int refuse_hook(void *user, intptr_t native, const cmx_address *to)
{
    (void)native;
    (void)to;
    (*(int *)user)++;
    return CMX_ERR_UNREACHABLE;
}

static void play_hook_refuses(sim_run *run)
{
    cmx_origin origin;
    cmx_origin_id id = 0;
    sim_chat *chat;
    int calls = 0;

    sim_open(run);
    cmx_origin_default(&origin);
    origin.base_url = SIM_URL;
    origin.auth = CMX_AUTH_NONE;
    origin.socket_hook = refuse_hook;
    origin.socket_hook_user = &calls;
    SIM_CHECK(cmx_client_add_origin(run->app.client, &origin, &id, NULL) == CMX_OK);
    chat = sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, CMX_ERR_UNREACHABLE);
    SIM_CHECK(calls >= 1);
    sim_expect_alive(run);
}

static const sim_scenario scenarios[] = {
    {"unknown-host", play_unknown_host, 1},
    {"names-fail", play_names_fail, 1},
    {"no-answer-of-names", play_no_answer_of_names, 1},
    {"refused-port", play_refused, 1},
    {"unreachable", play_unreachable, 1},
    {"black-hole", play_black_hole, 1},
    {"second-address", play_second_address, 1},
    {"not-http2", play_not_http2, 1},
    {"no-settings", play_no_settings, 1},
    {"late-settings", play_late_settings, 1},
    {"hook-refuses", play_hook_refuses, 1},
    {NULL, NULL, 0},
};

const sim_family sim_family_dial = {"dial", scenarios};
