/* SPDX-License-Identifier: MIT */
/*
 * Cancels chats in every phase while a second thread wakes the client without end: exactly one DONE
 * each, and the connection survives.
 * usage: cancel_storm URL CA_FILE
 */
#include "common.h"

#include <pthread.h>

enum { CHATS = 400, IN_FLIGHT = 100 };

static cmx_client *client;
static int stop;

static void *wake(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
        cmx_client_wakeup(client);
    }
    return NULL;
}

typedef struct chat_state {
    cmx_id id;
    unsigned deltas;
    unsigned cancel_after; /* deltas; 0 = at once, UINT32_MAX = never */
    unsigned done;
} chat_state;

static chat_state chats[CHATS];

static void start(cmx_origin_id origin, unsigned index)
{
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    chat_state *state = &chats[index];
    chat.user = state;
    state->cancel_after = index % 4 == 3 ? UINT32_MAX : (index % 4) * 3;
    REQUIRE(cmx_chat_start(client, &chat, &state->id, NULL) == CMX_OK);
    if (state->cancel_after == 0) {
        REQUIRE(cmx_client_cancel(client, state->id) == CMX_OK);
    }
}

static void on_event(const cmx_event *event)
{
    chat_state *state = event->user;
    REQUIRE(state->done == 0);
    if (event->kind == CMX_EVENT_DONE) {
        enum cmx_verdict wanted =
            state->cancel_after == UINT32_MAX ? CMX_VERDICT_DONE : CMX_VERDICT_CANCELLED;
        REQUIRE(event->done.verdict == wanted);
        state->done = 1;
    } else if (event->kind == CMX_EVENT_DELTA && ++state->deltas == state->cancel_after) {
        REQUIRE(cmx_client_cancel(client, state->id) == CMX_OK);
    }
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.requests_max = IN_FLIGHT;
    fence memory;
    client = common_client(&config, &memory);
    cmx_origin_id origin = common_origin(client, argv[1], argv[2]);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, wake, NULL) == 0);

    unsigned started = 0;
    unsigned done = 0;
    while (done < CHATS) {
        while (started < CHATS && started - done < IN_FLIGHT) {
            start(origin, started++);
        }
        cmx_event event;
        int rc = cmx_client_wait(client, &event, 1000);
        REQUIRE(rc >= 0);
        if (rc == CMX_OK) {
            on_event(&event);
            done += event.kind == CMX_EVENT_DONE;
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < CHATS; i++) {
        REQUIRE(chats[i].done == 1);
        REQUIRE(cmx_client_cancel(client, chats[i].id) == CMX_ERR_HANDLE);
    }
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    REQUIRE(stats.done == CHATS);
    /* A cancel costs a RST_STREAM, not a connection. */
    REQUIRE(stats.connections_total <= config.connections_max);
    common_end(client, &memory);
    puts("400 chats, 300 cancelled, one DONE each");
    return 0;
}
