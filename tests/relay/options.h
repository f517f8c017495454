/* SPDX-License-Identifier: MIT */
/*
 * The emulator's flags.
 * In: argv. Out: a checked relay_options, or a message that names the flag.
 * Must not open anything: what the values mean is for the other files.
 */
#ifndef RELAY_OPTIONS_H
#define RELAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct relay_options {
    const char *listen; /* NULL = 127.0.0.1 and ::1 */
    const char *ready_file;
    const char *ca_dir;
    const char *cert_file;
    const char *key_file;
    const char *key; /* API key, NULL = none asked */
    const char *token_text;
    const char *fault;
    const char *body_file;      /* the answer to every chat, NULL = made up */
    const char *body_type;      /* its content-type */
    const char *redirect_to;    /* location of fault-redirect */
    const char *require_header; /* "name: value", NULL = none asked */
    const char *require_query;  /* of the path, NULL = none asked */
    const char *require_body;   /* somewhere in a chat's body, NULL = none asked */
    const char *counts_file;    /* kept up to date, NULL = counts at the end only */
    const char *bills_file;     /* a record of usages, NULL = none, and all are alike */
    int64_t port;
    int64_t listen_fd; /* inherited, -1 = none */
    int64_t drain_s;   /* for open streams after a signal, 0 = stop at once */
    int64_t duration_s;
    int64_t tokens;
    int64_t gap_us;
    int64_t jitter_pct;
    int64_t latency_us;
    int64_t tick_us; /* deadlines fire on multiples of it */
    int64_t events_per_frame;
    int64_t seed;
    int64_t streams_max;
    int64_t window_bytes;
    int64_t record_bytes;
    int64_t retry_after_s;
    int64_t retry_after_ms; /* -1 = retry-after in seconds is sent */
    int64_t fault_after;    /* -1 = half of the tokens */
    int64_t fault_times;    /* the first so many chats that meet a fault suffer; -1 = all */
    int64_t first_token_us;
    int64_t flap_us;
    int64_t restore_us; /* 0 = never */
    int64_t body_status;
    int64_t body_split; /* bytes of a DATA frame at most, 0 = as many as fit */
    bool body_cut;      /* ends with RST_STREAM */
    bool plain;
    bool no_h2;
    bool alpn_alert;
    bool wrong_host;
    bool expired;
    bool tls12;
    bool ask_cert;  /* a client certificate may be sent */
    bool need_cert; /* it must */
    bool stamp;
    bool json_stats;
    bool help;
} relay_options;

/* false: *problem says what is wrong with which flag */
bool relay_options_parse(relay_options *options, int argc, char **argv, char *problem,
                         unsigned problem_capacity);
const char *relay_options_help(void);

#endif
