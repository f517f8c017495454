/* SPDX-License-Identifier: MIT */
/*
 * The one configuration of the bundled wolfSSL: a TLS 1.3 client for HTTP/2 to public servers, in
 * memory and with time and entropy that chatmux owns. Read by wolfSSL's own build and by
 * src/wire/tls*.c through user_settings.h, which picks the profile: CMX_WOLFSSL_FAST (release, dev,
 * asan) or CMX_WOLFSSL_SIZE. One reason per line; what must stay absent is listed at the end and
 * enforced by #error in src/wire/.
 */
#ifndef CMX_WOLFSSL_USER_SETTINGS_H
#define CMX_WOLFSSL_USER_SETTINGS_H

/* ---- memory, time, entropy, sockets: all through chatmux's hooks ---- */
#define XMALLOC_USER                   /* every allocation names its region */
#define XMALLOC cmx_tls_hooks_malloc   /* keeps the names of the hooks inside our own prefix */
#define XREALLOC cmx_tls_hooks_realloc /* the same */
#define XFREE cmx_tls_hooks_free       /* the same */
#define CUSTOM_RAND_GENERATE_SEED cmx_tls_hooks_seed /* entropy comes from the port */
#define TIME_OVERRIDES             /* no call of libc's time() or gettimeofday() */
#define HAVE_TIME_T_TYPE           /* libc's own type, so that headers agree */
#define HAVE_TM_TYPE               /* the same */
#define XTIME cmx_tls_hooks_time   /* the wall clock comes from the port */
#define XGMTIME cmx_wolfssl_gmtime /* libc's reads TZ and allocates */
#define WOLFSSL_USER_IO            /* records go through our own buffers */
#define WOLFSSL_NO_SOCK            /* no sockets in the library */
#define NO_WRITEV                  /* needs socket headers */
#define NO_FILESYSTEM              /* certificates arrive as buffers, one at a time */
#define NO_STDIO_FILESYSTEM        /* no FILE in the library */
#define NO_WOLFSSL_DIR             /* no directory walking in the library */
/* SINGLE_THREADED stays off: clients in several threads share wolfSSL_Init's counter and the lock
 * of the session row. */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <time.h>
int cmx_tls_hooks_seed(unsigned char *out, unsigned int len); /* src/wire/, 0 is success */
#endif

/* ---- the CPU: the library's own configure script would say this, and nothing else does ---- */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BIG_ENDIAN_ORDER /* little-endian is what it takes for granted */
#endif

/* ---- protocol ---- */
#define WOLFSSL_TLS13              /* the only version we speak */
#define WOLFSSL_NO_TLS12           /* 1.2 has open client CVEs below 5.9.4 */
#define NO_OLD_TLS                 /* no 1.0 and 1.1 */
#define NO_WOLFSSL_SERVER          /* client only */
#define HAVE_TLS_EXTENSIONS        /* the four below ride on it */
#define HAVE_SUPPORTED_CURVES      /* key shares of TLS 1.3 */
#define HAVE_SNI                   /* shared front ends choose the certificate by name */
#define HAVE_ALPN                  /* h2 must be negotiated and checked */
#define HAVE_SESSION_TICKET        /* resumption: a handshake without certificates */
#define MICRO_SESSION_CACHE        /* the smallest table: we keep sessions ourselves */
#define NO_SESSION_CACHE_REF       /* a session handle owns its data */
#define NO_CLIENT_CACHE            /* no table by server: we key by host, port, trust */
#define NO_PSK                     /* external keys unused; tickets work without */
#define WOLFSSL_AEAD_ONLY          /* no CBC or stream suites can be negotiated */
#define WOLFSSL_EXTRA_ALERTS       /* tell the peer why, so that its operator can see it */
#define WOLFSSL_CHECK_ALERT_ON_ERR /* when a write fails, read the alert that says why */

