/* SPDX-License-Identifier: MIT */
/*
 * chatmux-relay: an OpenAI-style relay on loopback over HTTP/2 and TLS 1.3, for tests and
 * benchmarks. In: flags. Out: a port in the ready file, answers, and the counts on stdout at the
 * end. Exit: 0 stopped by signal or --duration-s, 1 cannot run, 2 bad flags.
 */
#include "answer.h"
#include "bill.h"
#include "certs.h"
#include "env.h"
#include "fault.h"
#include "server.h"
#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PROBLEM_MAX 256
#define EXIT_CANNOT 1
#define EXIT_USAGE 2

static relay_env env;
static relay_server server;

static int fail(const char *what, const char *about)
{
    fprintf(stderr, "chatmux-relay: %s%s%s%s%s\n", what, about[0] != '\0' ? " " : "", about,
            errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return EXIT_CANNOT;
}

static bool write_ready_file(const char *path, int port)
{
    char draft[RELAY_CERTS_PATH_MAX];
    const int len = snprintf(draft, sizeof draft, "%s.tmp", path);
    FILE *file;
    bool written;

    if (len < 0 || (size_t)len >= sizeof draft) {
        errno = ENAMETOOLONG;
        return false;
    }
    file = fopen(draft, "w");
    if (file == NULL) {
        return false;
    }
    written = fprintf(file, "%d\n", port) > 0;
    return (fclose(file) == 0) && written && rename(draft, path) == 0;
}

static int open_tls(SSL_CTX **tls)
{
    const relay_options *options = &env.options;
    const char *cert_file = options->cert_file;
    const char *key_file = options->key_file;
    relay_certs_names names;
    const char *problem;

    *tls = NULL;
    if (options->plain) {
        return 0;
    }
    errno = 0;
    if (options->ca_dir != NULL) {
        if (!relay_certs_make(options->ca_dir, options->wrong_host, options->expired, &names,
                              &problem)) {
            return fail(problem, options->ca_dir);
        }
        cert_file = names.cert;
        key_file = names.key;
    }
    errno = 0;
    *tls = relay_tls_open(options, cert_file, key_file, &problem);
    return *tls == NULL ? fail(problem, cert_file) : 0;
}

static int serve(SSL_CTX *tls)
{
    const char *problem;
    int rc = 0;

    errno = 0;
    if (!relay_server_open(&server, &env, tls, &problem)) {
        rc = fail(problem, "");
    } else if (env.options.ready_file != NULL &&
               !write_ready_file(env.options.ready_file, server.port)) {
        rc = fail("cannot write", env.options.ready_file);
    } else {
        fprintf(stderr, "chatmux-relay: listening on port %d\n", server.port);
        if (!relay_server_run(&server)) {
            rc = fail("the loop failed", "");
        }
        /* before the connections go: what was open at the end is a count too */
        relay_stats_print(&env.stats, env.options.json_stats, stdout);
    }
    relay_server_close(&server);
    relay_timers_deinit(&env.timers);
    return rc;
}

int main(int argc, char **argv)
{
    char problem[PROBLEM_MAX];
    SSL_CTX *tls;
    int rc;

    if (!relay_options_parse(&env.options, argc, argv, problem, sizeof problem)) {
        fprintf(stderr, "chatmux-relay: %s (--help lists the flags)\n", problem);
        return EXIT_USAGE;
    }
    if (env.options.help) {
        fputs(relay_options_help(), stdout);
        return 0;
    }
    if (env.options.fault != NULL &&
        relay_fault_find(env.options.fault, strlen(env.options.fault)) == NULL) {
        fprintf(stderr, "chatmux-relay: no such fault: %s\n", env.options.fault);
        return EXIT_USAGE;
    }
    env.rng.state = (uint64_t)env.options.seed;
    if (!relay_answer_prepare(&env)) {
        fprintf(stderr, "chatmux-relay: --token-text is too long\n");
        return EXIT_USAGE;
    }
    if (!relay_bill_open(&env)) {
        fprintf(stderr, "chatmux-relay: --bills cannot be written\n");
        return EXIT_USAGE;
    }
    rc = open_tls(&tls);
    if (rc == 0) {
        rc = serve(tls);
    }
    SSL_CTX_free(tls);
    return rc;
}
