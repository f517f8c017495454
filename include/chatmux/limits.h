/* SPDX-License-Identifier: MIT */
/*
 * Every ceiling that is fixed when the library is compiled: what it bounds, its range, what it
 * costs. In: nothing, -DCMX_LIMIT_x=number, or a header of the user's own named by CMX_CONFIG_FILE,
 * in which some are defined. Out: each as a number; one out of range, or two that contradict each
 * other, do not compile. A program must be compiled with the same as the library, which CMake's
 * target sees to (-DCMX_CONFIG_FILE=my.h). `chatmux --build-info` prints them. What a configuration
 * may change when it runs is in chatmux/config.h.
 */
#ifndef CHATMUX_LIMITS_H
#define CHATMUX_LIMITS_H

#if defined(CMX_CONFIG_FILE)
#include CMX_CONFIG_FILE
#endif

/* ---- what a configuration may ask for; the memory is that of the configuration ---- */

/* Connections open at once: 1..31. */
#ifndef CMX_LIMIT_CONNECTIONS
#define CMX_LIMIT_CONNECTIONS 16
#endif

/* Origins, that is base URL, key and trust: 1..32. 4 bytes of stack each. */
#ifndef CMX_LIMIT_ORIGINS
#define CMX_LIMIT_ORIGINS 16
#endif

/* Requests queued or in flight: 1..65000. */
#ifndef CMX_LIMIT_REQUESTS
#define CMX_LIMIT_REQUESTS 4096
#endif

/* ---- an origin: bytes of the block, for each row of origins_max ---- */

/* Its key: 64..4096. */
#ifndef CMX_LIMIT_KEY_BYTES
#define CMX_LIMIT_KEY_BYTES 512
#endif

/* Path of its base URL, such as "/v1": 64..1024. And of the stack, while a request is written. */
#ifndef CMX_LIMIT_BASE_PATH_BYTES
#define CMX_LIMIT_BASE_PATH_BYTES 256
#endif

/* Query that goes with every path: 32..1024. And of the stack, as the path. */
#ifndef CMX_LIMIT_QUERY_BYTES
#define CMX_LIMIT_QUERY_BYTES 128
#endif

/* Name of the header that carries the key: 16..64. */
#ifndef CMX_LIMIT_AUTH_HEADER_BYTES
#define CMX_LIMIT_AUTH_HEADER_BYTES 32
#endif

/* Extra headers of its requests: 1..28, as many as CMX_LIMIT_REQUEST_FIELDS leaves. 6 bytes each.
 */
#ifndef CMX_LIMIT_ORIGIN_HEADERS
#define CMX_LIMIT_ORIGIN_HEADERS 8
#endif

/* Names and values of those headers: 64..4096. */
#ifndef CMX_LIMIT_ORIGIN_HEADER_BYTES
#define CMX_LIMIT_ORIGIN_HEADER_BYTES 512
#endif

/* User and password for its proxy: 16..512. 1.4 bytes each. */
#ifndef CMX_LIMIT_PROXY_KEY_BYTES
#define CMX_LIMIT_PROXY_KEY_BYTES 128
#endif

/* ---- a request ---- */

/* Its path behind the base URL, on the stack: 64..4096. */
#ifndef CMX_LIMIT_PATH_BYTES
#define CMX_LIMIT_PATH_BYTES 512
#endif

/* Headers that are sent beside the pseudo headers: 5..32. 80 bytes of stack each. */
#ifndef CMX_LIMIT_REQUEST_FIELDS
#define CMX_LIMIT_REQUEST_FIELDS 16
#endif

/* A model's name: 64..512. As many bytes of the block for each row of targets_max and prices_max.
 */
#ifndef CMX_LIMIT_MODEL_BYTES
#define CMX_LIMIT_MODEL_BYTES 128
#endif

/* Answers that a chat may ask for, and whose cut characters are joined: 1..32. 6 bytes of the block
 * each for each row of requests_max. */
#ifndef CMX_LIMIT_CHOICES
#define CMX_LIMIT_CHOICES 8
#endif

/* Messages of a chat: 1..1000000. No memory. */
#ifndef CMX_LIMIT_MESSAGES
#define CMX_LIMIT_MESSAGES 65536
#endif

/* ---- an answer ---- */

/* The server's error message that is kept, with its code and type: 64..255. Two bytes of the block
 * each, whatever requests_max is. */
#ifndef CMX_LIMIT_MESSAGE_BYTES
#define CMX_LIMIT_MESSAGE_BYTES 192
#endif

/* The server's id of a request, from its headers: 16..100. No memory: it shares
 * 123 bytes with a redirect's target. */
#ifndef CMX_LIMIT_REQUEST_ID_BYTES
#define CMX_LIMIT_REQUEST_ID_BYTES 64
#endif

/* Tokens of one JSON text, which is one event, an error body or the usage: 64..1024. 16 bytes of
 * stack each. */
#ifndef CMX_LIMIT_JSON_TOKENS
#define CMX_LIMIT_JSON_TOKENS 128
#endif

/* ---- a connection ---- */

/* Addresses of a host that are dialled: 2..16. 33 bytes of the block each. */
#ifndef CMX_LIMIT_ADDRESSES
#define CMX_LIMIT_ADDRESSES 8
#endif

/* Heads that wait in nghttp2 because the socket is full: 1..64. 716 bytes of the block each, 502
 * with 32-bit pointers. */
