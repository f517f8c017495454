/* SPDX-License-Identifier: MIT */
/*
 * The client: origins, starting and cancelling, pulling events, living in any event loop.
 *
 * One thread owns a client; cmx_client_wakeup() is the only call another thread may make. Nothing
 * blocks except cmx_client_wait(). An event is lent: it dies at the next call of next_event, wait,
 * tick, cancel or deinit on the same client.
 */
#ifndef CHATMUX_CLIENT_H
#define CHATMUX_CLIENT_H

#include "chatmux/chat.h"
#include "chatmux/config.h"
#include "chatmux/port.h"
#include "chatmux/request.h"

typedef struct cmx_client cmx_client;

enum cmx_auth {
    CMX_AUTH_BEARER, /* authorization: Bearer KEY */
    CMX_AUTH_HEADER, /* auth_header: KEY, such as Azure's api-key */
    CMX_AUTH_NONE,   /* no key */
};

/* What happens to one more request when high_water of them wait (Bottleneck's words). */
enum cmx_strategy {
    CMX_STRATEGY_OVERFLOW, /* the new one is refused: CMX_ERR_BUSY */
    CMX_STRATEGY_LEAK,     /* the oldest that waits ends: LIMIT, CMX_ERR_BUSY; the new one waits */
    CMX_STRATEGY_BLOCK,    /* all that wait end, new ones are refused for penalty_ms */
};

/* Limits of an origin on our side, in the words and meaning of Bottleneck; all zero = none. */
typedef struct cmx_rate_limits {
    uint32_t min_time_ms;    /* between two admissions: 0 = none */
    uint32_t max_concurrent; /* admitted and not ended: 0 = no limit */

    /* Requests until the next refresh. A refresh SETS the reservoir to refresh_amount, it does not
     * add; it happens refresh_interval_ms after the first request of a window. So a window's worth
     * at its end and another at the start of the next may fall together: twice the amount within a
     * short time. Use requests_per_min where a server would mind. */
    uint32_t reservoir;           /* at the start: 0 = no reservoir */
    uint32_t refresh_amount;      /* at least 1 with a reservoir */
    uint32_t refresh_interval_ms; /* at least 1 with a reservoir */

    uint32_t high_water;        /* requests that may wait: 0 = no limit */
    enum cmx_strategy strategy; /* at high water */
    uint32_t penalty_ms;        /* of BLOCK: 0 = 15 * min_time_ms, or 5000 without one */

    uint32_t requests_per_min; /* 0 = no limit */
    uint32_t requests_burst;   /* at once after a pause: 0 = a minute's worth */
    bool spread;               /* requests evenly over the minute, whatever requests_burst says: any
                                  window of W ms holds at most requests_per_min * W / 60000, rounded
                                  up; for servers that count seconds, as Azure does */
    uint32_t tokens_per_min;   /* 0 = no limit */
    uint32_t tokens_burst;     /* the most that one request can cost: 0 = a minute's worth */
} cmx_rate_limits;

/* A relay. Fill with cmx_origin_default(), then override. Everything is copied or loaded during
 * cmx_client_add_origin(); nothing is borrowed afterwards. */