/* ---- certificates ---- */
#define WOLFSSL_ASN_TEMPLATE /* the newer parser; the old one had length underflows */
#define WOLFSSL_ALT_NAMES    /* host names live in the subjectAltName */
#define WOLFSSL_IP_ALT_NAME  /* IP names checked, IP name constraints enforced */
#define WOLFSSL_HOSTNAME_VERIFY_ALT_NAME_ONLY /* no fallback to the Common Name */
#define WOLFSSL_ALT_CERT_CHAINS               /* public sites are cross-signed */
#define NO_CODING                             /* PEM is taken apart by src/wire/tls_trust.c */
#define WOLFSSL_MIN_RSA_BITS 2048             /* as browsers do */
#define WOLFSSL_MIN_ECC_BITS 256              /* the same */
#define MIN_RSA_BITS 2048                     /* older spelling of the same floor */
#define NO_PWDBASED                           /* no encrypted key files */
#define NO_PKCS12                             /* the same */
#define WOLFSSL_NO_CLIENT_AUTH /* no key of our own: who asks for a certificate gets none */
#define NO_CHECK_PRIVATE_KEY   /* the same */
#define WC_NO_RSA_OAEP         /* we verify, and decrypt nothing */

/* ---- algorithms that the public web uses, and no others ---- */
#define HAVE_ECC             /* P-256 and P-384 keys and signatures */
#define ECC_USER_CURVES      /* only the curves named here */
#define HAVE_ECC384          /* several public roots */
#define ECC_SHAMIR           /* both products of a verification in one pass */
#define ECC_TIMING_RESISTANT /* secrets do not steer the clock */
#define TFM_TIMING_RESISTANT /* the same for the big-number code */
#define HAVE_CURVE25519      /* the key share every server prefers */
#define WC_RSA_PSS           /* TLS 1.3 signatures with RSA certificates */
#define WC_RSA_BLINDING      /* settings.h warns without it, although there is no key to blind */
#define NO_DH                /* finite-field groups are not offered */
#define NO_DSA               /* dead */
#define HAVE_HKDF            /* TLS 1.3 key schedule */
#define HAVE_HASHDRBG        /* random generator over our seed */
#define HAVE_AESGCM          /* mandatory suites */
#define GCM_TABLE_4BIT       /* 5 us a record against 70 with GCM_SMALL */
#define NO_AES_CBC           /* not in TLS 1.3 */
#define NO_AES_192           /* not in TLS 1.3 */
#define HAVE_CHACHA          /* fastest where the CPU has no AES */
#define HAVE_POLY1305        /* its authenticator */
#define HAVE_ONE_TIME_AUTH   /* joins the two into a suite */
#define WOLFSSL_SHA384       /* P-384 chains and AES-256-GCM-SHA384 */
#define WOLFSSL_SHA512       /* RSA chains of several roots */
#define WOLFSSL_NOSHA512_224 /* no certificate names it */
#define WOLFSSL_NOSHA512_256 /* the same */
#define NO_SHA               /* no trusted chain uses it */
#define NO_MD5               /* the same */
#define NO_MD4               /* the same */
#define NO_RC4               /* the same */
#define NO_DES3              /* the same */
#define WOLFSSL_NO_SHAKE128  /* only post-quantum and Ed448 need it */
#define WOLFSSL_NO_SHAKE256  /* the same */
#define NO_SIG_WRAPPER       /* we sign nothing outside TLS */

/* ---- big numbers ---- */
#if defined(CMX_WOLFSSL_SIZE)
#define WOLFSSL_SP_MATH /* RSA of 2048, 3072 and 4096 bits alone */
#else
#define WOLFSSL_SP_MATH_ALL /* one implementation for RSA and ECC of every size */
#endif
#define SP_INT_BITS 4096 /* largest key in public roots */
#ifdef __SIZEOF_INT128__
#define HAVE___UINT128_T 1 /* 64-bit digits: handshake 7 ms instead of 12 */
#endif

