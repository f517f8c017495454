/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of connections that do not come to be: names, addresses, peers that are no HTTP/2
 * servers. Each ends with one truthful error, and the client goes on as soon as the cause is gone.
 */
#include "run.h"

#include <stdio.h>
#include <string.h>

/* The cause is gone, and the network tells so: what was put off is tried at once. */
static void expect_alive_again(sim_run *run)
{
    if (run->app.client != NULL) {
        cmx_client_network_changed(run->app.client);
    }
    sim_expect_alive(run);
}

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
    expect_alive_again(run);
}

static void play_names_fail(sim_run *run)
{
    run->host->status = CMX_ERR_DNS_FAILED;
    run->host->delay_ms = 700;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_DNS_FAILED);
    run->host->status = CMX_OK;
    expect_alive_again(run);
}

static void play_no_answer_of_names(sim_run *run)
{
    run->host->is_held = true;
    run->app.config.resolve_timeout_ms = 2000;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_RESOLVE);
    sim_port_release(&run->port);
    expect_alive_again(run);
}

static void play_refused(sim_run *run)
{
    run->listener->status = CMX_ERR_REFUSED;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_REFUSED);
    run->listener->status = CMX_OK;
    expect_alive_again(run);
}

static void play_unreachable(sim_run *run)
{
    run->listener->status = CMX_ERR_UNREACHABLE;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_UNREACHABLE);
    run->listener->status = CMX_OK;
    expect_alive_again(run);
}

static void play_black_hole(sim_run *run)
{
    run->listener->is_hole = true;
    run->app.config.connect_timeout_ms = 3000;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_CONNECT);
    run->listener->is_hole = false;
    expect_alive_again(run);
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
    expect_alive_again(run);
}

static void play_no_settings(sim_run *run)
{
    run->server.kind = SIM_SERVER_MUTE;
    run->app.config.settings_timeout_ms = 4000;
    expect_three(run, CMX_VERDICT_NETWORK, CMX_ERR_TIMEOUT_SETTINGS);
    run->server.kind = SIM_SERVER_HONEST;
    expect_alive_again(run);
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

/* ---- several addresses ---- */

static cmx_address address_v6(uint8_t last)
{
    return (cmx_address){.family = 6, .port = 80, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = last}};
}

/* One chat over a connection of its own: it ends for idleness before the next one. */
static void play_one(sim_run *run)
{
    sim_chat *chat = sim_start(run, "m");

    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    for (int i = 0; i < 10 && !run->world.is_failed; i++) {
        sim_app_sleep(&run->app, 100, true);
    }
}

/* What a dial takes if the first address that it tries is good. */
static uint64_t direct_ms(const sim_run *run)
{
    return 2 * (uint64_t)run->port.net.delay_ms + run->port.wait_cost_ms + 10;
}

static void play_holed_ipv6(sim_run *run)
{
    const cmx_address holed = address_v6(1);
    const uint64_t *connected = run->port.log_last[CMX_LOG_CONNECTED];
    uint32_t delay_ms = 250;

    sim_port_listen(&run->port, &holed, NULL, NULL)->is_hole = true;
    run->host->addresses[1] = run->host->addresses[0];
    run->host->addresses[0] = holed;
    run->host->address_count = 2;
    run->app.config.idle_timeout_ms = 500;
    sim_open(run);
    play_one(run);
    SIM_CHECK(run->port.sockets_opened == 2);
    SIM_CHECK(connected[1] >= delay_ms && connected[1] <= delay_ms + direct_ms(run));
    play_one(run);
    SIM_CHECK(run->port.log_counts[CMX_LOG_CONNECTED] == 2);
    SIM_CHECK(run->port.sockets_opened == 3); /* what won goes first */
    SIM_CHECK(connected[1] <= direct_ms(run));
}

