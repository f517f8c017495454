/* SPDX-License-Identifier: MIT */
/*
 * Which keys a chain may have: root, intermediate and server of each kind against an OpenSSL server
 * in the same process. What public authorities use must pass in every profile; a key that is too
 * short, or that the profile `size` has no arithmetic for, is refused by name, as a root or below
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <wolfssl/wolfcrypt/settings.h>

#include "unit/region_check.h"
#include "unit/tls_peer.h"
#include "wire/tls_trust.h"

#if defined(WOLFSSL_SP_MATH)
enum { HAS_ANY_SIZE = false }; /* the profile `size` */
#else
enum { HAS_ANY_SIZE = true };
#endif

enum { RSA_KINDS_MAX = 8 };

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[PEER_REGION_BYTES];
static cmx_region *region;

/* A key's kind; rsa_bits 0 = of the curve. */
typedef struct kind {
    unsigned rsa_bits;
    const char *curve;
} kind;

typedef struct chain {
    const char *name;
    kind root;
    kind middle;
    kind server;
} chain;

/* Large keys take long to make: one serves all of its kind, two what signs itself and what it
 * signs. */
static EVP_PKEY *find_key(const kind *want, bool is_middle)
{
    static struct {
        unsigned rsa_bits;
        EVP_PKEY *keys[2];
    } made[RSA_KINDS_MAX];
    if (want->rsa_bits == 0) {
        return NULL;
    }
    size_t at = 0;
    while (made[at].rsa_bits != want->rsa_bits && made[at].rsa_bits != 0) {
        assert_true(++at < RSA_KINDS_MAX);
    }
    made[at].rsa_bits = want->rsa_bits;
    if (made[at].keys[is_middle] == NULL) {
        made[at].keys[is_middle] = EVP_RSA_gen(want->rsa_bits);
    }
    return made[at].keys[is_middle];
}

static peer_identity make(const char *name, const kind *key, const peer_identity *issuer)
{
    bool is_server = strcmp(name, "relay.test") == 0;
    peer_recipe recipe = {
        .name = name,
        .san = is_server ? "DNS:relay.test" : NULL,
        .issuer = issuer,
        .is_ca = !is_server,
        .usage = is_server ? "digitalSignature" : "keyCertSign",
        .from_day = -1,
        .until_day = 1,
        .curve = key->curve,
        .key = find_key(key, strcmp(name, "middle") == 0),
    };
    return peer_make(&recipe);
}

static int shake_hands(cmx_tls_context *context, const peer_identity *server_id,
                       const peer_identity *middle)
{
    static peer_client client;
    static const peer_alpn alpn = PEER_ALPN_H2;
    peer_server server = peer_listen(server_id, middle, &alpn);
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, context, "relay.test", false), CMX_OK);
    int rc = peer_shake_hands(&client, &server, PEER_BUFFER_BYTES);
    assert_true(client.tls.verified == (rc == CMX_OK));
    cmx_tls_close(&client.tls);
    peer_hang_up(&server);
    return rc;
}

/* Returns what our end says, of the root already or of the chain. */
static int meet(const chain *with)
{
    cmx_tls_context context;
    size_t used = cmx_region_used(region);
    peer_identity root = make("root", &with->root, NULL);
    peer_identity middle = make("middle", &with->middle, &root);
    peer_identity server = make("relay.test", &with->server, &middle);
    size_t len;
    uint8_t *der = peer_der(&root, &len);
    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    int rc = cmx_tls_trust_memory(&context, der, len);
    if (rc == CMX_OK) {
        rc = shake_hands(&context, &server, &middle);
    }
    cmx_tls_context_deinit(&context);
    OPENSSL_free(der);
    peer_forget(&server);
    peer_forget(&middle);
    peer_forget(&root);
    assert_int_equal(cmx_region_used(region), used);
    cmx_region_check(region);
    return rc;
}

static void test_tls_keys_of_public_authorities_pass(void **state)
{
    (void)state;
    static const chain chains[] = {
        {"RSA 4096, 2048, P-256", {4096, NULL}, {2048, NULL}, {0, "P-256"}},
        {"RSA 2048 throughout", {2048, NULL}, {2048, NULL}, {2048, NULL}},
        {"RSA 4096, 3072, 2048", {4096, NULL}, {3072, NULL}, {2048, NULL}},
        {"RSA 2048, 3072, 4096", {2048, NULL}, {3072, NULL}, {4096, NULL}},
        {"P-384, P-384, P-256", {0, "P-384"}, {0, "P-384"}, {0, "P-256"}},
        {"P-384, P-256, P-384", {0, "P-384"}, {0, "P-256"}, {0, "P-384"}},
        {"P-384, P-256, RSA 2048", {0, "P-384"}, {0, "P-256"}, {2048, NULL}},
        {"RSA 4096, P-384, P-256", {4096, NULL}, {0, "P-384"}, {0, "P-256"}},
    };
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        int rc = meet(&chains[i]);
        if (rc != CMX_OK) {
            fail_msg("%s: %s", chains[i].name, cmx_error_name(rc));
        }
    }
}

/* As root, between and at the end: refused, and nothing else goes wrong. */
static void expect(const char *name, kind odd, bool passes)
{
    const kind good = {0, "P-256"};
    const chain chains[] = {
        {"as the root", odd, good, good},
        {"in between", good, odd, good},
        {"of the server", good, good, odd},
    };
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        int rc = meet(&chains[i]);
        bool refused = rc == CMX_ERR_TRUST || rc == CMX_ERR_CERT_INVALID || rc == CMX_ERR_TLS;
        if (passes ? rc != CMX_OK : !refused) {
            fail_msg("%s %s: %s", name, chains[i].name, cmx_error_name(rc));
        }
    }
}

static void test_tls_keys_that_are_refused_are_refused_by_name(void **state)
{
    (void)state;
    expect("RSA 1024", (kind){1024, NULL}, false);
    expect("RSA 2560", (kind){2560, NULL}, HAS_ANY_SIZE);
    expect("P-224", (kind){0, "P-224"}, false);
    expect("P-521", (kind){0, "P-521"}, false);
    expect("Ed25519", (kind){0, "ED25519"}, false);
}

static int set_up(void **state)
{
    (void)state;
    region = cmx_region_init(memory, sizeof memory);
    return cmx_tls_library_init(&port);
}

static int tear_down(void **state)
{
    (void)state;
    cmx_tls_library_deinit();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_keys_of_public_authorities_pass),
        cmocka_unit_test(test_tls_keys_that_are_refused_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