#define WOLFSSL_HAVE_SP_RSA /* a handshake in 15 KB instead of 71, for 26 KB of code */
#define WOLFSSL_HAVE_SP_ECC /* the same */
#define WOLFSSL_SP_384      /* P-384 too */
#define WOLFSSL_SP_4096     /* 4096-bit roots too */

/* ---- profile ---- */
#if defined(CMX_WOLFSSL_FAST)
#if defined(__x86_64__) && defined(__LP64__)
#define WOLFSSL_X86_64_BUILD  /* which assembly the .S files hold */
#define USE_INTEL_SPEEDUP     /* AVX code for hashes, ChaCha and X25519, after CPUID */
#define WOLFSSL_AESNI         /* 0.3 us a record against 4 */
#define WOLFSSL_USE_ALIGN     /* the assembly loads aligned */
#define WOLFSSL_SP_ASM        /* big numbers in assembly */
#define WOLFSSL_SP_X86_64_ASM /* the same */
#elif defined(__aarch64__)
#define WOLFSSL_AARCH64_BUILD /* which assembly the .S files hold */
#define WOLFSSL_ARMASM        /* AES, SHA, ChaCha and X25519 code, after a look at the CPU */
#define WOLFSSL_SP_ASM        /* big numbers in assembly */
#define WOLFSSL_SP_ARM64_ASM  /* the same */
#elif defined(__arm__) && __ARM_ARCH >= 7 && __ARM_ARCH_PROFILE == 'A'
#ifndef CMX_WOLFSSL_AES_IN_C /* set for aes.c alone, by deps/CMakeLists.txt */
#define WOLFSSL_ARMASM       /* SHA, ChaCha20, Poly1305 and X25519 code */
#endif
#define WOLFSSL_ARMASM_NO_HW_CRYPTO /* this code never asks the CPU: ARMv7 has none */
#define WOLFSSL_ARM_ARCH 7          /* which instructions it may take */
#ifndef __ARM_NEON
#define WOLFSSL_ARMASM_NO_NEON /* as the compiler was told about the CPU */
#endif
#define WOLFSSL_SP_ASM       /* big numbers in assembly */
#define WOLFSSL_SP_ARM32_ASM /* the same */
#endif
#elif defined(CMX_WOLFSSL_SIZE)
#define WOLFSSL_SP_SMALL        /* loops instead of unrolled code */
#define CURVE25519_SMALL        /* the same */
#define WOLFSSL_AES_NO_UNROLL   /* the same */
#define WOLFSSL_RSA_PUBLIC_ONLY /* no key of our own; sp_arm32.c of `fast` needs its other half */
#define NO_ERROR_STRINGS        /* text costs flash; the numbers are documented */
#define NO_AES_DECRYPT          /* GCM only ever encrypts blocks */
#define HAVE_AESGCM_DECRYPT     /* which the line above would take away, too */
#define USE_SLOW_SHA512         /* a loop; only certificates and AES-256 suites use it */
#else
#error "user_settings.h must choose CMX_WOLFSSL_FAST or CMX_WOLFSSL_SIZE"
#endif

/*
 * Absent on purpose: WOLFSSL_SMALL_STACK (30,000 allocations a handshake), GCM_SMALL and
 * WOLFSSL_AES_SMALL_TABLES (slow), NO_SESSION_CACHE (removes resumption), WOLFSSL_STATIC_MEMORY
 * with WOLFSSL_NO_MALLOC (no handshake succeeds), OPENSSL_EXTRA, HAVE_RPK, HAVE_ECH,
 * HAVE_CERTIFICATE_STATUS_REQUEST_V2, WOLFSSL_HAVE_MLKEM (each had a client-side CVE in 2025-26),
 * OPENSSL_COMPATIBLE_DEFAULTS, WOLFSSL_TRUST_PEER_CERT, HAVE_ANON, HAVE_SECRET_CALLBACK.
 */

#endif
