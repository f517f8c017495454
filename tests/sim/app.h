/* SPDX-License-Identifier: MIT */
/*
 * The application of a simulated run: it owns the block and the client, starts requests, pulls
 * events in the built-in loop or in a foreign one, and checks after every step what must always
 * hold (invariants.c). It uses the public headers only. It must not decide how a run should end:
 * scenarios do.
 */
#ifndef SIM_APP_H
#define SIM_APP_H

#include "server.h"
#include "sim_port.h"
#include "world.h"

#include "chatmux/chatmux.h"
#include "memory/fence.h"

enum { SIM_APP_SERVERS_MAX = 3 };
enum { SIM_APP_CHATS_MAX = 1100 };

/* One request and what came of it. */
typedef struct sim_chat {
    uint32_t k;         /* index, and the number that the server sees */
    sim_server *server; /* to which it goes; of a routed one, where it was seen last */
    bool is_routed;
    cmx_id id;
    bool is_chat;
    bool is_started;
    bool is_done;
    bool is_cancelled;
    bool is_held; /* paused: no content may come */
    uint64_t started_ms;
    uint64_t done_ms;
    char model[SIM_MODEL_MAX];
    char path[SIM_PATH_MAX];
    char *prompt;
    char *answer;
    cmx_message message;
    uint32_t opens;
    uint64_t deltas;
    uint64_t bytes;
    uint32_t usages;
    uint64_t last_token_ms;
    uint32_t retries;        /* RETRY events */
    cmx_retry retry;         /* the latest */
    uint64_t retry_ms;       /* when it came */
    uint32_t retry_requests; /* requests that the server had seen then */
    cmx_done done;           /* its texts point to the copies below */
    char done_message[200];
    char done_finish[40];
    char done_model[72];
    char done_id[72];
    char done_asked[132];
} sim_chat;

/* What to start. All zero but the model: a streamed chat to the first origin. */
typedef struct sim_spec {
    const char *model;
    const char *path; /* a plain GET request instead of a chat */
    cmx_origin_id origin;
    bool is_routed; /* names no model: a target of the tier answers */
    enum cmx_tier tier;
    sim_server *server;  /* of the origin; NULL = the first */
    uint32_t filler;     /* bytes that the prompt is longer */
    size_t answer_bytes; /* not 0: one JSON object into a buffer of that size */
    cmx_time_limits limits;
} sim_spec;

typedef struct sim_app {
    sim_world *world;
    sim_port *port;
    sim_server *server;                       /* of the first origin */
    sim_server *servers[SIM_APP_SERVERS_MAX]; /* of each origin, for routed chats */
    cmx_config config;
    fence fence;
    uint8_t *block; /* inside it */
    size_t block_bytes;
    cmx_client *client;
    char key[64];
    sim_chat *chats;
    uint32_t chat_count;
    uint64_t accepted;
    uint64_t done;
    uint32_t alerts_begun; /* ALERT events */
    uint32_t alerts_over;
    cmx_alert alert;    /* the latest */
    uint64_t alert_ms;  /* when it came */
    uint32_t held;      /* requests that are paused */
    bool is_foreign;    /* drives the client as poll() would */
    bool was_paused;    /* did not pull all the time: limits of time do not hold to the tick */
    uint32_t pulls_max; /* foreign loop: events pulled per turn; 0 = all */
    uint32_t due_zero;  /* turns in a row that were due at once */
    int last_status;    /* of the last call that drove the client */
    void (*on_event)(struct sim_app *app, sim_chat *chat, const cmx_event *event);
    void *on_event_ctx;
} sim_app;

void sim_app_init(sim_app *app, sim_world *world, sim_port *port, sim_server *server);

/* Builds the client with app->config. */
int sim_app_open(sim_app *app);

/* Adds an origin with app->key. */
int sim_app_origin(sim_app *app, const char *base_url, cmx_origin_id *id);

/* Starts a request. Returns the status of the call; `chat` out, may be NULL. */
int sim_app_start(sim_app *app, const sim_spec *spec, sim_chat **chat);

/* Cancels; returns the status of the call. */
int sim_app_cancel(sim_app *app, sim_chat *chat);

/* Pauses and resumes; return the status of the call. */
int sim_app_pause(sim_app *app, sim_chat *chat);
int sim_app_resume(sim_app *app, sim_chat *chat);

/* Lets the application live for that long or until nothing is in flight. */
void sim_app_run(sim_app *app, uint64_t limit_ms);

/* Lets time pass without pulling: only ticks, as a foreign loop whose program is busy. */
void sim_app_sleep(sim_app *app, uint64_t ms, bool ticks);

/* Ends the client and checks that nothing of it is left. */
void sim_app_close(sim_app *app);
void sim_app_deinit(sim_app *app);

/* invariants.c: what must hold always. */
void sim_check_event(sim_app *app, const cmx_event *event);
void sim_check_state(sim_app *app);
void sim_check_due(sim_app *app, uint32_t due_ms);
void sim_check_closed(sim_app *app);

#endif