typedef struct cmx_origin {
    const char *base_url;    /* "https://relay.example/v1"; http:// = HTTP/2 prior knowledge */
    const char *key;         /* at most 512 bytes; wiped by deinit; NULL only with CMX_AUTH_NONE */
    enum cmx_auth auth;      /* default BEARER */
    const char *auth_header; /* header name for CMX_AUTH_HEADER, lower case, at most 32 bytes */
    const char *address;     /* IP literal to connect to instead of resolving; NULL = resolve */
    uint32_t connections;    /* at most this many at once: 1..connections_max; 0 = all */
    const char *query;       /* appended to every path, such as "api-version=2024-10-21" for Azure:
                                at most 128 bytes, no '?' in front; NULL = none */
    const cmx_header *headers; /* sent with every request: at most 8, 512 bytes in all; not put
                                  into compression tables if the name speaks of a credential */
    size_t header_count;

    /* Trust, for https only: the first that is given is used; all NULL = the system's CA bundle.
     * There is no way to switch verification off. */
    const void *ca_pem; /* certificates in memory, PEM or DER, one after the other */
    size_t ca_pem_len;
    const char *ca_file; /* PEM file */
    const char *ca_dir;  /* directory of PEM files */

    /* Through a proxy TLS still ends at the origin: the proxy sees host and port, and never the
     * key. With an http:// base URL it could read everything, the key included. The proxy resolves
     * the host, or gets `address` if that is given. */
    const char *proxy_url; /* "http://proxy:3128": HTTP CONNECT through it; NULL = direct */
    const char *proxy_key; /* for "proxy-authorization: Basic", user:password, at most 128 bytes;
                              wiped by deinit; NULL = none */
    const cmx_rate_limits *rate_limits; /* copied; NULL = none but the server's own */

    cmx_socket_hook socket_hook; /* called on each new socket; NULL = none */
    void *socket_hook_user;
} cmx_origin;

/* Fills `origin` with the defaults named beside its fields; cannot fail. */
void cmx_origin_default(cmx_origin *origin);

enum cmx_event_kind {
    CMX_EVENT_OPEN,  /* the response head came */
    CMX_EVENT_DELTA, /* a piece of a chat's answer */
    CMX_EVENT_USAGE, /* the server's token counts, when they come before the end */
    CMX_EVENT_DATA,  /* bytes of a plain request's answer */
    CMX_EVENT_RETRY, /* the attempt failed and another one follows; nothing was delivered */
    CMX_EVENT_DONE,  /* the last event of a request; its id is not valid any more */
    CMX_EVENT_ALERT, /* a threshold of the configuration was passed; belongs to no request */
};

/* Why a request is sent again. */
enum cmx_retry_reason {
    CMX_RETRY_NONE,       /* it is not */
    CMX_RETRY_STATUS,     /* an error status other than 429 */
    CMX_RETRY_RATE_LIMIT, /* 429, or the same said inside an answer */
    CMX_RETRY_NETWORK,    /* the connection or stream was lost before any token */
    CMX_RETRY_REFUSED,    /* the server did not process it; no attempt is spent */
    CMX_RETRY_NEVER_SENT, /* it was not sent; no attempt is spent */
    CMX_RETRY_INBAND,     /* an error inside the answer, before any token */
    CMX_RETRY_SILENT,     /* no head or token in time; only with retry_silent */
};
enum { CMX_RETRY_REASON_COUNT = CMX_RETRY_SILENT + 1 };

typedef struct cmx_retry {
    enum cmx_retry_reason reason;
    int error;            /* what ended the attempt */
    uint32_t http_status; /* 0 = no response head came */
    uint32_t attempts;    /* so far */
    uint32_t replays;     /* so far, this one included if it is free */
    uint64_t wait_ms;     /* until it is queued again */
    cmx_origin_id origin; /* that the attempt was made at */
    cmx_origin_id next;   /* that the next one will be made at, as far as is known now */
} cmx_retry;

/* What an alert is about. */
enum cmx_alert_kind {
    CMX_ALERT_ERRORS,  /* requests that ended neither complete nor cancelled, of all in the last
                          minute */
    CMX_ALERT_RETRIES, /* retries and replays, likewise */
    CMX_ALERT_P99,     /* of the time from sent to the response head, in the last minute */
    CMX_ALERT_BUDGET,  /* the budget is used up: see cmx_client_set_budget() */
};

typedef struct cmx_alert {
    enum cmx_alert_kind kind;
    bool firing;        /* false = it is over: below 80 % of the threshold for 30 s */
    uint64_t value;     /* thousandths; P99: milliseconds; BUDGET: picodollars spent */
    uint64_t threshold; /* in the same unit */
} cmx_alert;

