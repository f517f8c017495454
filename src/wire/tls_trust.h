/* SPDX-License-Identifier: MIT */
/*
 * Fills the trust of a TLS context from memory, a file or a directory, PEM or DER, one certificate
 * at a time, so that a large bundle costs no more scratch memory than its largest certificate.
 * Certificates that are not acceptable (expired, not a CA, damaged) are skipped. It parses no
 * certificate itself.
 */
#ifndef CMX_WIRE_TLS_TRUST_H
#define CMX_WIRE_TLS_TRUST_H

#include "chatmux/limits.h"
#include "chatmux/port.h"
#include "wire/tls.h"

enum {
    CMX_TLS_TRUST_CERT_BYTES_MAX = CMX_LIMIT_CERT_BYTES,       /* one certificate, as PEM or DER */
    CMX_TLS_TRUST_FILE_BYTES_MAX = CMX_LIMIT_TRUST_FILE_BYTES, /* read from one file */
    CMX_TLS_TRUST_FILES_MAX = CMX_LIMIT_TRUST_FILES,           /* of one directory */
    CMX_TLS_TRUST_PATH_BYTES_MAX = 1024,                       /* directory, slash, name and NUL */
};

/* Adds the CA certificates in memory: PEM with any text around, or DER one after the other.
 *
 * bytes  borrowed during the call
 *
 * Returns CMX_OK (at least one was added or is trusted already), or CMX_ERR_CERT_INVALID (no
 * certificate at all), CMX_ERR_TRUST (none is usable), CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_trust_memory(cmx_tls_context *context, const void *bytes, size_t len);

/* Adds the CA certificates of a file.
 *
 * Returns CMX_OK, or CMX_ERR_TRUST (cannot be read, or has no usable certificate),
 * CMX_ERR_PORT, CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_trust_file(cmx_tls_context *context, const cmx_port *port,
                                      const char *path);

/* Adds the CA certificates of all files of a directory; a file that cannot be read is skipped.
 *
 * Returns CMX_OK, or CMX_ERR_TRUST (cannot be read, or has no usable certificate),
 * CMX_ERR_PORT, CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_tls_trust_dir(cmx_tls_context *context, const cmx_port *port,
                                     const char *path);

#endif
