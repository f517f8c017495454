/* SPDX-License-Identifier: MIT */
/*
 * An honest HTTP/2 server in the simulated world: one nghttp2 server session per connection that
 * answers chat completions and plain requests, paced in virtual time. What it does wrong it does on
 * purpose, by a script that the request's model chooses; any protocol error that it notices is a
 * failure of the client and so of the run. It must not know chatmux's client.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "net.h"
#include "sim_port.h"
#include "world.h"

#include <nghttp2/nghttp2.h>

enum { SIM_SCRIPTS_MAX = 16, SIM_CHATS_MAX = 2048, SIM_MODEL_MAX = 64, SIM_PATH_MAX = 256 };

/* What happens to an answer after `after` tokens, or as soon as the request is whole. */
enum sim_fault {
    SIM_FAULT_NONE,
    SIM_FAULT_TRUNCATE,     /* END_STREAM without a finish */
    SIM_FAULT_RESET_STREAM, /* RST_STREAM with `code` */
    SIM_FAULT_RESET_MID,    /* half an event, then RST_STREAM with `code` */
    SIM_FAULT_STALL,        /* silence, for `stall_ms` or for good */
    SIM_FAULT_HEARTBEATS,   /* SSE comments every `gap_ms`, or every second */
    SIM_FAULT_INBAND,       /* an error object, then END_STREAM */
    SIM_FAULT_HUGE,         /* one event of `huge_bytes`, then as if nothing had happened */
    SIM_FAULT_MALFORMED,    /* one event that is not JSON, then as if nothing had happened */
    SIM_FAULT_CONN_RESET,   /* the connection is torn down */
    SIM_FAULT_CONN_CLOSE,   /* the connection is closed */
    SIM_FAULT_CONN_HOLE,    /* the network swallows everything from now on */
    SIM_FAULT_CONN_MUTE,    /* the server says nothing more, not even to a PING; all is open */
    SIM_FAULT_GOAWAY,       /* GOAWAY(code); streams above the one `spare` before it are lost */

    /* Instead of a head; see server_fault.c. */
    SIM_FAULT_HANG,         /* nothing */
    SIM_FAULT_REFUSE,       /* RST_STREAM(REFUSED_STREAM) */
    SIM_FAULT_RESET_HEAD,   /* RST_STREAM(code) */
    SIM_FAULT_DROP_HEAD,    /* the connection is torn down */
    SIM_FAULT_MUTE_HEAD,    /* as CONN_MUTE */
    SIM_FAULT_GOAWAY_LOWER, /* GOAWAY(code) `repeats` times; the last id is below this stream,
                               then below the one before it, and so on */

    /* Before the head, then all is well. */
    SIM_FAULT_GOAWAY_GRACEFUL, /* last id 2^31-1, then the real one */
    SIM_FAULT_STREAMS_MAX,     /* SETTINGS_MAX_CONCURRENT_STREAMS is `streams_max`; after
                                  `restore_ms` it is 100 again, 0 = never */
};

typedef struct sim_script {
    const char *model;    /* which it is for; NULL = every other */
    uint32_t times;       /* only for that many requests; 0 = all */
    uint32_t status;      /* of the head; 0 = 200. Others carry an error object */
    uint32_t head_ms;     /* delay before the head */
    uint32_t first_ms;    /* delay between the head and the first token */
    uint32_t tokens;      /* 0 = 8 */
    uint32_t units;       /* text units per token; 0 = 2 */
    uint32_t gap_ms;      /* between tokens */
    uint32_t frame_bytes; /* most per DATA frame; 0 = no limit */
    uint32_t drip_ms;     /* between DATA frames */
    enum sim_fault fault;
    uint32_t after; /* tokens before the fault */
    uint32_t code;  /* HTTP/2 error code */
    uint32_t huge_bytes;
    uint32_t stall_ms;
    uint32_t repeats; /* of a GOAWAY; 0 = 1 */
    uint32_t streams_max;
    uint32_t restore_ms;
    uint32_t flap_ms;        /* the script holds for so long, then not for as long, and so on */
    const char *retry_after; /* header of this name, any value; NULL = none */
    const char *error_code;  /* of the error object; NULL = null */
    const char *message;     /* of the error object; NULL = one that names the script */
    const char *rate_left;   /* x-ratelimit-remaining-requests and, with it, ... */
    const char *rate_reset;  /* x-ratelimit-reset-requests */
    int32_t spare;           /* see GOAWAY */
    uint32_t plain_bytes;    /* body of an answer to a plain request; 0 = a list of models */
    bool is_done_missing;    /* no [DONE] */
    bool is_end_missing;     /* no END_STREAM after [DONE] */
    bool is_head_only;       /* a 200 head with END_STREAM */
    bool has_hint;           /* a 103 head goes before */
    bool has_trailer;        /* the stream ends with trailers */
} sim_script;

