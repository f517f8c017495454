/* SPDX-License-Identifier: MIT */
/*
 * Whom a session trusts, and what it calls each way of not trusting: our end against an OpenSSL
 * server in the same process, one certificate, protocol or clock at a time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"
#include "unit/region_check.h"
#include "unit/tls_peer.h"
#include "wire/tls_hooks.h"

/* The hook that tells the library the date; its prototype lives in the library's headers. */
time_t cmx_tls_hooks_time(time_t *out);

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[PEER_REGION_BYTES];
static cmx_region *region;
static peer_identity ca;
static peer_identity other_ca;
static cmx_tls_context context;
static peer_client client;

/* A meeting of the two ends; fields left out are the good case. */
typedef struct meeting {
    const char *host;
    bool is_ip;
    const char *san;
    bool has_no_san;
    const peer_identity *issuer;
    const peer_identity *chain;
    bool signs_itself;
    const char *usage;
    int from_day;
    int until_day;
    time_t base_s;
    unsigned rsa_bits;
    peer_alpn alpn;
    int version_max;   /* of the server; 0 = any */
    const char *group; /* of the server's key shares; NULL = any */
    size_t step_bytes; /* carried at a time; 0 = all */
} meeting;

/* Lets them meet and returns what our end says. Always ends with the memory of the session back. */
static int meet(const meeting *plan)
{
    size_t used = cmx_region_used(region);
    peer_recipe recipe = {
        .name = "relay.test",
        .san = plan->has_no_san ? NULL : (plan->san != NULL ? plan->san : "DNS:relay.test"),
        .issuer = plan->signs_itself ? NULL : (plan->issuer != NULL ? plan->issuer : &ca),
        .usage = plan->usage != NULL ? plan->usage : "digitalSignature",
        .from_day = plan->from_day != 0 ? plan->from_day : -1,
        .until_day = plan->until_day != 0 ? plan->until_day : 1,
        .base_s = plan->base_s,
        .rsa_bits = plan->rsa_bits,
    };
    const char *host = plan->host != NULL ? plan->host : "relay.test";
    peer_identity identity = peer_make(&recipe);
    peer_server server = peer_listen(&identity, plan->chain, &plan->alpn);
    if (plan->version_max != 0) {
        SSL_set_max_proto_version(server.session, plan->version_max);
    }
    if (plan->group != NULL) {
        assert_int_equal(SSL_set1_groups_list(server.session, plan->group), 1);
    }
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, host, plan->is_ip), CMX_OK);
    size_t limit = plan->step_bytes != 0 ? plan->step_bytes : PEER_BUFFER_BYTES;
    int rc = peer_shake_hands(&client, &server, limit);
    assert_true(client.tls.verified == (rc == CMX_OK));
    assert_true((cmx_tls_cipher(&client.tls) != 0) == (rc == CMX_OK));
    if (rc == CMX_OK) {
        const char *name = SSL_get_servername(server.session, TLSEXT_NAMETYPE_host_name);
        assert_int_equal(SSL_is_init_finished(server.session), 1);
        assert_true((name != NULL) == !plan->is_ip);
        assert_true(plan->is_ip || strcmp(name, host) == 0);
    }
    cmx_tls_close(&client.tls);
    assert_false(client.tls.verified);
    assert_int_equal(cmx_tls_cipher(&client.tls), 0);
    peer_hang_up(&server);
    peer_forget(&identity);
    assert_int_equal(cmx_region_used(region), used);
    cmx_region_check(region);
    return rc;
}

#define MEET(...) meet(&(meeting){__VA_ARGS__})

static void test_tls_good_server_is_verified(void **state)
{
    (void)state;
    assert_int_equal(MEET(.host = "relay.test"), CMX_OK);
    assert_int_equal(MEET(.host = "RELAY.test"), CMX_OK);
    assert_int_equal(MEET(.group = "P-256"), CMX_OK);
    assert_int_equal(MEET(.group = "P-384"), CMX_OK);
}

static void test_tls_byte_by_byte_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(MEET(.step_bytes = 1), CMX_OK);
    assert_int_equal(MEET(.step_bytes = 7), CMX_OK);
    assert_int_equal(MEET(.step_bytes = 1, .host = "other.test"), CMX_ERR_CERT_HOST);
}

