/* SPDX-License-Identifier: MIT */
/*
 * A foreign loop in the manner of uloop: one descriptor, one timer, callbacks. The loop below knows
 * nothing of chatmux; the two callbacks are all that an application writes.
 * usage: loop_foreign URL CA_FILE
 */
#include "common.h"

#include <poll.h>

/* ---- a loop such as others provide ---- */

typedef struct loop {
    int descriptor;
    uint32_t timer_ms; /* UINT32_MAX = not armed */
    void (*on_ready)(struct loop *loop);
    void *user;
    int running;
} loop;

static void loop_run(loop *l)
{
    while (l->running) {
        struct pollfd one = {.fd = l->descriptor, .events = POLLIN};
        int timeout = l->timer_ms > 60000 ? 60000 : (int)l->timer_ms;
        REQUIRE(poll(&one, 1, timeout) >= 0);
        l->on_ready(l); /* readable or due: both mean a tick */
    }
}

/* ---- the application ---- */

typedef struct app {
    cmx_client *client;
    unsigned done;
    unsigned wanted;
    uint64_t turns;
} app;

static void on_ready(loop *l)
{
    app *a = l->user;
    cmx_event event;
    a->turns++;
    REQUIRE(cmx_client_tick(a->client) == CMX_OK);
    while (cmx_client_next_event(a->client, &event) == CMX_OK) {
        if (event.kind == CMX_EVENT_DONE) {
            REQUIRE(event.done.verdict == CMX_VERDICT_DONE);
            a->done++;
        }
    }
    l->timer_ms = cmx_client_next_due_ms(a->client);
    l->running = a->done < a->wanted;
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    fence memory;
    app a = {.client = common_client(&config, &memory), .wanted = 30};
    cmx_origin_id origin = common_origin(a.client, argv[1], argv[2]);
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    for (unsigned i = 0; i < a.wanted; i++) {
        cmx_id id = 0;
        REQUIRE(cmx_chat_start(a.client, &chat, &id, NULL) == CMX_OK);
    }
    loop l = {.descriptor = cmx_client_fd(a.client),
              .timer_ms = cmx_client_next_due_ms(a.client),
              .on_ready = on_ready,
              .user = &a,
              .running = 1};
    REQUIRE(l.descriptor >= 0);
    REQUIRE(l.timer_ms == 0); /* what was started wants to be sent */
    loop_run(&l);
    common_end(a.client, &memory);
    printf("30 chats complete in %llu turns\n", (unsigned long long)a.turns);
    /* A loop that spins would take many more turns than there are tokens. */
    REQUIRE(a.turns < 20000);
    return 0;
}
