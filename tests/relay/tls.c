/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL, while the library under test speaks through wolfSSL: two stacks find more than one.
 * In: flags and PEM files. Out: an SSL_CTX. Must not print or exit.
 */
#include "tls.h"

static const unsigned char protocol_h2[] = "\x02h2";
static const unsigned char protocol_http11[] = "\x08http/1.1";

static int choose(const unsigned char **out, unsigned char *out_len, const unsigned char *wanted,
                  const unsigned char *offered, unsigned offered_len)
{
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, out_len, wanted, wanted[0] + 1u, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned offered_len, void *context)
{
    const relay_options *options = context;

    (void)ssl;
    if (options->alpn_alert) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (options->no_h2) {
        return choose(out, out_len, protocol_http11, offered, offered_len);
    }
    return choose(out, out_len, protocol_h2, offered, offered_len);
}

static const char *configure(SSL_CTX *context, const relay_options *options, const char *cert_file,
                             const char *key_file)
{
    const int version = options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;

    if (SSL_CTX_set_min_proto_version(context, version) != 1 ||
        SSL_CTX_set_max_proto_version(context, version) != 1) {
        return "cannot set the TLS version";
    }
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        return "cannot load the certificate";
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return "cannot load the private key, or it is not the certificate's";
    }
    return NULL;
}

SSL_CTX *relay_tls_open(const relay_options *options, const char *cert_file, const char *key_file,
                        const char **problem)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL) {
        *problem = "cannot make a TLS context";
        return NULL;
    }
    *problem = configure(context, options, cert_file, key_file);
    if (*problem != NULL) {
        SSL_CTX_free(context);
        return NULL;
    }
    if (options->ask_cert || options->need_cert) {
        int missing = options->need_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | missing, NULL);
    }
    SSL_CTX_set_alpn_select_cb(context, on_alpn, (void *)(uintptr_t)options);
    /* one large recv instead of two per record: the emulator must not eat the benchmark's cores */
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}
