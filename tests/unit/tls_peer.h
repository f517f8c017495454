/* SPDX-License-Identifier: MIT */
/*
 * The other end of a TLS session for tests: an OpenSSL server over memory, in the same process, and
 * the certificates that it shows, made on the spot. Dates are relative to the clock that the test's
 * port tells, so that nothing expires. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_TLS_PEER_H
#define TESTS_UNIT_TLS_PEER_H

#include "base/region.h"
#include "wire/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

enum {
    PEER_NOW_S = 1800000000, /* January 2027, what the port's clock says */
    PEER_DAY_S = 86400,
    PEER_REGION_BYTES = 512 * 1024,
    PEER_BUFFER_BYTES = 32 * 1024,
    PEER_STEPS_MAX = 1000000,
};

/* ---- certificates ---- */

typedef struct peer_identity {
    X509 *cert;
    EVP_PKEY *key;
} peer_identity;

typedef struct peer_recipe {
    const char *name;            /* Common Name */
    const char *san;             /* as OpenSSL's configuration writes it; NULL = none */
    const peer_identity *issuer; /* NULL = signs itself */
    bool is_ca;
    const char *usage; /* keyUsage; NULL = none */
    int from_day;      /* of validity, relative to PEER_NOW_S */
    int until_day;
    time_t base_s;     /* instead of PEER_NOW_S; 0 = that */
    unsigned rsa_bits; /* instead of a P-256 key; 0 = that */
    const char *curve; /* likewise, as OpenSSL names it, or "ED25519"; NULL = P-256 */
    EVP_PKEY *key;     /* instead of one that is made; NULL = make one */
} peer_recipe;

static inline EVP_PKEY *peer_make_key(const peer_recipe *recipe)
{
    if (recipe->key != NULL) {
        assert_int_equal(EVP_PKEY_up_ref(recipe->key), 1);
        return recipe->key;
    }
    if (recipe->rsa_bits != 0) {
        return EVP_RSA_gen(recipe->rsa_bits);
    }
    if (recipe->curve != NULL && strcmp(recipe->curve, "ED25519") == 0) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return EVP_EC_gen(recipe->curve != NULL ? recipe->curve : "P-256");
}

/* The hash that goes with a key, as public authorities have it; NULL = the key brings its own. */
static inline const EVP_MD *peer_digest(EVP_PKEY *signer)
{
    if (EVP_PKEY_get_id(signer) == EVP_PKEY_ED25519) {
        return NULL;
    }
    int bits = EVP_PKEY_get_bits(signer);
    return bits == 384 ? EVP_sha384() : bits == 521 ? EVP_sha512() : EVP_sha256();
}

static inline void peer_add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline peer_identity peer_make(const peer_recipe *recipe)
{
    static long serial = 1;
    peer_identity made = {X509_new(), peer_make_key(recipe)};
    X509 *issuer = recipe->issuer != NULL ? recipe->issuer->cert : made.cert;
    EVP_PKEY *signer = recipe->issuer != NULL ? recipe->issuer->key : made.key;
    time_t base = recipe->base_s != 0 ? recipe->base_s : PEER_NOW_S;

    X509_set_version(made.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
    ASN1_TIME_set(X509_getm_notBefore(made.cert), base + (time_t)recipe->from_day * PEER_DAY_S);
    ASN1_TIME_set(X509_getm_notAfter(made.cert), base + (time_t)recipe->until_day * PEER_DAY_S);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)recipe->name, -1, -1, 0);
    X509_set_issuer_name(made.cert, X509_get_subject_name(issuer));
    X509_set_pubkey(made.cert, made.key);
    peer_add_extension(made.cert, issuer, NID_subject_key_identifier, "hash");
    if (recipe->is_ca) {
        peer_add_extension(made.cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (recipe->usage != NULL) {
        peer_add_extension(made.cert, issuer, NID_key_usage, recipe->usage);
    }
    if (recipe->san != NULL) {
        peer_add_extension(made.cert, issuer, NID_subject_alt_name, recipe->san);
    }
    assert_true(X509_sign(made.cert, signer, peer_digest(signer)) > 0);
    return made;
}

static inline void peer_forget(peer_identity *identity)
{
    X509_free(identity->cert);
    EVP_PKEY_free(identity->key);
    *identity = (peer_identity){NULL, NULL};
}

static inline peer_identity peer_make_ca(const char *name)
{
    peer_recipe recipe = {
        .name = name, .is_ca = true, .usage = "keyCertSign", .from_day = -100, .until_day = 100};
    return peer_make(&recipe);
}

/* Returns the certificate's DER; to be given back with OPENSSL_free(). */
static inline uint8_t *peer_der(const peer_identity *identity, size_t *len)
{
    unsigned char *der = NULL;
    int bytes = i2d_X509(identity->cert, &der);
    assert_true(bytes > 0);
    *len = (size_t)bytes;
    return der;
}

/* ---- the port: a clock, entropy and a log of nothing ---- */

typedef struct peer_world {
    int64_t now_s;
    int clock_status;
    int entropy_status;
    uint64_t random;
} peer_world;

static peer_world world = {PEER_NOW_S, CMX_OK, CMX_OK, 1};

static inline int peer_wall_clock(void *ctx, int64_t *unix_s)
{
    (void)ctx;
    *unix_s = world.now_s;
    return world.clock_status;
}

static inline int peer_entropy(void *ctx, void *out, size_t len)
{
    uint8_t *bytes = out;
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        world.random = world.random * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(world.random >> 56);
    }
    return world.entropy_status;
}