static void test_tls_other_host_is_refused(void **state)
{
    (void)state;
    assert_int_equal(MEET(.host = "other.test"), CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.host = "relay.test.evil"), CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.host = "elay.test"), CMX_ERR_CERT_HOST);
    /* The Common Name says relay.test, but only the names of the certificate count. */
    assert_int_equal(MEET(.san = "DNS:other.test"), CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.san = "URI:https://relay.test"), CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.has_no_san = true), CMX_ERR_CERT_HOST);
}

static void test_tls_wildcard_covers_one_label(void **state)
{
    (void)state;
    assert_int_equal(MEET(.host = "a.relay.test", .san = "DNS:*.relay.test"), CMX_OK);
    assert_int_equal(MEET(.host = "a.b.relay.test", .san = "DNS:*.relay.test"), CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.host = "relay.test", .san = "DNS:*.relay.test"), CMX_ERR_CERT_HOST);
}

static void test_tls_address_must_be_named_as_address(void **state)
{
    (void)state;
    assert_int_equal(MEET(.host = "127.0.0.1", .is_ip = true, .san = "IP:127.0.0.1"), CMX_OK);
    assert_int_equal(MEET(.host = "::1", .is_ip = true, .san = "IP:::1"), CMX_OK);
    assert_int_equal(
        MEET(.host = "2001:db8::AF:0", .is_ip = true, .san = "DNS:x.test,IP:2001:db8:0:0:0:0:af:0"),
        CMX_OK);
    assert_int_equal(MEET(.host = "127.0.0.1", .is_ip = true, .san = "IP:127.0.0.2"),
                     CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.host = "::1", .is_ip = true, .san = "IP:::2"), CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.host = "127.0.0.1", .is_ip = true, .san = "DNS:127.0.0.1"),
                     CMX_ERR_CERT_HOST);
    assert_int_equal(MEET(.host = "127.0.0.1", .is_ip = true, .has_no_san = true),
                     CMX_ERR_CERT_HOST);
}

static void test_tls_name_that_is_no_address_cannot_be_opened_as_one(void **state)
{
    (void)state;
    size_t used = cmx_region_used(region);

    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", true), CMX_ERR_TLS);
    assert_null(client.tls.native);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "", false), CMX_ERR_TLS);
    assert_int_equal(cmx_region_used(region), used);
}

static void test_tls_dates_are_checked_against_the_ports_clock(void **state)
{
    (void)state;
    assert_int_equal(MEET(.from_day = -20, .until_day = -1), CMX_ERR_CERT_EXPIRED);
    assert_int_equal(MEET(.from_day = 1, .until_day = 20), CMX_ERR_CERT_NOT_YET);
    world.now_s += 10 * PEER_DAY_S;
    assert_int_equal(MEET(.until_day = 1), CMX_ERR_CERT_EXPIRED);
    assert_int_equal(MEET(.from_day = 1, .until_day = 20), CMX_OK);
    world.now_s = PEER_NOW_S;
}

static void test_tls_clock_that_is_not_set_means_build_time(void **state)
{
    (void)state;
    time_t built = cmx_tls_hooks_time(NULL) - PEER_NOW_S; /* a clock that is right is believed */
    assert_int_equal(built, 0);

    world.clock_status = CMX_AGAIN;
    built = cmx_tls_hooks_time(NULL);
    assert_true(built > 1700000000 && built < PEER_NOW_S + 20000 * (int64_t)PEER_DAY_S);
    assert_int_equal(MEET(.base_s = built), CMX_OK);
    assert_int_equal(MEET(.base_s = built, .from_day = 1, .until_day = 9), CMX_ERR_CERT_NOT_YET);
    world.clock_status = CMX_OK;
    world.now_s = 12345; /* 1970: a clock that was never set but does not say so */
    assert_int_equal(cmx_tls_hooks_time(NULL), built);
    assert_int_equal(MEET(.base_s = built, .from_day = -9, .until_day = -1), CMX_ERR_CERT_EXPIRED);
    world.now_s = PEER_NOW_S;
}

