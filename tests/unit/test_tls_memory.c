/* SPDX-License-Identifier: MIT */
/*
 * Whatever the library needs comes from the region and goes back to it: with little memory each
 * step says so and leaks nothing, no tight spot makes a bad server good, and no key of a session
 * is left in the block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/region_check.h"
#include "unit/tls_peer.h"
#include "wire/tls_hooks.h"

enum {
    LIMIT_BYTES_MAX = 96 * 1024, /* enough without fixed-size big numbers too */
    LIMIT_STEP_BYTES = 1024,
    SECRETS_MAX = 8,
    TICKET_BYTES = 700, /* more than the library keeps inside a session */
    SECRET_BYTES_MAX = 48,
};

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[PEER_REGION_BYTES];
static cmx_region *region;
static peer_identity ca;
static peer_identity identity;
static const peer_alpn alpn = PEER_ALPN_H2;
static peer_client client;
static uint8_t *root;
static size_t root_len;

/* Leaves `limit` bytes of the region and takes the rest; give the result back afterwards. */
static void *leave_only(size_t limit)
{
    size_t largest = cmx_region_largest_free(region);
    assert_true(largest > limit);
    void *rest = cmx_region_take(region, largest - limit);
    assert_non_null(rest);
    return rest;
}

/* One meeting; returns the first status that is not CMX_OK. */
static int meet(cmx_tls_context *context, const char *host)
{
    static const uint8_t hello[] = "hello";
    uint8_t answer[sizeof(hello)];
    size_t got = 0;

    peer_client_init(&client);
    int rc = cmx_tls_open(&client.tls, context, host, false);
    if (rc != CMX_OK) {
        return rc;
    }
    peer_server server = peer_listen(&identity, NULL, &alpn);
    rc = peer_shake_hands(&client, &server, PEER_BUFFER_BYTES);
    if (rc == CMX_OK) {
        rc = cmx_tls_write(&client.tls, hello, sizeof(hello));
    }
    if (rc == CMX_OK) {
        assert_int_equal(SSL_write(server.session, hello, sizeof(hello)), sizeof(hello));
        (void)peer_carry_down(&client, &server, PEER_BUFFER_BYTES);
        rc = cmx_tls_read(&client.tls, answer, sizeof(answer), &got);
    }
    cmx_tls_close(&client.tls);
    peer_hang_up(&server);
    return rc;
}

/* A client that starts from nothing, with what memory there is. */
static int start_and_meet(const char *host)
{
    cmx_tls_context context;
    int rc = cmx_tls_context_init(&context, region);
    if (rc != CMX_OK) {
        assert_null(context.native);
        return rc;
    }
    rc = cmx_tls_context_add_der(&context, root, root_len);
    assert_int_equal(context.roots, rc == CMX_OK ? 1 : 0);
    if (rc == CMX_OK) {
        rc = meet(&context, host);
    }
    cmx_tls_context_deinit(&context);
    return rc;
}

static void test_tls_memory_too_little_is_said_and_nothing_leaks(void **state)
{
    size_t used = cmx_region_used(region);
    size_t first_good = 0;
    unsigned refusals = 0;

    (void)state;
    for (size_t limit = 256; limit <= LIMIT_BYTES_MAX; limit += LIMIT_STEP_BYTES) {
        void *rest = leave_only(limit);
        int rc = start_and_meet("relay.test");
        assert_true(rc == CMX_OK || rc == CMX_ERR_NO_MEMORY);
        cmx_region_give(region, rest);
        assert_int_equal(cmx_region_used(region), used);
        cmx_region_check(region);
        if (rc == CMX_OK) {
            first_good = first_good != 0 ? first_good : limit;
        } else {
            refusals++;
        }
    }
    assert_true(refusals > 10);
    assert_true(first_good > 0);
    print_message("context, one root and one session fit in %zu bytes\n", first_good);
}

static void test_tls_memory_tight_spot_makes_no_bad_server_good(void **state)
{
    (void)state;
    for (size_t limit = 256; limit <= LIMIT_BYTES_MAX; limit += LIMIT_STEP_BYTES) {
        void *rest = leave_only(limit);
        int rc = start_and_meet("other.test");
        assert_true(rc == CMX_ERR_CERT_HOST || rc == CMX_ERR_NO_MEMORY);
        cmx_region_give(region, rest);
    }
}

static void test_tls_memory_sessions_leave_nothing_behind(void **state)
{
    cmx_tls_context context;

    (void)state;
    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    assert_int_equal(cmx_tls_context_add_der(&context, root, root_len), CMX_OK);
    assert_int_equal(meet(&context, "relay.test"), CMX_OK);
    size_t used = cmx_region_used(region);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(meet(&context, "relay.test"), CMX_OK);
        assert_int_equal(meet(&context, "other.test"), CMX_ERR_CERT_HOST);
        assert_int_equal(cmx_region_used(region), used);
    }
    cmx_tls_context_deinit(&context);
    assert_int_equal(cmx_region_used(region), 0);
}

/* ---- tickets ---- */

static int fill_ticket(SSL *session, void *arg)
{
    static const uint8_t filler[TICKET_BYTES];
    (void)arg;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(session), filler, sizeof(filler));
}

