/* SPDX-License-Identifier: MIT */
/*
 * A certificate authority for one run, and a leaf it signs.
 * In: a folder. Out: ca.pem, cert.pem and key.pem (0600) in it; the authority's own key is
 * forgotten. Must not touch TLS contexts: tls.c loads the files like any others.
 */
#ifndef RELAY_CERTS_H
#define RELAY_CERTS_H

#include <stdbool.h>
#include <stddef.h>

#define RELAY_CERTS_PATH_MAX 1024

typedef struct relay_certs_names {
    char ca[RELAY_CERTS_PATH_MAX];
    char cert[RELAY_CERTS_PATH_MAX];
    char key[RELAY_CERTS_PATH_MAX];
} relay_certs_names;

/* false: *problem says what failed; errno or OpenSSL's queue says why */
bool relay_certs_make(const char *folder, bool wrong_host, bool expired, relay_certs_names *names,
                      const char **problem);

#endif
