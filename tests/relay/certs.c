/* SPDX-License-Identifier: MIT */
/*
 * X.509 by OpenSSL: ECDSA P-256 keys, an authority and a leaf for localhost, 127.0.0.1 and ::1.
 * In: a folder and what shall be wrong with the leaf. Out: three PEM files, each put in place
 * whole. Must not be used for anything but tests: the names and lifetimes suit nothing else.
 */
#include "certs.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S (24L * 60 * 60)

typedef struct identity {
    X509 *cert;
    EVP_PKEY *key;
} identity;

static void deinit_identity(identity *who)
{
    X509_free(who->cert);
    EVP_PKEY_free(who->key);
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool added;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) {
        return false;
    }
    added = X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[8];
    uint64_t serial = 0;

    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        serial = serial << 8 | bytes[i];
    }
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1;
}

static bool set_subject(X509 *cert, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(cert);

    return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
                                      (const unsigned char *)"chatmux test", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                      -1, 0) == 1;
}

/* A key and an unsigned certificate, valid from begin_s to end_s relative to now. */
static bool init_identity(identity *who, const char *name, long begin_s, long end_s)
{
    who->key = EVP_EC_gen("P-256");
    who->cert = X509_new();
    if (who->key == NULL || who->cert == NULL) {
        return false;
    }
    return X509_set_version(who->cert, X509_VERSION_3) == 1 && set_serial(who->cert) &&
           X509_gmtime_adj(X509_getm_notBefore(who->cert), begin_s) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(who->cert), end_s) != NULL &&
           X509_set_pubkey(who->cert, who->key) == 1 && set_subject(who->cert, name);
}

static bool sign(identity *who, const identity *issuer)
{
    return X509_sign(who->cert, issuer->key, EVP_sha256()) > 0;
}

static bool make_ca(identity *ca)
{
    return init_identity(ca, "chatmux test CA", -90 * DAY_S, 90 * DAY_S) &&
           X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) == 1 &&
           add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash") && sign(ca, ca);
}

static bool make_leaf(identity *leaf, const identity *ca, bool wrong_host, bool expired)
{
    const char *names = wrong_host ? "DNS:wrong.example" : "DNS:localhost,IP:127.0.0.1,IP:::1";
    const long begin_s = expired ? -60 * DAY_S : -DAY_S;
    const long end_s = expired ? -30 * DAY_S : 30 * DAY_S;

    return init_identity(leaf, "chatmux test relay", begin_s, end_s) &&
           X509_set_issuer_name(leaf->cert, X509_get_subject_name(ca->cert)) == 1 &&
           add_extension(leaf->cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(leaf->cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(leaf->cert, ca->cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(leaf->cert, ca->cert, NID_subject_alt_name, names) &&
           add_extension(leaf->cert, ca->cert, NID_subject_key_identifier, "hash") &&
           add_extension(leaf->cert, ca->cert, NID_authority_key_identifier, "keyid") &&
           sign(leaf, ca);
}

/* Exactly one of cert and key. The file appears whole or not at all, and never with a wider mode.
 */
static bool write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
    char draft[RELAY_CERTS_PATH_MAX + 8];
    const int len = snprintf(draft, sizeof draft, "%s.tmp", path);
    FILE *file;
    int fd;
    bool written;

    if (len < 0 || (size_t)len >= sizeof draft || (unlink(draft) != 0 && errno != ENOENT)) {
        return false;
    }
    fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, key != NULL ? 0600 : 0644);
    if (fd < 0) {
        return false;
    }
    file = fdopen(fd, "w");
    if (file == NULL) {
        (void)close(fd);
        return false;
    }
    if (key != NULL) {
        written = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    } else {
        written = PEM_write_X509(file, cert) == 1;
    }
    return (fclose(file) == 0) && written && rename(draft, path) == 0;
}

static bool join(char *out, const char *folder, const char *name)
{
    const int len = snprintf(out, RELAY_CERTS_PATH_MAX, "%s/%s", folder, name);

    return len > 0 && len < RELAY_CERTS_PATH_MAX;
}

bool relay_certs_make(const char *folder, bool wrong_host, bool expired, relay_certs_names *names,
                      const char **problem)
{
    identity ca = {NULL, NULL};
    identity leaf = {NULL, NULL};

    *problem = NULL;
    if (!join(names->ca, folder, "ca.pem") || !join(names->cert, folder, "cert.pem") ||
        !join(names->key, folder, "key.pem")) {
        *problem = "the folder's name is too long";
        return false;
    }
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        *problem = "cannot make the folder";
        return false;
    }
    if (!make_ca(&ca) || !make_leaf(&leaf, &ca, wrong_host, expired)) {
        *problem = "cannot make the certificates";
    } else if (!write_pem(names->key, NULL, leaf.key) || !write_pem(names->cert, leaf.cert, NULL) ||
               !write_pem(names->ca, ca.cert, NULL)) {
        *problem = "cannot write the PEM files";
    }
    deinit_identity(&leaf);
    deinit_identity(&ca);
    return *problem == NULL;
}
