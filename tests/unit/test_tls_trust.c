/* SPDX-License-Identifier: MIT */
/*
 * Where trust comes from: every shape of a bundle, good, damaged and mixed, from memory, a file and
 * a directory. One bad certificate never costs a good one, and nothing at all is never success.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/region_check.h"
#include "unit/tls_peer.h"
#include "wire/tls_hooks.h"
#include "wire/tls_trust.h"

#include <openssl/pem.h>

enum {
    BUNDLE_BYTES = 5 * CMX_TLS_TRUST_CERT_BYTES_MAX + 48 * 1024,
    FILES_MAX = 8,
};

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[PEER_REGION_BYTES];
static cmx_region *region;
static cmx_tls_context context;
static peer_identity first;
static peer_identity second;
static peer_identity third;
static peer_identity expired;
static peer_identity leaf;
static peer_identity bare_leaf; /* without a key usage to betray it */

/* A bundle under construction. */
typedef struct bundle {
    char bytes[BUNDLE_BYTES];
    size_t len;
} bundle;

static bundle made;

static void add_text(const char *text)
{
    size_t len = strlen(text);
    assert_true(made.len + len < BUNDLE_BYTES);
    memcpy(made.bytes + made.len, text, len);
    made.len += len;
}

static void add_filler(size_t len)
{
    assert_true(made.len + len < BUNDLE_BYTES);
    memset(made.bytes + made.len, 'A', len);
    made.len += len;
}

static void add_pem(const peer_identity *identity)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_int_equal(PEM_write_bio_X509(bio, identity->cert), 1);
    long len = BIO_get_mem_data(bio, &text);
    assert_true(len > 0 && made.len + (size_t)len < BUNDLE_BYTES);
    memcpy(made.bytes + made.len, text, (size_t)len);
    made.len += (size_t)len;
    BIO_free(bio);
}

static void add_der(const peer_identity *identity)
{
    size_t len = 0;
    uint8_t *der = peer_der(identity, &len);
    assert_true(made.len + len < BUNDLE_BYTES);
    memcpy(made.bytes + made.len, der, len);
    made.len += len;
    OPENSSL_free(der);
}

/* ---- files, as the port shows them ---- */

static struct {
    const char *names[FILES_MAX];
    const char *bytes[FILES_MAX];
    size_t lens[FILES_MAX];
    uint32_t count;
    size_t chunk_bytes; /* given out per read; 0 = all */
    int status;         /* of reads, for ports that fail */
} disk;

static int read_disk(void *ctx, const char *path, uint64_t offset, void *out, size_t *len)
{
    (void)ctx;
    if (disk.status != CMX_OK) {
        return disk.status;
    }
    for (uint32_t i = 0; i < disk.count; i++) {
        char full[64];
        (void)snprintf(full, sizeof(full), "certs/%s", disk.names[i]);
        if (strcmp(path, full) != 0 || disk.bytes[i] == NULL) {
            continue;
        }
        size_t rest = disk.lens[i] - (size_t)offset;
        *len = rest < *len ? rest : *len;
        if (disk.chunk_bytes != 0 && *len > disk.chunk_bytes) {
            *len = disk.chunk_bytes;
        }
        memcpy(out, disk.bytes[i] + offset, *len);
        return CMX_OK;
    }
    return CMX_ERR_TRUST;
}

static int name_entry(void *ctx, const char *path, uint32_t index, char *name, size_t capacity)
{
    (void)ctx;
    if (strcmp(path, "certs") != 0) {
        return CMX_ERR_TRUST;
    }
    if (index >= disk.count) {
        return CMX_IDLE;
    }
    (void)snprintf(name, capacity, "%s", disk.names[index]);
    return CMX_OK;
}

static void add_file(const char *name, const char *bytes, size_t len)
{
    disk.names[disk.count] = name;
    disk.bytes[disk.count] = bytes;
    disk.lens[disk.count] = len;
    disk.count++;
}

/* ---- each test starts with an empty context and ends with all memory back ---- */

static int start(void **state)
{
    (void)state;
    made.len = 0;
    memset(&disk, 0, sizeof(disk));
    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    cmx_tls_context_deinit(&context);
    cmx_region_check(region);
    assert_int_equal(cmx_region_used(region), 0);
    return 0;
}

/* Loads what was made; every source must say the same. */
static int load(void)
{
    int rc = cmx_tls_trust_memory(&context, made.bytes, made.len);
    uint32_t roots = context.roots;
    static const size_t chunks[] = {0, 1000, 1};

    for (size_t i = 0; i < CMX_ARRAY_LEN(chunks); i++) {
        cmx_tls_context_deinit(&context);
        assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
        disk.count = 0;
        disk.chunk_bytes = chunks[i];
        add_file("made", made.bytes, made.len);
        int file_rc = cmx_tls_trust_file(&context, &port, "certs/made");
        assert_int_equal(file_rc, rc == CMX_ERR_CERT_INVALID ? CMX_ERR_TRUST : rc);
        assert_int_equal(context.roots, roots);
    }
    return rc;
}

