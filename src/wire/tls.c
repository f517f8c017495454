/* SPDX-License-Identifier: MIT */
/*
 * TLS on wolfSSL. The library reads and writes the two buffers of a session and never sees a
 * socket; all of its memory comes from the region. A session is opened in one order that cannot be
 * left half done, and one function alone decides that the peer is verified. It must not know HTTP.
 */
#include "wire/tls.h"

#include "base/address.h"
#include "wire/tls_build.h"
#include "wire/tls_error.h"
#include "wire/tls_hooks.h"

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>

#include <string.h>

enum {
    IP_TEXT_BYTES = 40, /* IPv6 written out, with its NUL */
    RSA_BITS_MIN = 2048,
    ECC_BITS_MIN = 256,
};

static const char alpn_h2[] = "h2";
static const char suites_aes_first[] =
    "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-GCM-SHA384";
static const char suites_chacha_first[] =
    "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384";

/* ---- the library ---- */

int cmx_tls_library_init(const cmx_port *port)
{
    /* Starting takes no memory: tls_hooks refuses and counts every call without a region. */
    int rc = cmx_tls_hooks_attach(port);
    if (rc != CMX_OK) {
        return rc;
    }
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
        cmx_tls_hooks_detach();
        return CMX_ERR_TLS;
    }
    return CMX_OK;
}

void cmx_tls_library_deinit(void)
{
    (void)wolfSSL_Cleanup();
    cmx_tls_hooks_detach();
}

const char *cmx_tls_library_version(void)
{
    return "wolfSSL " LIBWOLFSSL_VERSION_STRING;
}

/* ---- the context ---- */

/* Tells why a call of the library failed that only memory or our own mistake can make fail. */
static int setup_status(const cmx_region *region, uint64_t refused_before)
{
    return cmx_region_refused(region) > refused_before ? CMX_ERR_NO_MEMORY : CMX_ERR_TLS;
}

static bool configure_context(WOLFSSL_CTX *native)
{
    int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
    const char *suites = CMX_TLS_BUILD_AES_IS_FAST() ? suites_aes_first : suites_chacha_first;

    /* No callback: one that returns 1 would override the library's verdict. */
    wolfSSL_CTX_set_verify(native, WOLFSSL_VERIFY_PEER, NULL);
    /* The shared cache would keep tickets of one client in memory that names no region. */
    (void)wolfSSL_CTX_set_session_cache_mode(native, WOLFSSL_SESS_CACHE_OFF);
    return wolfSSL_CTX_SetMinVersion(native, WOLFSSL_TLSV1_3) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_SetMinRsaKey_Sz(native, RSA_BITS_MIN) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_SetMinEccKey_Sz(native, ECC_BITS_MIN) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_cipher_list(native, suites) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_groups(native, groups, (int)CMX_ARRAY_LEN(groups)) == WOLFSSL_SUCCESS;
}

static int receive_bytes(WOLFSSL *session, char *out, int size, void *ctx)
{
    cmx_tls *tls = ctx;
    size_t len = cmx_buffer_len(tls->received);

    (void)session;
    if (len == 0) {
        return tls->peer_ended ? WOLFSSL_CBIO_ERR_CONN_CLOSE : WOLFSSL_CBIO_ERR_WANT_READ;
    }
    if (len > (size_t)size) {
        len = (size_t)size;
    }
    memcpy(out, cmx_buffer_head(tls->received), len);
    cmx_buffer_skip(tls->received, len);
    return (int)len;
}

static int send_bytes(WOLFSSL *session, char *bytes, int size, void *ctx)
{
    cmx_tls *tls = ctx;
    size_t len = (size_t)size;

    (void)session;
    if (cmx_buffer_room(tls->to_send) < len) {
        cmx_buffer_compact(tls->to_send);
    }
    if (len > cmx_buffer_room(tls->to_send)) {
        len = cmx_buffer_room(tls->to_send);
    }
    if (len == 0) {
        return WOLFSSL_CBIO_ERR_WANT_WRITE;
    }
    cmx_buffer_append(tls->to_send, bytes, len);
    return (int)len;
}

int cmx_tls_context_init(cmx_tls_context *context, cmx_region *region)
{
    cmx_region_charge(region, 0);
    uint64_t refused = cmx_region_refused(region);
    WOLFSSL_METHOD *method = wolfTLSv1_3_client_method_ex(region);
    /* The context owns the method, also when it cannot be made. */
    WOLFSSL_CTX *native = method == NULL ? NULL : wolfSSL_CTX_new_ex(method, region);

    context->native = NULL;
    context->region = region;
    context->roots = 0;
    if (native == NULL || !configure_context(native)) {
        wolfSSL_CTX_free(native);
        return setup_status(region, refused);
    }
    wolfSSL_CTX_SetIORecv(native, receive_bytes);
    wolfSSL_CTX_SetIOSend(native, send_bytes);
    context->native = native;
    return CMX_OK;
}