enum sim_server_kind {
    SIM_SERVER_HONEST,
    SIM_SERVER_HTTP1, /* answers everything with an HTTP/1.1 error */
    SIM_SERVER_MUTE,  /* accepts and says nothing */
};

/* What the server knows of chat `k`. */
typedef struct sim_ledger {
    const void *latest; /* its stream: an earlier one of the same chat says nothing more */
    uint32_t requests;  /* heads with its number that arrived whole */
    uint32_t answered;  /* of these, ones that got a head with 200 */
    uint64_t latest_ms; /* when the latest of them arrived */
    uint64_t arrival;   /* which it was of all servers' requests */
    uint64_t produced;  /* bytes of text in the latest answer so far */
    bool is_whole;      /* the latest answer got its finish_reason */
} sim_ledger;

typedef struct sim_server sim_server;
typedef struct sim_conn sim_conn;

typedef struct sim_stream_row {
    struct sim_stream_row *next; /* all streams of the server, newest first */
    sim_conn *conn;
    int32_t id;
    bool is_closed;
    char method[8];
    char path[SIM_PATH_MAX];
    char model[SIM_MODEL_MAX];
    bool is_authorized;
    bool is_streaming;
    bool wants_usage;
    uint32_t k;
    uint8_t *body; /* the request's */
    size_t body_len;
    size_t body_capacity;
    sim_script script;
    uint32_t token;
    bool is_fault_done;
    uint8_t *out; /* body of the answer that was not sent yet */
    size_t out_head;
    size_t out_len;
    size_t out_capacity;
    bool is_out_ended;
    bool is_dripping; /* a drip is under way */
} sim_stream_row;

struct sim_conn {
    sim_conn *next;
    sim_server *server;
    enum sim_server_kind kind; /* of the server when it accepted */
    sim_link *link;
    nghttp2_session *session;
    bool is_over;
    bool is_mute;
    bool is_leaving; /* a GOAWAY was sent, whose last id was ... */
    int32_t goaway_id;
    bool is_pumping;
    uint32_t streams;
};

struct sim_server {
    sim_world *world;
    enum sim_server_kind kind;
    const char *key;       /* bearer token that is demanded; NULL = none */
    const char *forbidden; /* text that must never arrive */
    uint32_t streams_max;  /* SETTINGS_MAX_CONCURRENT_STREAMS; 0 = 100 */
    uint32_t window_bytes; /* for uploads; 0 = the default */
    uint32_t settings_ms;  /* delay of the SETTINGS */
    sim_script scripts[SIM_SCRIPTS_MAX];
    uint32_t script_uses[SIM_SCRIPTS_MAX];
    size_t script_count;
    sim_ledger chats[SIM_CHATS_MAX];
    sim_conn *conns;
    sim_stream_row *streams;
    uint32_t connections;
    uint32_t connections_open;
    uint32_t requests;
    uint32_t resets_received; /* RST_STREAM from the client */
    uint32_t streams_open;
    uint32_t streams_peak;   /* most on one connection */
    uint32_t pings_received; /* PING from the client */
    uint32_t pings_acked;    /* answers to ours */
    bool is_blamed; /* it breaks the protocol on purpose: a GOAWAY with an error is right */
};

void sim_server_init(sim_server *server, sim_world *world);
void sim_server_deinit(sim_server *server);

/* For sim_port_listen(); `ctx` is the server. */
sim_peer sim_server_accept(void *ctx, sim_link *link);

void sim_server_script(sim_server *server, const sim_script *script);

/* Sends what the session has; of server.c, for server_answer.c. */
void sim_conn_pump(sim_conn *conn);

/* The request is whole; answers it. */
void sim_stream_answer(sim_stream_row *stream);

/* Says goodbye; the last id never rises. Of server_fault.c. */
void sim_conn_goaway(sim_conn *conn, int32_t last_id, uint32_t code);

/* Does what the script's fault does before any head; of server_fault.c. Returns true if there will
 * be no answer. */
bool sim_fault_start(sim_stream_row *stream);

/* Returns whether a script holds now. */
bool sim_fault_is_due(const sim_server *server, const sim_script *script);

/* Reads from the answer's body; for nghttp2. */
nghttp2_ssize sim_stream_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t capacity,
                              uint32_t *flags, nghttp2_data_source *source, void *user);

#endif