static void test_tls_unknown_signer_is_refused(void **state)
{
    (void)state;
    assert_int_equal(MEET(.issuer = &other_ca), CMX_ERR_CERT_UNTRUSTED);
    assert_int_equal(MEET(.issuer = &other_ca, .chain = &other_ca), CMX_ERR_CERT_UNTRUSTED);
    assert_int_equal(MEET(.signs_itself = true), CMX_ERR_CERT_UNTRUSTED);
}

static void test_tls_chain_must_consist_of_cas(void **state)
{
    (void)state;
    peer_recipe recipe = {.name = "middle",
                          .issuer = &ca,
                          .is_ca = true,
                          .usage = "keyCertSign",
                          .from_day = -9,
                          .until_day = 9};
    peer_identity middle = peer_make(&recipe);
    assert_int_equal(MEET(.issuer = &middle, .chain = &middle), CMX_OK);
    /* The chain was seen a moment ago, but each server must bring its own. */
    assert_int_equal(MEET(.issuer = &middle), CMX_ERR_CERT_UNTRUSTED);
    assert_int_equal(MEET(.issuer = &middle, .chain = &middle, .host = "other.test"),
                     CMX_ERR_CERT_HOST);
    peer_forget(&middle);

    recipe.is_ca = false;
    recipe.usage = "digitalSignature";
    recipe.san = "DNS:relay.test";
    peer_identity leaf = peer_make(&recipe);
    int rc = MEET(.issuer = &leaf, .chain = &leaf);
    assert_true(rc == CMX_ERR_CERT_INVALID || rc == CMX_ERR_CERT_UNTRUSTED);
    peer_forget(&leaf);

    recipe.is_ca = true;
    peer_identity no_signer = peer_make(&recipe);
    rc = MEET(.issuer = &no_signer, .chain = &no_signer);
    assert_true(rc == CMX_ERR_CERT_INVALID || rc == CMX_ERR_CERT_UNTRUSTED);
    peer_forget(&no_signer);
    assert_int_equal(MEET(.usage = "keyEncipherment"), CMX_ERR_CERT_INVALID);
}

static void test_tls_weak_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(MEET(.rsa_bits = 1024), CMX_ERR_CERT_INVALID);
    assert_int_equal(MEET(.rsa_bits = 2048), CMX_OK);
}

static void test_tls_clone_of_a_root_is_refused(void **state)
{
    (void)state;
    /* Same name, own key: what a trusted-peer match by name would let through. */
    peer_identity clone = peer_make_ca("root");
    assert_int_equal(
        X509_NAME_cmp(X509_get_subject_name(clone.cert), X509_get_subject_name(ca.cert)), 0);
    int rc = MEET(.issuer = &clone);
    assert_true(rc == CMX_ERR_CERT_UNTRUSTED || rc == CMX_ERR_CERT_INVALID);
    rc = MEET(.issuer = &clone, .chain = &clone);
    assert_true(rc == CMX_ERR_CERT_UNTRUSTED || rc == CMX_ERR_CERT_INVALID);
    peer_forget(&clone);
}

static void test_tls_only_h2_is_agreed_to(void **state)
{
    (void)state;
    assert_int_equal(MEET(.alpn = PEER_ALPN_SILENT), CMX_ERR_ALPN);
    assert_int_equal(MEET(.alpn = PEER_ALPN_HTTP1), CMX_ERR_ALPN);
    assert_int_equal(MEET(.alpn = PEER_ALPN_REFUSES), CMX_ERR_ALPN);
}

static void test_tls_old_version_is_refused(void **state)
{
    (void)state;
    assert_int_equal(MEET(.version_max = TLS1_2_VERSION), CMX_ERR_TLS);
}

static void write_before_handshake(void *ctx)
{
    (void)ctx;
    peer_client_init(&client);
    int rc = cmx_tls_open(&client.tls, &context, "relay.test", false);
    if (rc == CMX_OK) {
        rc = cmx_tls_write(&client.tls, (const uint8_t *)"secret", 6);
    }
    (void)rc;
}

static void test_tls_key_is_not_released_before_verification(void **state)
{
    (void)state;
    expect_panic(write_before_handshake, NULL);
}

