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
    CMX_EVENT_DONE,  /* the last event of a request; its id is not valid any more */
};

typedef struct cmx_event {
    enum cmx_event_kind kind;
    cmx_id id;  /* of the request */
    void *user; /* as given with the request */
    union {
        uint32_t http_status; /* OPEN */
        cmx_delta delta;      /* DELTA */
        cmx_usage usage;      /* USAGE */
        cmx_text data;        /* DATA */
        cmx_done done;        /* DONE */
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
 *   CMX_ERR_MEMORY_SMALL   -> give cmx_client_bytes(config) bytes
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
 *   CMX_ERR_BUSY      requests_max are queued or in flight -> start again after a DONE event */
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

/* Counters since init, and the state now. */
typedef struct cmx_stats {
    uint32_t connections;       /* open or opening now */
    uint32_t streams;           /* requests on a connection now */
    uint32_t queued;            /* requests waiting for one now */
    uint64_t connections_total; /* sockets that were opened */
    uint64_t handshakes;        /* TLS handshakes that succeeded */
    uint64_t requests;          /* accepted */
    uint64_t done;              /* DONE events, any verdict */
    uint64_t timeouts;          /* of these, verdict TIMEOUT or STALLED */
    uint64_t retries;           /* attempts and replays after the first */
    uint64_t malformed_events;  /* skipped because they were not JSON */
    uint64_t skipped_events;    /* skipped because they were too large or no buffer was free */
    uint64_t buffers_refused;   /* times that no assembly buffer was free */
    uint32_t buffers_peak;      /* most assembly buffers ever in use, of event_buffers */
    uint64_t bytes_received;    /* from sockets, TLS included */
    uint64_t bytes_sent;        /* to sockets, TLS included */
    uint64_t memory_bytes;      /* of the block */
    uint64_t library_bytes;     /* of these, now in use by nghttp2 and wolfSSL */
    uint64_t library_peak;      /* most of them ever in use */
    uint64_t library_capacity;  /* reserved for them */
} cmx_stats;

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

/* Fills `stats`; cannot fail. */
void cmx_client_stats(const cmx_client *client, cmx_stats *stats);

#endif