/* Each of four addresses is good, refused, unreachable or a hole; one that is good suffices. */
static void play_any_addresses(sim_run *run)
{
    static const int statuses[] = {CMX_OK, CMX_ERR_REFUSED, CMX_ERR_UNREACHABLE, CMX_OK};
    uint64_t begin_ms = run->world.now_ms;
    sim_chat *chat;
    bool is_good = false;

    for (uint8_t i = 0; i < 4; i++) {
        size_t kind = (size_t)sim_choose(&run->world, SIM_STREAM_FAULTS, 4);
        const cmx_address at =
            sim_chance(&run->world, SIM_STREAM_FAULTS, 500)
                ? address_v6(i)
                : sim_address((const uint8_t[]){192, 0, 2, (uint8_t)(90 + i)}, 80);
        sim_listener *listener = sim_port_listen(&run->port, &at, sim_server_accept, &run->server);
        listener->status = statuses[kind];
        listener->is_hole = kind == 3;
        is_good = is_good || kind == 0;
        run->host->addresses[i] = at;
    }
    run->host->address_count = 4;
    run->app.config.connect_timeout_ms = 1000;
    run->app.config.replays_max = 0; /* one dial is what is looked at */
    sim_open(run);
    chat = sim_start(run, "m");
    sim_finish(run, 60000);
    if (is_good) {
        sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
    } else {
        int error = chat->done.error;
        SIM_CHECK(chat->is_done && chat->done.verdict == CMX_VERDICT_NETWORK);
        SIM_CHECK(error == CMX_ERR_REFUSED || error == CMX_ERR_UNREACHABLE ||
                  error == CMX_ERR_TIMEOUT_CONNECT);
        SIM_CHECK(chat->done_ms - begin_ms <= 4 * 1000 + direct_ms(run));
    }
    SIM_CHECK(run->port.sockets_open <= 1);
}

static void play_name_that_moves(sim_run *run)
{
    const cmx_address moved = sim_address((const uint8_t[]){192, 0, 2, 66}, 80);

    run->app.config.idle_timeout_ms = 500;
    sim_open(run);
    play_one(run);
    run->listener->status = CMX_ERR_REFUSED;
    (void)sim_port_listen(&run->port, &moved, sim_server_accept, &run->server);
    run->host->addresses[0] = moved;
    play_one(run);
}

/* ---- through a proxy ---- */

enum proxy_kind {
    PROXY_HONEST,
    PROXY_WANTS_KEY,
    PROXY_REFUSES,
    PROXY_ENDS,
    PROXY_MUTE,
    PROXY_LONG
};

typedef struct proxy_link {
    sim_link *link;
    char head[1000];
    size_t len;
} proxy_link;

/* One at a time: a run may outlive its story by what is still on the wire. */
static struct proxy {
    sim_run *run;
    enum proxy_kind kind;
    proxy_link links[32];
    size_t count;
} proxy;

static void say(sim_link *link, const char *text)
{
    sim_link_send(link, (const uint8_t *)text, strlen(text));
}