typedef struct cmx_event {
    enum cmx_event_kind kind;
    cmx_id id;  /* of the request; 0 with ALERT */
    void *user; /* as given with the request; NULL with ALERT */
    union {
        uint32_t http_status; /* OPEN */
        cmx_delta delta;      /* DELTA */
        cmx_usage usage;      /* USAGE */
        cmx_text data;        /* DATA */
        cmx_retry retry;      /* RETRY */
        cmx_done done;        /* DONE */
        cmx_alert alert;      /* ALERT */
    };
} cmx_event;

/* Builds a client inside the caller's block; allocates nothing.
 *
 * client     out: lives inside `memory`
 * memory     in-out: lent until deinit; aligned to CMX_BLOCK_ALIGN
 * bytes      at least cmx_client_bytes(config)
 * config     copied
 * port       borrowed until deinit, such as cmx_port_linux()
 * bad_field  out: what is wrong, a static string; NULL on CMX_OK; may itself be NULL
 *
 * Returns CMX_OK, or
 *   CMX_ERR_CONFIG         -> change the field named
 *   CMX_ERR_MEMORY_SMALL   -> give cmx_client_bytes(config) bytes; bad_field names their number, as
 *                             a text that lies in `memory` ("bytes" if that has no room for it)
 *   CMX_ERR_MEMORY_ALIGN   -> declare the block with CMX_BLOCK
 *   CMX_ERR_PORT_CONFLICT  another live client uses another port -> use one port per process
 *   CMX_ERR_PORT           the system refused a descriptor or entropy -> raise its limits */
CMX_MUST_CHECK int cmx_client_init(cmx_client **client, void *memory, size_t bytes,
                                   const cmx_config *config, const cmx_port *port,
                                   const char **bad_field);

/* Resets what is in flight, closes every connection, wipes the block. No DONE events follow. The
 * block is the caller's again. NULL is allowed. */
void cmx_client_deinit(cmx_client *client);

/* In the child of a fork: closes the inherited descriptors without a byte on the wire, wipes the
 * block. The only call that a child may make on its parent's client. */
void cmx_client_abandon(cmx_client *client);

/* Adds a relay: checks and copies its fields, loads its trust.
 *
 * id         out: for cmx_chat.origin; the first one added is 0
 * bad_field  out: what is wrong, a static string; may itself be NULL
 *
 * Returns CMX_OK, or
 *   CMX_ERR_URL, CMX_ERR_KEY, CMX_ERR_HEADER, CMX_ERR_ARGUMENT  -> correct the field named
 *   CMX_ERR_TRUST         no CA certificate could be loaded -> correct the file or directory
 *   CMX_ERR_CERT_INVALID  bytes that are not a certificate -> correct ca_pem
 *   CMX_ERR_NO_MEMORY     more certificates than trust_bytes -> enlarge it
 *   CMX_ERR_BUSY          origins_max are in use */
CMX_MUST_CHECK int cmx_client_add_origin(cmx_client *client, const cmx_origin *origin,
                                         cmx_origin_id *id, const char **bad_field);

/* Starts a chat completion; it is queued and sent by the next tick.
 *
 * chat       copied; its messages, model and answer are borrowed until DONE or cancel
 * id         out: names it until its DONE event
 * bad_field  out: what is wrong, a static string; may itself be NULL
 *
 * Returns CMX_OK, or
 *   CMX_ERR_ARGUMENT  -> correct the field named
 *   CMX_ERR_UTF8      a text is not valid UTF-8 -> correct the field named
 *   CMX_ERR_JSON      a JSON text is not what it must be -> see cmx_chat_check()
 *   CMX_ERR_BUSY      requests_max are queued or in flight -> start again after a DONE event
 *   CMX_ERR_BUDGET    see cmx_client_set_budget() */
CMX_MUST_CHECK int cmx_chat_start(cmx_client *client, const cmx_chat *chat, cmx_id *id,
                                  const char **bad_field);

/* Starts a plain request; as cmx_chat_start(). */
CMX_MUST_CHECK int cmx_request_start(cmx_client *client, const cmx_request *request, cmx_id *id,
                                     const char **bad_field);