static void test_tls_failing_entropy_stops_the_session(void **state)
{
    (void)state;
    size_t used = cmx_region_used(region);

    world.entropy_status = CMX_ERR_PORT;
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_ERR_TLS);
    world.entropy_status = CMX_OK;
    assert_int_equal(cmx_region_used(region), used);
}

static void test_tls_one_port_serves_the_process(void **state)
{
    (void)state;
    cmx_port other = port;

    assert_int_equal(cmx_tls_library_init(&other), CMX_ERR_PORT_CONFLICT);
    assert_int_equal(cmx_tls_library_init(&port), CMX_OK);
    cmx_tls_library_deinit();
    assert_int_equal(cmx_tls_library_init(&other), CMX_ERR_PORT_CONFLICT);
    assert_memory_equal(cmx_tls_library_version(), "wolfSSL 5.", 10);
    assert_int_equal(MEET(.host = "relay.test"), CMX_OK);
}

static void *start_and_stop(void *ctx)
{
    unsigned *failures = ctx;
    for (unsigned i = 0; i < 2000; i++) {
        if (cmx_tls_library_init(&port) != CMX_OK) {
            (*failures)++;
            continue;
        }
        cmx_tls_library_deinit();
    }
    return NULL;
}

static void test_tls_clients_may_start_in_several_threads(void **state)
{
    pthread_t threads[4];
    unsigned failures[4] = {0, 0, 0, 0};
    cmx_port other = port;

    (void)state;
    cmx_tls_library_deinit(); /* from no user at all, so that each start may be the first */
    for (size_t i = 0; i < CMX_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start_and_stop, &failures[i]), 0);
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
    /* All went: a different port may come, and the first one after it. */
    assert_int_equal(cmx_tls_library_init(&other), CMX_OK);
    assert_int_equal(cmx_tls_library_init(&port), CMX_ERR_PORT_CONFLICT);
    cmx_tls_library_deinit();
    assert_int_equal(cmx_tls_library_init(&port), CMX_OK);
    assert_int_equal(MEET(.host = "relay.test"), CMX_OK);
}

static int set_up(void **state)
{
    size_t len = 0;

    (void)state;
    region = cmx_region_init(memory, sizeof(memory));
    ca = peer_make_ca("root");
    other_ca = peer_make_ca("other root");
    assert_int_equal(cmx_tls_library_init(&port), CMX_OK);
    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    uint8_t *der = peer_der(&ca, &len);
    assert_int_equal(cmx_tls_context_add_der(&context, der, len), CMX_OK);
    assert_int_equal(context.roots, 1);
    OPENSSL_free(der);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_tls_context_deinit(&context);
    cmx_tls_library_deinit();
    assert_int_equal(cmx_region_used(region), 0);
    assert_int_equal(cmx_tls_hooks_strays(), 0);
    peer_forget(&ca);
    peer_forget(&other_ca);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_good_server_is_verified),
        cmocka_unit_test(test_tls_byte_by_byte_changes_nothing),
        cmocka_unit_test(test_tls_other_host_is_refused),
        cmocka_unit_test(test_tls_wildcard_covers_one_label),
        cmocka_unit_test(test_tls_address_must_be_named_as_address),
        cmocka_unit_test(test_tls_name_that_is_no_address_cannot_be_opened_as_one),
        cmocka_unit_test(test_tls_dates_are_checked_against_the_ports_clock),
        cmocka_unit_test(test_tls_clock_that_is_not_set_means_build_time),
        cmocka_unit_test(test_tls_unknown_signer_is_refused),
        cmocka_unit_test(test_tls_chain_must_consist_of_cas),
        cmocka_unit_test(test_tls_weak_key_is_refused),
        cmocka_unit_test(test_tls_clone_of_a_root_is_refused),
        cmocka_unit_test(test_tls_only_h2_is_agreed_to),
        cmocka_unit_test(test_tls_old_version_is_refused),
        cmocka_unit_test(test_tls_key_is_not_released_before_verification),
        cmocka_unit_test(test_tls_failing_entropy_stops_the_session),
        cmocka_unit_test(test_tls_one_port_serves_the_process),
        cmocka_unit_test(test_tls_clients_may_start_in_several_threads),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