static void test_tls_trust_pem_bundle_is_loaded_whole(void **state)
{
    (void)state;
    add_text("\xef\xbb\xbf# a comment and a dash - before\n");
    add_pem(&first);
    add_text("Second root\n===========\n-----BEGIN nothing-----\n");
    add_pem(&second);
    add_text("the end");
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 2);
}

static void test_tls_trust_text_between_may_be_long(void **state)
{
    (void)state;
    add_filler(3 * CMX_TLS_TRUST_CERT_BYTES_MAX - 11);
    add_text("\n");
    add_pem(&first);
    add_filler(CMX_TLS_TRUST_CERT_BYTES_MAX);
    add_pem(&second);
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 2);
}

static void test_tls_trust_dos_line_ends_are_fine(void **state)
{
    (void)state;
    add_pem(&first);
    bundle unix_ends = made;
    made.len = 0;
    for (size_t i = 0; i < unix_ends.len; i++) {
        char text[3] = {unix_ends.bytes[i], '\0', '\0'};
        add_text(text[0] == '\n' ? "\r\n" : text);
    }
    assert_true(made.len > unix_ends.len);
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 1);
}

static void test_tls_trust_der_may_hold_several(void **state)
{
    (void)state;
    add_der(&first);
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 1);
    add_der(&expired);
    add_der(&second);
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 2);
    add_text("rubbish after the last one");
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 2);
}

static void test_tls_trust_bad_ones_are_skipped(void **state)
{
    (void)state;
    add_pem(&expired);
    add_pem(&first);
    size_t at = made.len;
    add_pem(&second);
    memset(made.bytes + at + 100, '!', 20);           /* damaged */
    add_text("-----BEGIN CERTIFICATE-----\nMIIBcut"); /* cut */
    add_pem(&second);
    add_pem(&leaf);
    add_pem(&bare_leaf);
    add_text("-----BEGIN CERTIFICATE-----\n");
    add_filler(CMX_TLS_TRUST_CERT_BYTES_MAX + 5); /* too large */
    add_text("\n-----END CERTIFICATE-----\n");
    add_pem(&third);
    add_text("-----BEGIN CERTIFICATE-----\nMIIBcut");
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 3);
}

static void test_tls_trust_same_root_counts_once(void **state)
{
    (void)state;
    add_pem(&first);
    add_pem(&first);
    assert_int_equal(load(), CMX_OK);
    assert_int_equal(context.roots, 1);
    /* Again alone: nothing new, but it is trusted. */
    assert_int_equal(cmx_tls_trust_memory(&context, made.bytes, made.len), CMX_OK);
    assert_int_equal(context.roots, 1);
}

static void test_tls_trust_no_usable_one_is_an_error(void **state)
{
    (void)state;
    add_pem(&expired);
    assert_int_equal(load(), CMX_ERR_TRUST);
    add_pem(&leaf);
    assert_int_equal(load(), CMX_ERR_TRUST);
    made.len = 0;
    add_der(&leaf);
    assert_int_equal(load(), CMX_ERR_TRUST);
    made.len = 0;
    add_text("-----BEGIN CERTIFICATE-----\nMIIBcut");
    assert_int_equal(load(), CMX_ERR_TRUST);
    assert_int_equal(context.roots, 0);
}

static void test_tls_trust_bytes_that_are_no_certificate_are_named_so(void **state)
{
    (void)state;
    assert_int_equal(cmx_tls_trust_memory(&context, "", 0), CMX_ERR_CERT_INVALID);
    assert_int_equal(cmx_tls_trust_memory(&context, NULL, 0), CMX_ERR_CERT_INVALID);
    add_text("hello");
    assert_int_equal(load(), CMX_ERR_CERT_INVALID);
    made.len = 0;
    add_text("0"); /* looks like DER for one byte */
    assert_int_equal(load(), CMX_ERR_CERT_INVALID);
    made.len = 0;
    add_text("0\x84\xff\xff\xff\xff");
    assert_int_equal(load(), CMX_ERR_CERT_INVALID);
    made.len = 0;
    add_der(&first);
    made.len -= 1;
    assert_int_equal(load(), CMX_ERR_CERT_INVALID);
    made.len = 0;
    add_filler(40000);
    assert_int_equal(load(), CMX_ERR_CERT_INVALID);
}

static void test_tls_trust_single_der_must_be_a_ca(void **state)
{
    size_t len = 0;

    (void)state;
    uint8_t *der = peer_der(&bare_leaf, &len);
    assert_int_equal(cmx_tls_context_add_der(&context, der, len), CMX_ERR_CERT_INVALID);
    assert_int_equal(cmx_tls_context_add_der(&context, der, 0), CMX_ERR_CERT_INVALID);
    OPENSSL_free(der);
    der = peer_der(&expired, &len);
    assert_int_equal(cmx_tls_context_add_der(&context, der, len), CMX_ERR_CERT_INVALID);
    OPENSSL_free(der);
    peer_recipe recipe = {.name = "no signer",
                          .is_ca = true,
                          .usage = "digitalSignature",
                          .from_day = -9,
                          .until_day = 9};
    peer_identity no_signer = peer_make(&recipe);
    der = peer_der(&no_signer, &len);
    assert_int_equal(cmx_tls_context_add_der(&context, der, len), CMX_ERR_CERT_INVALID);
    OPENSSL_free(der);
    peer_forget(&no_signer);
    assert_int_equal(context.roots, 0);
}