/* Ends a request now: RST_STREAM(CANCEL) leaves with the next tick, pending deltas are dropped,
 * what it borrowed is never read again, one DONE event with verdict CANCELLED follows.
 *
 * Returns CMX_OK, or CMX_ERR_HANDLE (it has ended already -> nothing to do). */
CMX_MUST_CHECK int cmx_client_cancel(cmx_client *client, cmx_id id);

/* Stops the delivery of one request's answer. What comes of it still, at most stream_window_bytes,
 * is kept; the rest stays with the server, which the stream's flow control window holds back; every
 * other stream flows on. Allowed in any state, also while one of its events is lent, which lives on
 * as long as it would have. Until cmx_client_resume() only these events come: OPEN and RETRY; DONE
 * without an answer, such as after a failed dial; DONE after a cancel, or when a clock ran out. The
 * end of an answer, good or bad, waits behind what was kept. The clocks for first token and
 * progress stand still; those for queue, head and the total go on. Pausing twice is as good as
 * once.
 *
 * Returns CMX_OK, CMX_ERR_HANDLE, or CMX_ERR_BUSY (paused_streams_max are paused, or were resumed
 * and what was kept of them was not pulled yet -> resume one, pull events). */
CMX_MUST_CHECK int cmx_client_pause(cmx_client *client, cmx_id id);

/* Goes on with a paused request: what was kept is delivered by the next pulls, then the stream
 * flows. Returns CMX_OK (also if it was not paused), or CMX_ERR_HANDLE. */
CMX_MUST_CHECK int cmx_client_resume(cmx_client *client, cmx_id id);

/* Why a request has not been sent yet. */
enum cmx_waiting {
    CMX_WAITING_NOT,         /* it was sent */
    CMX_WAITING_CONNECTION,  /* a connection is being made */
    CMX_WAITING_BACKOFF,     /* the last dial failed; the next one is due later */
    CMX_WAITING_STREAMS,     /* every connection is full */
    CMX_WAITING_CONNECTIONS, /* no row is free for another connection */
    CMX_WAITING_RATE_LIMIT,  /* the limiter, or a Retry-After of the server */
    CMX_WAITING_RETRY,       /* back-off between two attempts */
    CMX_WAITING_TARGETS,     /* every target of its tier cools down */
};
enum { CMX_WAITING_COUNT = CMX_WAITING_TARGETS + 1 };

/* Returns why a request waits; CMX_WAITING_NOT for ids that are not in use, too. */
enum cmx_waiting cmx_client_waiting(const cmx_client *client, cmx_id id);

/* Returns the name of a reason, such as "RATE_LIMIT"; a static string, never NULL. */
const char *cmx_waiting_name(enum cmx_waiting waiting);

/* Tells that the network changed (another link, another address): back-off is forgotten, each
 * origin in use gets a new connection, and the old ones drain once it is open. */
void cmx_client_network_changed(cmx_client *client);

/* Opens connections before they are needed: the next ticks do. With nothing in flight
 * cmx_client_wait() returns CMX_IDLE at once, so cmx_client_tick() has to be called meanwhile.
 *
 * count  1..connections of the origin; those that are open already count
 *
 * Returns CMX_OK, or CMX_ERR_ARGUMENT (no such origin, or count). */
CMX_MUST_CHECK int cmx_client_warm(cmx_client *client, cmx_origin_id origin, uint32_t count);

/* Replaces the key of an origin: requests sent from now on carry the new one. Targets there that
 * cool down may be probed at once.
 *
 * key  copied; wiped by deinit
 *
 * Returns CMX_OK, CMX_ERR_ARGUMENT (no such origin, or it has no key), CMX_ERR_KEY. */
CMX_MUST_CHECK int cmx_client_set_key(cmx_client *client, cmx_origin_id origin, const char *key);

