/* SPDX-License-Identifier: MIT */
/*
 * One switch. Unknown numbers are CMX_ERR_TLS: a new library may add errors, never a success.
 */
#include "wire/tls_error.h"

#include "wire/tls_build.h"

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

/* Returns true for what is wrong with a certificate or chain beyond trust, name and date. */
static bool is_certificate_error(int native)
{
    switch (native) {
    case ASN_CRIT_EXT_E:
    case ASN_NAME_INVALID_E:
    case ASN_ECC_KEY_E:
    case ECC_CURVE_OID_E:
    case ASN_PATHLEN_SIZE_E:
    case ASN_PATHLEN_INV_E:
    case ASN_NO_SKID:
    case ASN_NO_AKID:
    case ASN_NO_KEYUSAGE:
    case ASN_DEPTH_E:
    case ASN_LEN_E:
    case KEYUSAGE_E:
    case EXTKEYUSAGE_E:
    case SIG_TYPE_E:
    case HASH_TYPE_E:
    case ALT_NAME_E:
    case WC_KEY_SIZE_E:
    case VERIFY_CERT_ERROR:
    case NO_PEER_CERT:
    case NOT_CA_ERROR:
    case MAX_CHAIN_ERROR:
    case KEYUSE_SIGNATURE_E:
    case KEYUSE_ENCIPHER_E:
    case EXTKEYUSE_AUTH_E:
    case RSA_KEY_SIZE_E:
    case ECC_KEY_SIZE_E:
        return true;
    default:
        /* The parser's own block of numbers; dates were told apart before. */
        return native <= ASN_PARSE_E && native >= ASN_NO_PEM_HEADER;
    }
}

int cmx_tls_error_status(int native, int alert)
{
    switch (native) {
    case WOLFSSL_ERROR_WANT_READ:
    case WOLFSSL_ERROR_WANT_WRITE:
        return CMX_AGAIN;
    case WOLFSSL_ERROR_ZERO_RETURN:
        return CMX_ERR_CLOSED;
    case SOCKET_ERROR_E: /* only our receive callback fails, and only at the end of the stream */
    case SOCKET_PEER_CLOSED_E:
        return CMX_ERR_TLS_TRUNCATED;
    case MEMORY_E:
    case MEMORY_ERROR:
        return CMX_ERR_NO_MEMORY;
    case UNKNOWN_ALPN_PROTOCOL_NAME_E:
        return CMX_ERR_ALPN;
    case FATAL_ERROR:
        return alert == no_application_protocol ? CMX_ERR_ALPN : CMX_ERR_TLS;
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
        return CMX_ERR_CERT_UNTRUSTED;
    case DOMAIN_NAME_MISMATCH:
    case IPADDR_MISMATCH:
        return CMX_ERR_CERT_HOST;
    case ASN_AFTER_DATE_E:
        return CMX_ERR_CERT_EXPIRED;
    case ASN_BEFORE_DATE_E:
        return CMX_ERR_CERT_NOT_YET;
    default:
        return is_certificate_error(native) ? CMX_ERR_CERT_INVALID : CMX_ERR_TLS;
    }
}