#ifndef CMX_LIMIT_UNSENT_HEADERS
#define CMX_LIMIT_UNSENT_HEADERS 16
#endif

/* The proxy's whole answer to CONNECT: 512..16384. No memory. */
#ifndef CMX_LIMIT_PROXY_HEAD_BYTES
#define CMX_LIMIT_PROXY_HEAD_BYTES 4096
#endif

/* Items of one connection before others get a turn: 8..65535. No memory; more means fewer and
 * longer turns. */
#ifndef CMX_LIMIT_ITEMS_PER_TURN
#define CMX_LIMIT_ITEMS_PER_TURN 256
#endif

/* RST_STREAM that a connection may send at once before it is replaced: 10..199, and so many more a
 * minute: 10..390. Half of these and all of those stay below 200, the least that servers are known
 * to take in 30 seconds before they end the connection with all its streams. */
#ifndef CMX_LIMIT_RESETS
#define CMX_LIMIT_RESETS 100
#endif
#ifndef CMX_LIMIT_RESETS_PER_MIN
#define CMX_LIMIT_RESETS_PER_MIN 180
#endif

/* ---- certificates, while they are read ---- */

/* One certificate, PEM or DER: 2048..65536. As many bytes of the block. */
#ifndef CMX_LIMIT_CERT_BYTES
#define CMX_LIMIT_CERT_BYTES 16384
#endif

/* One file of certificates: 65536..67108864. No memory. */
#ifndef CMX_LIMIT_TRUST_FILE_BYTES
#define CMX_LIMIT_TRUST_FILE_BYTES 16777216
#endif

/* Files of one directory: 16..65536. No memory. */
#ifndef CMX_LIMIT_TRUST_FILES
#define CMX_LIMIT_TRUST_FILES 4096
#endif

/* ---- beside it ---- */

/* One line of a trace: 128..4096. No memory; trace_bytes must hold two. */
#ifndef CMX_LIMIT_LINE_BYTES
#define CMX_LIMIT_LINE_BYTES 512
#endif

/* Texts that a cmx_collect keeps apart: 8..1024. 32 bytes of the caller's each. */
#ifndef CMX_LIMIT_COLLECT_PARTS
#define CMX_LIMIT_COLLECT_PARTS 64
#endif

/* X(name, smallest, largest): all of the above, for the checks and for --build-info. */
#define CMX_LIMIT_LIST(X)                \
    X(CONNECTIONS, 1, 31)                \
    X(ORIGINS, 1, 32)                    \
    X(REQUESTS, 1, 65000)                \
    X(KEY_BYTES, 64, 4096)               \
    X(BASE_PATH_BYTES, 64, 1024)         \
    X(QUERY_BYTES, 32, 1024)             \
    X(AUTH_HEADER_BYTES, 16, 64)         \
    X(ORIGIN_HEADERS, 1, 28)             \
    X(ORIGIN_HEADER_BYTES, 64, 4096)     \
    X(PROXY_KEY_BYTES, 16, 512)          \
    X(PATH_BYTES, 64, 4096)              \
    X(REQUEST_FIELDS, 5, 32)             \
    X(MODEL_BYTES, 64, 512)              \
    X(CHOICES, 1, 32)                    \
    X(MESSAGES, 1, 1000000)              \
    X(MESSAGE_BYTES, 64, 255)            \
    X(REQUEST_ID_BYTES, 16, 100)         \
    X(JSON_TOKENS, 64, 1024)             \
    X(ADDRESSES, 2, 16)                  \
    X(UNSENT_HEADERS, 1, 64)             \
    X(PROXY_HEAD_BYTES, 512, 16384)      \
    X(ITEMS_PER_TURN, 8, 65535)          \
    X(RESETS, 10, 199)                   \
    X(RESETS_PER_MIN, 10, 390)           \
    X(CERT_BYTES, 2048, 65536)           \
    X(TRUST_FILE_BYTES, 65536, 67108864) \
    X(TRUST_FILES, 16, 65536)            \
    X(LINE_BYTES, 128, 4096)             \
    X(COLLECT_PARTS, 8, 1024)

/* Headers that chatmux itself adds to those of an origin. */
#define CMX_LIMIT_OWN_FIELDS 4

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define CMX_LIMIT_ASSERT(name, min, max)                                   \
    _Static_assert(CMX_LIMIT_##name >= (min) && CMX_LIMIT_##name <= (max), \
                   "CMX_LIMIT_" #name " is out of range");
CMX_LIMIT_LIST(CMX_LIMIT_ASSERT)
#undef CMX_LIMIT_ASSERT
_Static_assert(CMX_LIMIT_ORIGIN_HEADERS + CMX_LIMIT_OWN_FIELDS <= CMX_LIMIT_REQUEST_FIELDS,
               "CMX_LIMIT_REQUEST_FIELDS leaves no room for CMX_LIMIT_ORIGIN_HEADERS");
_Static_assert(CMX_LIMIT_RESETS + CMX_LIMIT_RESETS_PER_MIN / 2 < 200,
               "CMX_LIMIT_RESETS and CMX_LIMIT_RESETS_PER_MIN together end connections");
_Static_assert(CMX_LIMIT_CERT_BYTES <= CMX_LIMIT_TRUST_FILE_BYTES,
               "CMX_LIMIT_TRUST_FILE_BYTES is less than one certificate");
#endif

#endif