/* Takes an origin out of use: no new requests; those under way finish; its connections close, its
 * key is wiped, and its row is free for another origin.
 *
 * Returns CMX_OK (done), CMX_AGAIN (requests are under way: ask again after their DONE events), or
 * CMX_ERR_ARGUMENT (no such origin). */
CMX_MUST_CHECK int cmx_client_remove_origin(cmx_client *client, cmx_origin_id origin);

/* Ends in good order: no new requests are accepted (CMX_ERR_BUSY), those accepted finish or end as
 * TIMEOUT after `timeout_ms`, then every connection says goodbye and CMX_IDLE is returned. */
void cmx_client_drain(cmx_client *client, uint32_t timeout_ms);

/* What the limiter of an origin knows. */
typedef struct cmx_limit_state {
    uint32_t running;            /* requests in flight */
    uint32_t queued;             /* requests waiting for it */
    uint32_t reservoir;          /* starts left, UINT32_MAX = no limit */
    uint64_t next_start_ms;      /* until the next start, 0 = now */
    uint32_t requests_remaining; /* as the server said last; UINT32_MAX = unknown */
    uint32_t tokens_remaining;   /* likewise */
    uint64_t gate_ms;            /* until the latest Retry-After is over, 0 = open */
} cmx_limit_state;

/* Fills `state`. Returns CMX_OK or CMX_ERR_ARGUMENT (no such origin). */
CMX_MUST_CHECK int cmx_client_limits(const cmx_client *client, cmx_origin_id origin,
                                     cmx_limit_state *state);

/* Does the input and output that is due, without blocking. For foreign loops: call it when the
 * descriptor is readable or the deadline passed, then pull events until CMX_AGAIN or CMX_IDLE.
 *
 * Returns CMX_OK, or CMX_ERR_PORT (the system's wait failed: deinit). */
CMX_MUST_CHECK int cmx_client_tick(cmx_client *client);

/* Pulls one event; pulling is what decodes, so who does not pull leaves the connection unread.
 *
 * event  out: lent, see above
 *
 * Returns CMX_OK (one event), CMX_AGAIN (none now), CMX_IDLE (none now and nothing in flight). */
CMX_MUST_CHECK int cmx_client_next_event(cmx_client *client, cmx_event *event);

/* The built-in loop: ticks and waits until there is an event.
 *
 * timeout_ms  0 = do not wait, UINT32_MAX = no limit
 *
 * Returns CMX_OK (one event), CMX_AGAIN (the time is over, or cmx_client_wakeup() was called),
 * CMX_IDLE (nothing in flight), or CMX_ERR_PORT (the system's wait failed: deinit). */
CMX_MUST_CHECK int cmx_client_wait(cmx_client *client, cmx_event *event, uint32_t timeout_ms);

/* Returns the one descriptor to watch for reading in a foreign loop; -1 = the port has none. */
CMX_MUST_CHECK int cmx_client_fd(const cmx_client *client);

/* Returns the milliseconds until the next tick is due: 0 while anything undelivered remains,
 * UINT32_MAX = only the descriptor matters. Read it again after every call. */
uint32_t cmx_client_next_due_ms(cmx_client *client);

/* Makes the descriptor readable and ends a wait; the only call that any thread may make. */
void cmx_client_wakeup(cmx_client *client);

/* Receives a line of the frame trace: what was sent or received, its headers, its length; without
 * a line end, lent during the call. Keys are shown as "<redacted>", bodies only as their length.
 * It runs outside of the libraries, for the last time within cmx_client_deinit(); it must not call
 * chatmux. */
typedef void (*cmx_trace_hook)(void *user, const char *line, size_t len);

/* Traces HTTP/2 frames from now on. Lines that trace_bytes cannot hold between two calls of the
 * client are dropped and their number is told.
 *
 * hook  NULL = stop
 *
 * Returns CMX_OK, or CMX_ERR_CONFIG (trace_bytes is 0 -> give it room at init). */
CMX_MUST_CHECK int cmx_client_trace(cmx_client *client, cmx_trace_hook hook, void *user);

#endif