static cmx_port port = {.wall_clock = peer_wall_clock, .entropy = peer_entropy};

/* ---- the server ---- */

typedef enum peer_alpn {
    PEER_ALPN_H2,
    PEER_ALPN_HTTP1,
    PEER_ALPN_SILENT,
    PEER_ALPN_REFUSES
} peer_alpn;

typedef struct peer_server {
    SSL_CTX *context;
    SSL *session;
    BIO *in;  /* bytes for the server */
    BIO *out; /* bytes from the server */
} peer_server;

static inline int peer_select_alpn(SSL *session, const unsigned char **out, unsigned char *out_len,
                                   const unsigned char *in, unsigned int in_len, void *arg)
{
    static const unsigned char h2[] = "h2";
    static const unsigned char http1[] = "http/1.1";
    peer_alpn alpn = *(const peer_alpn *)arg;

    (void)session;
    assert_int_equal(in_len, 3);
    assert_memory_equal(in, "\x02h2", 3);
    *out = alpn == PEER_ALPN_HTTP1 ? http1 : h2;
    *out_len = alpn == PEER_ALPN_HTTP1 ? 8 : 2;
    if (alpn == PEER_ALPN_SILENT) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    return alpn == PEER_ALPN_REFUSES ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK;
}

static inline peer_server peer_listen(const peer_identity *identity, const peer_identity *chain,
                                      const peer_alpn *alpn)
{
    peer_server server = {.context = SSL_CTX_new(TLS_server_method())};
    SSL_CTX_set_security_level(server.context, 0); /* weak keys are for us to refuse */
    SSL_CTX_use_certificate(server.context, identity->cert);
    SSL_CTX_use_PrivateKey(server.context, identity->key);
    if (chain != NULL) {
        SSL_CTX_add1_chain_cert(server.context, chain->cert);
    }
    SSL_CTX_set_alpn_select_cb(server.context, peer_select_alpn, (void *)(uintptr_t)alpn);
    server.session = SSL_new(server.context);
    server.in = BIO_new(BIO_s_mem());
    server.out = BIO_new(BIO_s_mem());
    SSL_set_bio(server.session, server.in, server.out);
    SSL_set_accept_state(server.session);
    return server;
}

static inline void peer_hang_up(peer_server *server)
{
    SSL_free(server->session);
    SSL_CTX_free(server->context);
    *server = (peer_server){NULL, NULL, NULL, NULL};
}

/* ---- our end ---- */

typedef struct peer_client {
    cmx_tls tls;
    cmx_buffer received;
    cmx_buffer to_send;
    uint8_t received_bytes[PEER_BUFFER_BYTES];
    uint8_t to_send_bytes[PEER_BUFFER_BYTES];
} peer_client;

static inline void peer_client_init(peer_client *client)
{
    memset(client, 0, sizeof(*client));
    client->received = (cmx_buffer){.data = client->received_bytes, .capacity = PEER_BUFFER_BYTES};
    client->to_send = (cmx_buffer){.data = client->to_send_bytes, .capacity = PEER_BUFFER_BYTES};
    client->tls.received = &client->received;
    client->tls.to_send = &client->to_send;
}

/* Carries what lies in to_send to the server. */
static inline void peer_carry_up(peer_client *client, peer_server *server, size_t limit)
{
    size_t len = cmx_buffer_len(&client->to_send);
    if (len > limit) {
        len = limit;
    }
    if (len > 0) {
        assert_int_equal(BIO_write(server->in, cmx_buffer_head(&client->to_send), (int)len), len);
        cmx_buffer_skip(&client->to_send, len);
    }
}

/* Carries at most `limit` bytes from the server; returns how many. */
static inline size_t peer_carry_down(peer_client *client, peer_server *server, size_t limit)
{
    cmx_buffer_compact(&client->received);
    size_t room = cmx_buffer_room(&client->received);
    int got = BIO_read(server->out, cmx_buffer_tail(&client->received),
                       (int)(room < limit ? room : limit));
    if (got <= 0) {
        return 0;
    }
    cmx_buffer_filled(&client->received, (size_t)got);
    return (size_t)got;
}

/* Lets both ends shake hands, at most `limit` bytes per step; returns what our end says last. */
static inline int peer_shake_hands(peer_client *client, peer_server *server, size_t limit)
{
    for (int step = 0; step < PEER_STEPS_MAX; step++) {
        int rc = cmx_tls_handshake(&client->tls);
        peer_carry_up(client, server, limit);
        (void)SSL_do_handshake(server->session);
        if (rc != CMX_AGAIN) {
            peer_carry_up(client, server, PEER_BUFFER_BYTES);
            (void)SSL_do_handshake(server->session);
            return rc;
        }
        (void)peer_carry_down(client, server, limit);
    }
    return CMX_AGAIN;
}

#endif