static void proxy_answer(const proxy_link *from)
{
    static const char long_head[] =
        "HTTP/1.1 200 OK\r\nX-Long: 0123456789012345678901234567890\r\n";
    sim_link *link = from->link;

    switch (proxy.kind) {
    case PROXY_HONEST:
        say(link, "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy.test\r\n\r\n");
        link->peer = sim_server_accept(&proxy.run->server, link);
        link->peer.opened(link->peer.ctx, link);
        return;
    case PROXY_WANTS_KEY:
        say(link, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        break;
    case PROXY_REFUSES:
        say(link, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno");
        break;
    case PROXY_LONG:
        for (int i = 0; i < 100; i++) {
            say(link, long_head);
        }
        return;
    case PROXY_MUTE:
        return;
    case PROXY_ENDS:
        break;
    }
    sim_link_fin(link);
}

static void proxy_received(void *ctx, const uint8_t *bytes, size_t len)
{
    sim_run *run = proxy.run;
    proxy_link *from = ctx;
    char want[300];

    SIM_CHECK(from->len + len < sizeof from->head);
    if (run->world.is_failed) {
        return;
    }
    memcpy(from->head + from->len, bytes, len);
    from->len += len;
    from->head[from->len] = '\0';
    if (strstr(from->head, "\r\n\r\n") == NULL) {
        return;
    }
    snprintf(want, sizeof want,
             "CONNECT hidden.test:80 HTTP/1.1\r\nHost: hidden.test:80\r\n"
             "Proxy-Authorization: Basic %s\r\n\r\n",
             "dTpw"); /* u:p */
    SIM_CHECK(strcmp(from->head, want) == 0);
    proxy_answer(from);
}

static sim_peer proxy_accept(void *ctx, sim_link *link)
{
    proxy_link *from = &proxy.links[proxy.count++ % 32];

    (void)ctx;
    *from = (proxy_link){.link = link};
    return (sim_peer){.received = proxy_received, .ctx = from};
}

/* An origin whose name only the proxy knows. */
static cmx_origin_id open_proxied(sim_run *run, enum proxy_kind kind)
{
    const cmx_address at = sim_address((const uint8_t[]){192, 0, 2, 50}, 3128);
    cmx_origin origin;
    cmx_origin_id id = 0;

    proxy.run = run;
    proxy.kind = kind;
    proxy.count = 0;
    (void)sim_port_listen(&run->port, &at, proxy_accept, NULL);
    (void)sim_port_host(&run->port, "proxy.test", &at);
    run->app.config.connect_timeout_ms = 3000;
    sim_open(run);
    cmx_origin_default(&origin);
    origin.base_url = "http://hidden.test/v1";
    origin.key = run->app.key;
    origin.proxy_url = "http://proxy.test:3128";
    origin.proxy_key = "u:p";
    SIM_CHECK(cmx_client_add_origin(run->app.client, &origin, &id, NULL) == CMX_OK);
    return id;
}

static void play_proxy(sim_run *run)
{
    cmx_origin_id id = open_proxied(run, PROXY_HONEST);
    sim_chat *chats[5];

    for (int i = 0; i < 5; i++) {
        chats[i] = sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    }
    sim_finish(run, 60000);
    for (int i = 0; i < 5; i++) {
        sim_expect_end(run, chats[i], CMX_VERDICT_DONE, CMX_OK);
    }
    SIM_CHECK(run->port.log_last[CMX_LOG_PROXY][2] == 200);
    sim_expect_alive(run);
}

static void play_proxy_fails(sim_run *run)
{
    static const struct {
        enum proxy_kind kind;
        int error;
    } cases[] = {{PROXY_WANTS_KEY, CMX_ERR_PROXY_AUTH},
                 {PROXY_REFUSES, CMX_ERR_PROXY},
                 {PROXY_ENDS, CMX_ERR_PROXY},
                 {PROXY_LONG, CMX_ERR_PROXY},
                 {PROXY_MUTE, CMX_ERR_TIMEOUT_CONNECT}};
    size_t i = (size_t)sim_choose(&run->world, SIM_STREAM_FAULTS, 5);
    cmx_origin_id id = open_proxied(run, cases[i].kind);
    sim_chat *chat = sim_start_with(run, &(sim_spec){.model = "m", .origin = id});

    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_NETWORK, cases[i].error);
    SIM_CHECK(chat->done.attempts == 0);
    SIM_CHECK(run->server.connections == 0);
    proxy.kind = PROXY_HONEST;
    chat = sim_start_with(run, &(sim_spec){.model = "m", .origin = id});
    sim_finish(run, 60000);
    sim_expect_end(run, chat, CMX_VERDICT_DONE, CMX_OK);
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
    {"holed-ipv6", play_holed_ipv6, 4},
    {"any-addresses", play_any_addresses, 8},
    {"name-that-moves", play_name_that_moves, 1},
    {"proxy", play_proxy, 4},
    {"proxy-fails", play_proxy_fails, 8},
    {NULL, NULL, 0},
};

const sim_family sim_family_dial = {"dial", scenarios};
