/* SPDX-License-Identifier: MIT */
/*
 * What the TLS library must be before a line of wire/tls*.c is compiled, and the facts of the build
 * that these files need as numbers. Included by wire/tls*.c only, after the library's settings. It
 * is the one header beside base/base.h that looks at macros from outside: a library that was built
 * to trust too much has to fail here, not in the field.
 */
#ifndef CMX_WIRE_TLS_BUILD_H
#define CMX_WIRE_TLS_BUILD_H

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/types.h>
#include <wolfssl/version.h>

#include <stdbool.h>

#if LIBWOLFSSL_VERSION_HEX < 0x05009002
#error "wolfSSL below 5.9.2 has open holes in chain verification; use 5.9.2 or newer"
#endif
#if !defined(WOLFSSL_NO_TLS12) && LIBWOLFSSL_VERSION_HEX < 0x05009004
#error "TLS 1.2 of wolfSSL below 5.9.4 accepts an early ChangeCipherSpec; define WOLFSSL_NO_TLS12"
#endif
#if !defined(WOLFSSL_TLS13) || !defined(HAVE_ALPN) || !defined(HAVE_SNI)
#error "wolfSSL needs WOLFSSL_TLS13, HAVE_ALPN and HAVE_SNI"
#endif
#if !defined(WOLFSSL_IP_ALT_NAME)
#error "without WOLFSSL_IP_ALT_NAME, IP name constraints are ignored; define it"
#endif
#if !defined(WOLFSSL_HOSTNAME_VERIFY_ALT_NAME_ONLY)
#error "without WOLFSSL_HOSTNAME_VERIFY_ALT_NAME_ONLY the Common Name can stand in for a host"
#endif
#if !defined(XMALLOC_USER) || !defined(CUSTOM_RAND_GENERATE_SEED) || !defined(TIME_OVERRIDES)
#error "wolfSSL must take memory, entropy and time from chatmux's hooks"
#endif
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && !defined(BIG_ENDIAN_ORDER)
#error "wolfSSL takes this CPU for little-endian and no handshake succeeds; define BIG_ENDIAN_ORDER"
#endif

/* Never defined: each makes the library trust more than it should. WOLFSSL_ALT_CERT_CHAINS is
 * allowed because public sites are cross-signed. */
#if defined(OPENSSL_COMPATIBLE_DEFAULTS)
#error "OPENSSL_COMPATIBLE_DEFAULTS turns peer verification off by default"
#endif
#if defined(WOLFSSL_TRUST_PEER_CERT)
#error "WOLFSSL_TRUST_PEER_CERT accepts clones of a trusted root"
#endif
#if defined(HAVE_ANON)
#error "HAVE_ANON allows a server without a certificate"
#endif
#if defined(NO_WOLFSSL_CM_VERIFY)
#error "NO_WOLFSSL_CM_VERIFY skips verification of a chain"
#endif
#if defined(IGNORE_NAME_CONSTRAINTS)
#error "IGNORE_NAME_CONSTRAINTS lets a constrained CA sign for every name"
#endif
#if defined(ALLOW_INVALID_CERTSIGN)
#error "ALLOW_INVALID_CERTSIGN lets a leaf sign certificates"
#endif
#if defined(WOLFSSL_NO_ASN_STRICT)
#error "WOLFSSL_NO_ASN_STRICT accepts malformed certificates"
#endif
#if defined(WOLFSSL_ALLOW_NO_CN_IN_SAN)
#error "WOLFSSL_ALLOW_NO_CN_IN_SAN matches the Common Name beside the names of the certificate"
#endif
#if defined(NO_ASN_TIME)
#error "NO_ASN_TIME accepts expired certificates"
#endif
#if defined(WOLFSSL_NO_TRUSTED_CERTS_VERIFY)
#error "WOLFSSL_NO_TRUSTED_CERTS_VERIFY matches a CA by its name alone"
#endif
#if defined(HAVE_SECRET_CALLBACK)
#error "HAVE_SECRET_CALLBACK hands out session keys"
#endif
#if defined(WOLFSSL_ALLOW_SSLV3)
#error "WOLFSSL_ALLOW_SSLV3 speaks a broken protocol"
#endif
#if defined(HAVE_RPK) || defined(HAVE_ECH) || defined(WOLFSSL_EARLY_DATA)
#error "raw public keys, ECH and early data are not used here and had holes; leave them out"
#endif
#if defined(WOLFSSL_STATIC_MEMORY) || defined(WOLFSSL_NO_MALLOC)
#error "WOLFSSL_STATIC_MEMORY replaces the hooks; no handshake succeeds with WOLFSSL_NO_MALLOC"
#endif

/* Seconds since 1970 below which no clock is believed: when this library was built. The build
 * passes it; the fallback is the day this line was written. */
#ifndef CMX_BUILD_TIME
#define CMX_BUILD_TIME 1795305600
#endif

/* Whether AES is faster than ChaCha20 here: only if the library has code for the CPU's AES
 * instructions and the CPU has them. */
#if defined(WOLFSSL_AESNI)
#define CMX_TLS_BUILD_AES_IS_FAST() (__builtin_cpu_supports("aes") != 0)
#elif defined(WOLFSSL_ARMASM) && !defined(WOLFSSL_ARMASM_NO_HW_CRYPTO)
#include <wolfssl/wolfcrypt/aes.h>
/* Not every ARMv8 has the instructions. The library asks the CPU when it takes a key and notes the
 * answer there; the question itself is hidden in a shared library. */
static inline bool cmx_tls_build_aes_in_hardware(void)
{
    static const byte key[AES_128_KEY_SIZE];
    Aes aes;
    bool found = wc_AesInit(&aes, NULL, INVALID_DEVID) == 0 &&
                 wc_AesSetKey(&aes, key, sizeof(key), NULL, AES_ENCRYPTION) == 0 &&
                 aes.use_aes_hw_crypto != 0;

    wc_AesFree(&aes);
    return found;
}
#define CMX_TLS_BUILD_AES_IS_FAST() (cmx_tls_build_aes_in_hardware())
#else
#define CMX_TLS_BUILD_AES_IS_FAST() (false)
#endif

#endif
