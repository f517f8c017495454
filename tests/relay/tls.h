/* SPDX-License-Identifier: MIT */
/*
 * The server's TLS context.
 * In: flags and PEM files. Out: an SSL_CTX that speaks TLS 1.3 and answers ALPN as told.
 * Must not know connections.
 */
#ifndef RELAY_TLS_H
#define RELAY_TLS_H

#include "options.h"

#include <openssl/ssl.h>

/* NULL: *problem says what failed. `options` lives as long as the context. */
SSL_CTX *relay_tls_open(const relay_options *options, const char *cert_file, const char *key_file,
                        const char **problem);

#endif
