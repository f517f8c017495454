/* SPDX-License-Identifier: MIT */
/*
 * One table. Unknown numbers are CMX_ERR_TLS: a new library may add errors, never a success.
 */
#include "wire/tls_error.h"

#include "wire/tls_build.h"

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

/* An error of the library and what it means. */
typedef struct tls_error_row {
    int16_t native;
    int16_t status;
} tls_error_row;

static const tls_error_row rows[] = {
    {WOLFSSL_ERROR_WANT_READ, CMX_AGAIN},
    {WOLFSSL_ERROR_WANT_WRITE, CMX_AGAIN},
    {WOLFSSL_ERROR_ZERO_RETURN, CMX_ERR_CLOSED},
    {SOCKET_ERROR_E, CMX_ERR_TLS_TRUNCATED}, /* only our receive callback fails, and only at the */
    {SOCKET_PEER_CLOSED_E, CMX_ERR_TLS_TRUNCATED}, /* end of the stream */
    {MEMORY_E, CMX_ERR_NO_MEMORY},
    {MEMORY_ERROR, CMX_ERR_NO_MEMORY},
    {UNKNOWN_ALPN_PROTOCOL_NAME_E, CMX_ERR_ALPN},
    {ASN_NO_SIGNER_E, CMX_ERR_CERT_UNTRUSTED},
    {ASN_SELF_SIGNED_E, CMX_ERR_CERT_UNTRUSTED},
    {DOMAIN_NAME_MISMATCH, CMX_ERR_CERT_HOST},
    {IPADDR_MISMATCH, CMX_ERR_CERT_HOST},
    {ASN_AFTER_DATE_E, CMX_ERR_CERT_EXPIRED},
    {ASN_BEFORE_DATE_E, CMX_ERR_CERT_NOT_YET},
};

/* What is wrong with a certificate or chain beyond trust, name and date, and the parser's own block
 * of numbers. */
static const int16_t certificate_errors[] = {
    ASN_CRIT_EXT_E,    ASN_NAME_INVALID_E, ASN_ECC_KEY_E,     ECC_CURVE_OID_E,  ASN_PATHLEN_SIZE_E,
    ASN_PATHLEN_INV_E, ASN_NO_SKID,        ASN_NO_AKID,       ASN_NO_KEYUSAGE,  ASN_DEPTH_E,
    ASN_LEN_E,         KEYUSAGE_E,         EXTKEYUSAGE_E,     SIG_TYPE_E,       HASH_TYPE_E,
    ALT_NAME_E,        WC_KEY_SIZE_E,      VERIFY_CERT_ERROR, NO_PEER_CERT,     NOT_CA_ERROR,
    MAX_CHAIN_ERROR,   KEYUSE_SIGNATURE_E, KEYUSE_ENCIPHER_E, EXTKEYUSE_AUTH_E, RSA_KEY_SIZE_E,
    ECC_KEY_SIZE_E,
};

int cmx_tls_error_status(int native, int alert)
{
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        if (native == rows[i].native) {
            return rows[i].status;
        }
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(certificate_errors); i++) {
        if (native == certificate_errors[i]) {
            return CMX_ERR_CERT_INVALID;
        }
    }
    if (native <= ASN_PARSE_E && native >= ASN_NO_PEM_HEADER) {
        return CMX_ERR_CERT_INVALID;
    }
    bool no_h2 = native == FATAL_ERROR && alert == no_application_protocol;
    return no_h2 ? CMX_ERR_ALPN : CMX_ERR_TLS;
}
