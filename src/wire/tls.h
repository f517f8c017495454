/* SPDX-License-Identifier: MIT */
/*
 * One TLS session over two byte buffers. The connection moves cipher bytes between the buffers and
 * the socket; this module turns them into plaintext and back, and decides whether the peer is who
 * it claims to be. Nothing outside wire/tls*.c knows which library does the work.
 */
#ifndef CMX_WIRE_TLS_H
#define CMX_WIRE_TLS_H

#include "base/buffer.h"
#include "base/region.h"
#include "chatmux/port.h"

/* Settings and trust shared by the sessions of one or more origins. */
typedef struct cmx_tls_context {
    void *native;       /* owned: the library's context */
    cmx_region *region; /* borrowed: all of the library's memory */
    uint32_t roots;     /* CA certificates loaded */
} cmx_tls_context;

/* Starts the library for this process, counted; every client calls it once. The library's hooks
 * for time and entropy carry no context, so one port serves the whole process.
 *
 * Returns CMX_OK, or CMX_ERR_PORT_CONFLICT, CMX_ERR_TLS (the library cannot start). */
CMX_MUST_CHECK int cmx_tls_library_init(const cmx_port *port);

/* Balances one successful cmx_tls_library_init(). */
void cmx_tls_library_deinit(void);

/* Returns the library's name and version, such as "wolfSSL 5.9.2". */
const char *cmx_tls_library_version(void);

/* Prepares a context without any trust: TLS 1.3, ALPN h2, peer verification on.
 *
 * Returns CMX_OK, or CMX_ERR_NO_MEMORY, CMX_ERR_TLS. */
CMX_MUST_CHECK int cmx_tls_context_init(cmx_tls_context *context, cmx_region *region);

/* Releases and wipes; no session may be open. */
void cmx_tls_context_deinit(cmx_tls_context *context);

/* Adds one DER certificate to the trust.
 *
 * Returns CMX_OK (counted in `roots`), or CMX_ERR_CERT_INVALID (not a CA certificate, or one that
 * the library refuses, such as an expired one: the caller may skip it), CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_context_add_der(cmx_tls_context *context, const uint8_t *der,
                                           size_t len);

typedef struct cmx_tls {
    void *native;          /* owned: the library's session; NULL = closed */
    cmx_buffer *received;  /* borrowed: cipher bytes from the socket, drained here */
    cmx_buffer *to_send;   /* borrowed: cipher bytes for the socket, filled here */
    bool peer_ended;       /* set by the connection: the socket delivered its end of stream */
    bool verified;         /* the peer passed; written only by the one verifying function */
    int32_t native_error;  /* the library's number behind the last error; for logs */
    uint32_t region_owner; /* set before opening: to whom the session's memory is charged */
} cmx_tls;

/* Opens a session.
 *
 * host     host name or IP literal that the certificate must name; borrowed during the call
 * is_ip    host is a literal: no SNI, checked against IP SANs
 * received, to_send  borrowed until close; `to_send` has room for CMX_TLS_RECORD_BYTES_MAX
 *
 * Returns CMX_OK, or CMX_ERR_NO_MEMORY, CMX_ERR_TLS. */
CMX_MUST_CHECK int cmx_tls_open(cmx_tls *tls, cmx_tls_context *context, const char *host,
                                bool is_ip);

/* Advances the handshake as far as the bytes at hand and the room in `to_send` allow.
 *
 * Returns CMX_OK once, when the peer is verified and ALPN agreed to h2; CMX_AGAIN (send what is in
 * `to_send`, receive more); or CMX_ERR_ALPN, CMX_ERR_CERT_*, CMX_ERR_TLS, CMX_ERR_TLS_TRUNCATED,
 * CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_handshake(cmx_tls *tls);

/* Decrypts at most one record into `out`.
 *
 * Returns CMX_OK (*got >= 1), CMX_AGAIN (receive more), CMX_ERR_CLOSED (close_notify: the orderly
 * end), CMX_ERR_TLS_TRUNCATED (end of stream without it), or CMX_ERR_TLS, CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_read(cmx_tls *tls, uint8_t *out, size_t capacity, size_t *got);

/* Encrypts `len` bytes, all or nothing, into `to_send`, which must have room for
 * len + CMX_TLS_OVERHEAD_BYTES: then nothing can stay latched inside the library. Behind other
 * bytes there must be room for what the library may have to say itself, too.
 *
 * Returns CMX_OK, or CMX_ERR_TLS, CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_write(cmx_tls *tls, const uint8_t *bytes, size_t len);

/* Puts close_notify into `to_send` if it fits; does not wait for the peer's. */
void cmx_tls_notify_close(cmx_tls *tls);

/* Releases and wipes the session; allowed in every state. */
void cmx_tls_close(cmx_tls *tls);

/* Returns the TLS library's number of the agreed cipher suite; 0 before the handshake. */
uint32_t cmx_tls_cipher(const cmx_tls *tls);

enum {
    CMX_TLS_PLAIN_BYTES_MAX = 16384,  /* plaintext of one record: RFC 8446, 5.1 */
    CMX_TLS_RECORD_BYTES_MAX = 16645, /* cipher text with header: RFC 8446, 5.2 */
    CMX_TLS_OVERHEAD_BYTES = 64,      /* at least what one record adds */
};

#endif