static void test_tls_trust_unreadable_file_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(cmx_tls_trust_file(&context, &port, "certs/nothing"), CMX_ERR_TRUST);
    add_pem(&first);
    add_file("made", made.bytes, made.len);
    disk.status = CMX_AGAIN; /* a port outside its contract */
    assert_int_equal(cmx_tls_trust_file(&context, &port, "certs/made"), CMX_ERR_PORT);
    assert_int_equal(context.roots, 0);
}

static void test_tls_trust_directory_takes_what_it_can(void **state)
{
    static bundle other;

    (void)state;
    assert_int_equal(cmx_tls_trust_dir(&context, &port, "nowhere"), CMX_ERR_TRUST);
    assert_int_equal(cmx_tls_trust_dir(&context, &port, "certs"), CMX_ERR_TRUST);
    add_der(&second);
    other = made;
    made.len = 0;
    add_pem(&first);
    add_file("README", "not a certificate", 17);
    assert_int_equal(cmx_tls_trust_dir(&context, &port, "certs"), CMX_ERR_TRUST);
    add_file("first.pem", made.bytes, made.len);
    add_file("broken-link", NULL, 0);
    add_file("second.der", other.bytes, other.len);
    add_file("0a0a0a0a.0", made.bytes, made.len);
    assert_int_equal(cmx_tls_trust_dir(&context, &port, "certs"), CMX_OK);
    assert_int_equal(context.roots, 2);
}

static void test_tls_trust_too_little_memory_is_said(void **state)
{
    (void)state;
    add_pem(&first);
    add_pem(&second);
    unsigned refusals = 0;
    for (size_t limit = 1024; limit < CMX_TLS_TRUST_CERT_BYTES_MAX + 16384; limit += 256) {
        size_t used = cmx_region_used(region);
        void *rest = cmx_region_take(region, cmx_region_largest_free(region) - limit);
        assert_non_null(rest);
        int rc = cmx_tls_trust_memory(&context, made.bytes, made.len);
        assert_true(rc == CMX_OK || rc == CMX_ERR_NO_MEMORY);
        refusals += rc == CMX_ERR_NO_MEMORY;
        cmx_region_give(region, rest);
        assert_true(rc == CMX_OK || context.roots > 0 || cmx_region_used(region) == used);
    }
    assert_true(refusals > 10);
    assert_int_equal(context.roots, 2);
}

static int set_up(void **state)
{
    peer_recipe recipe = {
        .name = "old", .is_ca = true, .usage = "keyCertSign", .from_day = -9, .until_day = -1};

    (void)state;
    port.file_read = read_disk;
    port.dir_entry = name_entry;
    region = cmx_region_init(memory, sizeof(memory));
    first = peer_make_ca("first");
    second = peer_make_ca("second");
    third = peer_make_ca("third");
    expired = peer_make(&recipe);
    recipe = (peer_recipe){.name = "leaf",
                           .issuer = &first,
                           .usage = "digitalSignature",
                           .san = "DNS:relay.test",
                           .from_day = -9,
                           .until_day = 9};
    leaf = peer_make(&recipe);
    recipe.usage = NULL;
    bare_leaf = peer_make(&recipe);
    return cmx_tls_library_init(&port);
}

static int tear_down(void **state)
{
    (void)state;
    cmx_tls_library_deinit();
    assert_int_equal(cmx_tls_hooks_strays(), 0);
    peer_forget(&first);
    peer_forget(&second);
    peer_forget(&third);
    peer_forget(&expired);
    peer_forget(&leaf);
    peer_forget(&bare_leaf);
    return 0;
}

#define TRUST_TEST(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TRUST_TEST(test_tls_trust_pem_bundle_is_loaded_whole),
        TRUST_TEST(test_tls_trust_text_between_may_be_long),
        TRUST_TEST(test_tls_trust_dos_line_ends_are_fine),
        TRUST_TEST(test_tls_trust_der_may_hold_several),
        TRUST_TEST(test_tls_trust_bad_ones_are_skipped),
        TRUST_TEST(test_tls_trust_same_root_counts_once),
        TRUST_TEST(test_tls_trust_no_usable_one_is_an_error),
        TRUST_TEST(test_tls_trust_bytes_that_are_no_certificate_are_named_so),
        TRUST_TEST(test_tls_trust_single_der_must_be_a_ca),
        TRUST_TEST(test_tls_trust_unreadable_file_is_an_error),
        TRUST_TEST(test_tls_trust_directory_takes_what_it_can),
        TRUST_TEST(test_tls_trust_too_little_memory_is_said),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