static SSL_TICKET_RETURN refuse_ticket(SSL *session, SSL_SESSION *offered,
                                       const unsigned char *name, size_t name_len,
                                       SSL_TICKET_STATUS status, void *arg)
{
    (void)session;
    (void)offered;
    (void)name;
    (void)name_len;
    (void)status;
    (void)arg;
    return SSL_TICKET_RETURN_IGNORE;
}

static void test_tls_memory_large_ticket_stays_in_the_region(void **state)
{
    cmx_tls_context context;
    uint8_t byte;
    size_t got = 0;

    (void)state;
    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    assert_int_equal(cmx_tls_context_add_der(&context, root, root_len), CMX_OK);
    for (unsigned i = 0; i < 3; i++) {
        size_t used = cmx_region_used(region);
        peer_server server = peer_listen(&identity, NULL, &alpn);
        SSL_CTX_set_session_ticket_cb(server.context, fill_ticket, refuse_ticket, NULL);
        peer_client_init(&client);
        assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
        assert_int_equal(peer_shake_hands(&client, &server, PEER_BUFFER_BYTES), CMX_OK);
        assert_true(peer_carry_down(&client, &server, PEER_BUFFER_BYTES) > 2 * TICKET_BYTES);
        assert_int_equal(cmx_tls_read(&client.tls, &byte, 1, &got), CMX_AGAIN);
        assert_int_equal(cmx_buffer_len(&client.received), 0);
        cmx_tls_close(&client.tls);
        peer_hang_up(&server);
        assert_int_equal(cmx_region_used(region), used);
    }
    cmx_tls_context_deinit(&context);
    assert_int_equal(cmx_tls_hooks_strays(), 0);
}

/* ---- keys ---- */

static uint8_t secrets[SECRETS_MAX][SECRET_BYTES_MAX];
static size_t secret_lens[SECRETS_MAX];
static size_t secret_count;

/* Collects the secrets of a session as its server logs them: "LABEL random secret", in hex. */
static void collect_secret(const SSL *session, const char *line)
{
    const char *hex = strrchr(line, ' ');
    uint8_t *out = secrets[secret_count];
    size_t len = 0;

    (void)session;
    assert_non_null(hex);
    assert_true(secret_count < SECRETS_MAX);
    for (hex++; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        assert_true(len < SECRET_BYTES_MAX);
        out[len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    secret_lens[secret_count++] = len;
}

static unsigned count_secrets_in_memory(void)
{
    unsigned found = 0;
    for (size_t i = 0; i < secret_count; i++) {
        if (memmem(memory, sizeof(memory), secrets[i], secret_lens[i]) != NULL) {
            found++;
        }
    }
    return found;
}

static void test_tls_memory_holds_no_secret_after_close(void **state)
{
    static const char text[] = "Bearer this-is-the-key-of-the-relay";
    cmx_tls_context context;

    (void)state;
    peer_server server = peer_listen(&identity, NULL, &alpn);
    SSL_CTX_set_keylog_callback(server.context, collect_secret);
    SSL *session = SSL_new(server.context);
    SSL_set_accept_state(session);
    SSL_free(server.session);
    server.session = session;
    server.in = BIO_new(BIO_s_mem());
    server.out = BIO_new(BIO_s_mem());
    SSL_set_bio(session, server.in, server.out);

    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    assert_int_equal(cmx_tls_context_add_der(&context, root, root_len), CMX_OK);
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
    assert_int_equal(peer_shake_hands(&client, &server, PEER_BUFFER_BYTES), CMX_OK);
    assert_int_equal(cmx_tls_write(&client.tls, (const uint8_t *)text, sizeof(text)), CMX_OK);
    assert_true(secret_count >= 4);
    assert_true(count_secrets_in_memory() >= 1);
    cmx_tls_close(&client.tls);
    assert_int_equal(count_secrets_in_memory(), 0);
    assert_null(memmem(memory, sizeof(memory), text, sizeof(text) - 1));
    cmx_tls_context_deinit(&context);
    peer_hang_up(&server);
    assert_int_equal(cmx_region_used(region), 0);
}

static int set_up(void **state)
{
    peer_recipe recipe = {.name = "relay.test",
                          .san = "DNS:relay.test",
                          .issuer = &ca,
                          .usage = "digitalSignature",
                          .from_day = -1,
                          .until_day = 1};

    (void)state;
    region = cmx_region_init(memory, sizeof(memory));
    ca = peer_make_ca("root");
    identity = peer_make(&recipe);
    root = peer_der(&ca, &root_len);
    assert_int_equal(cmx_tls_library_init(&port), CMX_OK);
    assert_int_equal(cmx_region_used(region), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_tls_library_deinit();
    assert_int_equal(cmx_region_used(region), 0);
    assert_int_equal(cmx_tls_hooks_strays(), 0);
    OPENSSL_free(root);
    peer_forget(&ca);
    peer_forget(&identity);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_memory_too_little_is_said_and_nothing_leaks),
        cmocka_unit_test(test_tls_memory_tight_spot_makes_no_bad_server_good),
        cmocka_unit_test(test_tls_memory_sessions_leave_nothing_behind),
        cmocka_unit_test(test_tls_memory_large_ticket_stays_in_the_region),
        cmocka_unit_test(test_tls_memory_holds_no_secret_after_close),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