void cmx_tls_context_deinit(cmx_tls_context *context)
{
    wolfSSL_CTX_free(context->native);
    context->native = NULL;
    context->roots = 0;
}

/* Tells whether a certificate may sign others. The library would take whatever its operator loads
 * as a root: a server's own certificate among the roots could then vouch for any name. */
static bool is_ca(cmx_region *region, const uint8_t *der, size_t len)
{
    DecodedCert *decoded = cmx_region_take(region, sizeof(*decoded));
    if (decoded == NULL) {
        return false;
    }
    wc_InitDecodedCert(decoded, der, (word32)len, region);
    bool parsed = wc_ParseCert(decoded, CERT_TYPE, NO_VERIFY, NULL) == 0;
    bool may_sign = !decoded->extKeyUsageSet || (decoded->extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0;
    bool passes = parsed && decoded->isCA && may_sign;
    wc_FreeDecodedCert(decoded);
    cmx_region_give(region, decoded);
    return passes;
}

int cmx_tls_context_add_der(cmx_tls_context *context, const uint8_t *der, size_t len)
{
    if (len == 0 || len > INT32_MAX) {
        return CMX_ERR_CERT_INVALID;
    }
    cmx_region_charge(context->region, 0);
    uint64_t refused = cmx_region_refused(context->region);
    size_t used = cmx_region_used(context->region);
    bool is_added = is_ca(context->region, der, len) &&
                    wolfSSL_CTX_load_verify_buffer(context->native, der, (long)len,
                                                   WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
    if (!is_added) {
        int rc = setup_status(context->region, refused);
        return rc == CMX_ERR_NO_MEMORY ? rc : CMX_ERR_CERT_INVALID;
    }
    /* A root that the library had already is kept once; directories hold the same one under
     * several names. */
    if (cmx_region_used(context->region) > used) {
        context->roots++;
    }
    return CMX_OK;
}

/* ---- the session ---- */

/* Writes an address the way the library prints those of a certificate: it compares text. */
static bool write_ip_text(const char *host, char out[IP_TEXT_BYTES])
{
    static const char digits[] = "0123456789ABCDEF";
    cmx_view text = cmx_view_text(host);
    cmx_address address;

    if (cmx_address_parse(text, &address) != CMX_OK) {
        return false;
    }
    if (address.family == 4) {
        /* The parser takes IPv4 in its one canonical form only. */
        memcpy(out, host, text.len + 1);
        return true;
    }
    char *at = out;
    for (size_t i = 0; i < sizeof(address.ip); i++) {
        if (i > 0 && i % 2 == 0) {
            *at++ = ':';
        }
        *at++ = digits[address.ip[i] >> 4];
        *at++ = digits[address.ip[i] & 15];
    }
    *at = '\0';
    return true;
}

/* Names the peer that the certificate must name. */
static bool set_identity(WOLFSSL *session, const char *host, bool is_ip)
{
    char ip[IP_TEXT_BYTES];

    if (is_ip) {
        return write_ip_text(host, ip) && wolfSSL_check_ip_address(session, ip) == WOLFSSL_SUCCESS;
    }
    size_t len = strlen(host);
    return len > 0 && len <= WOLFSSL_HOST_NAME_MAX &&
           wolfSSL_UseSNI(session, WOLFSSL_SNI_HOST_NAME, host, (unsigned short)len) ==
               WOLFSSL_SUCCESS &&
           wolfSSL_check_domain_name(session, host) == WOLFSSL_SUCCESS;
}

int cmx_tls_open(cmx_tls *tls, cmx_tls_context *context, const char *host, bool is_ip)
{
    cmx_region_charge(context->region, tls->region_owner);
    uint64_t refused = cmx_region_refused(context->region);
    char protocols[] = "h2";

    tls->native = NULL;
    tls->peer_ended = false;
    tls->verified = false;
    tls->native_error = 0;
    WOLFSSL *session = wolfSSL_new(context->native);
    if (session == NULL || !set_identity(session, host, is_ip) ||
        wolfSSL_UseALPN(session, protocols, sizeof(protocols) - 1,
                        WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS) {
        wolfSSL_free(session);
        return setup_status(context->region, refused);
    }
    wolfSSL_SetIOReadCtx(session, tls);
    wolfSSL_SetIOWriteCtx(session, tls);
    /* Set last: a session that has no identity to check does not exist. */
    tls->native = session;
    return CMX_OK;
}

static cmx_region *session_region(const cmx_tls *tls)
{
    return wolfSSL_CTX_GetHeap(NULL, tls->native);
}

/* Before the library works for a session: the memory it takes is the session's. Returns how often
 * the region had refused. */
static uint64_t charge_session(const cmx_tls *tls)
{
    cmx_region_charge(session_region(tls), tls->region_owner);
    return cmx_region_refused(session_region(tls));
}

/* Turns the result of a library call that did not succeed into a status and notes its number. */
static int session_status(cmx_tls *tls, int result, uint64_t refused_before)
{
    WOLFSSL_ALERT_HISTORY alerts = {{-1, -1}, {-1, -1}};
    int native = wolfSSL_get_error(tls->native, result);

    (void)wolfSSL_get_alert_history(tls->native, &alerts);
    int rc = cmx_tls_error_status(native, alerts.last_rx.code);
    if (rc == CMX_AGAIN) {
        return rc;
    }
    tls->native_error = native;
    /* Deep inside the library a refused allocation can surface as any error. */
    if (cmx_region_refused(session_region(tls)) > refused_before) {
        return CMX_ERR_NO_MEMORY;
    }
    return rc;
}

/* The one function that calls a peer verified. The library has checked chain, dates, host and the
 * proof of the key when its handshake succeeds; here is checked that it was that handshake: this
 * version, with a certificate (TLS 1.3 leaves it out only when a session is resumed), for h2. */
static int verify_peer(cmx_tls *tls)
{
    char *protocol = NULL;
    unsigned short len = 0;

    if (wolfSSL_version(tls->native) != TLS1_3_VERSION) {
        return CMX_ERR_TLS;
    }
    if (wolfSSL_session_reused(tls->native) != 0) {
        return CMX_ERR_CERT_INVALID;
    }
    if (wolfSSL_ALPN_GetProtocol(tls->native, &protocol, &len) != WOLFSSL_SUCCESS ||
        len != sizeof(alpn_h2) - 1 || memcmp(protocol, alpn_h2, len) != 0) {
        return CMX_ERR_ALPN;
    }
    tls->verified = true;
    return CMX_OK;
}

/* Forgets the intermediate CAs that the library took from the peer's chain. It would keep them for
 * all later sessions: memory that grows with what servers send, and chains that pass or fail
 * depending on who was visited before. */
static void drop_intermediates(cmx_tls *tls)
{
    WOLFSSL_CTX *context = wolfSSL_get_SSL_CTX(tls->native);
    (void)wolfSSL_CertManagerUnloadIntermediateCerts(wolfSSL_CTX_GetCertManager(context));
}

int cmx_tls_handshake(cmx_tls *tls)
{
    CMX_ASSERT(tls->native != NULL && !tls->verified);
    uint64_t refused = charge_session(tls);
    int result = wolfSSL_connect(tls->native);
    drop_intermediates(tls);
    if (result == WOLFSSL_SUCCESS) {
        return verify_peer(tls);
    }
    int rc = session_status(tls, result, refused);
    /* close_notify instead of an answer is a refusal, not an orderly end. */
    return rc == CMX_ERR_CLOSED ? CMX_ERR_TLS : rc;
}

int cmx_tls_read(cmx_tls *tls, uint8_t *out, size_t capacity, size_t *got)
{
    CMX_ASSERT(tls->native != NULL && tls->verified && capacity > 0);
    uint64_t refused = charge_session(tls);
    int size = capacity < CMX_TLS_PLAIN_BYTES_MAX ? (int)capacity : CMX_TLS_PLAIN_BYTES_MAX;

    *got = 0;
    int result = wolfSSL_read(tls->native, out, size);
    if (result > 0) {
        *got = (size_t)result;
        return CMX_OK;
    }
    return session_status(tls, result, refused);
}

int cmx_tls_write(cmx_tls *tls, const uint8_t *bytes, size_t len)
{
    CMX_ASSERT(tls->native != NULL && tls->verified && len > 0 && len <= INT32_MAX);
    size_t records = (len - 1) / CMX_TLS_PLAIN_BYTES_MAX + 1;
    CMX_ASSERT(cmx_buffer_room(tls->to_send) >= len + records * CMX_TLS_OVERHEAD_BYTES);

    uint64_t refused = charge_session(tls);
    int result = wolfSSL_write(tls->native, bytes, (int)len);
    if (result == (int)len) {
        return CMX_OK;
    }
    int rc = session_status(tls, result, refused);
    /* The room was there. What can still stay behind are answers to more key updates than a sane
     * peer asks for; nothing of ours may follow a record that was cut. */
    return rc == CMX_ERR_NO_MEMORY ? rc : CMX_ERR_TLS;
}

void cmx_tls_notify_close(cmx_tls *tls)
{
    if (tls->native == NULL) {
        return;
    }
    cmx_buffer_compact(tls->to_send);
    if (cmx_buffer_room(tls->to_send) >= CMX_TLS_OVERHEAD_BYTES) {
        (void)charge_session(tls);
        (void)wolfSSL_shutdown(tls->native);
    }
}

void cmx_tls_close(cmx_tls *tls)
{
    wolfSSL_free(tls->native);
    tls->native = NULL;
    tls->verified = false;
}

uint32_t cmx_tls_cipher(const cmx_tls *tls)
{
    if (tls->native == NULL || !tls->verified) {
        return 0;
    }
    return (uint32_t)wolfSSL_get_current_cipher_suite(tls->native);
}
