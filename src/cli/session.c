/* SPDX-License-Identifier: MIT */
/*
 * From options to a client that is ready. See session.h.
 */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 1024, PROXY_BYTES = 512, TRACE_BYTES = 65536, DIALS_AGAIN = 3 };

static int refuse(const char *what, const char *field, int status)
{
    fprintf(stderr, "chatmux: %s%s%s: %s\n", what, field == NULL ? "" : ", ",
            field == NULL ? "" : field, cmx_error_text(status));
    return CLI_EXIT_USAGE;
}

/* memset() of memory that is given up may be left out by the compiler; this may not. */
static void wipe(void *bytes, size_t len)
{
    volatile unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        at[i] = 0;
    }
}

/* The key is the file's only line; what is behind it may be blank. */
static bool is_one_line(const char *key)
{
    size_t len = strcspn(key, "\r\n");
    return strspn(key + len, " \t\r\n") == strlen(key + len);
}

static int read_key_file(const char *option, const char *path, char *key)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "chatmux: %s %s: %s\n", option, path, strerror(errno));
        return CLI_EXIT_USAGE;
    }
    /* Unbuffered, so that no copy of the key stays behind in stdio. */
    setvbuf(file, NULL, _IONBF, 0);
    size_t len = fread(key, 1, KEY_BYTES - 1, file);
    bool whole = feof(file) != 0 && memchr(key, '\0', len) == NULL;
    fclose(file);
    key[len] = '\0';
    const char *wrong = NULL;
    if (strspn(key, " \t\r\n") == len) {
        wrong = "the file has no key in it";
    } else if (!whole || !is_one_line(key)) {
        wrong = "the key must be one line; a key has no line break";
    }
    if (wrong != NULL) {
        wipe(key, KEY_BYTES);
        fprintf(stderr, "chatmux: %s %s: %s\n", option, path, wrong);
        return CLI_EXIT_USAGE;
    }
    key[strcspn(key, "\r\n")] = '\0';
    return 0;
}

static int read_key(const cli_options *options, char *key)
{
    if (options->no_key) {
        return 0;
    }
    if (options->key_file != NULL) {
        return read_key_file("--key-file", options->key_file, key);
    }
    const char *value = getenv("OPENAI_API_KEY");
    if (value == NULL || value[0] == '\0') {
        fprintf(stderr, "chatmux: no key: set OPENAI_API_KEY, or give --key-file or --no-key\n");
        return CLI_EXIT_USAGE;
    }
    if (strlen(value) >= KEY_BYTES) {
        return refuse("OPENAI_API_KEY", NULL, CMX_ERR_KEY);
    }
    memcpy(key, value, strlen(value) + 1);
    return 0;
}

static void explain_trust(const cli_options *options, int status)
{
    if (status == CMX_ERR_TRUST && options->cacert == NULL && options->capath == NULL) {
        fprintf(stderr, "chatmux: install ca-certificates, or give --cacert or --capath\n");
    } else if (status == CMX_ERR_TRUST) {
        fprintf(stderr, "chatmux: looked in %s\n",
                options->capath != NULL ? options->capath : options->cacert);
    }
}

/* Fills the origin's proxy; `text` and `key` are room for what it points to. */
static int read_proxy(const cli_options *options, cmx_origin *origin, char *text, char *key)
{
    const char *proxy = options->proxy == NULL ? "" : options->proxy;
    if (strlen(proxy) >= PROXY_BYTES - strlen("http://")) {
        return refuse("--proxy", NULL, CMX_ERR_URL);
    }
    if (proxy[0] != '\0') { /* curl and the environment know "host:port", too */
        bool is_url = strstr(proxy, "://") != NULL;
        snprintf(text, PROXY_BYTES, "%s%s", is_url ? "" : "http://", proxy);
        origin->proxy_url = text;
    }
    if (options->proxy_key_file != NULL) {
        origin->proxy_key = key;
        return read_key_file("--proxy-key-file", options->proxy_key_file, key);
    }
    return 0;
}

/* A URL that is refused may have a password in it: it is not repeated. */
static void explain_refusal(const cli_options *options, const char *bad_field, int status)
{
    if (strcmp(bad_field, "proxy_url") == 0) {
        fputs("chatmux: --proxy, or HTTPS_PROXY: http://host[:port] is needed; user and password "
              "come from --proxy-key-file\n",
              stderr);
        return;
    }
    refuse(status == CMX_ERR_URL ? "--url" : options->url, bad_field, status);
    if (status == CMX_ERR_HEADER && strncmp(bad_field, "headers", strlen("headers")) == 0) {
        fputs("chatmux: headers that chatmux sends itself, and control characters, are refused\n",
              stderr);
    }
    explain_trust(options, status);
}

static int add_origin(cli_session *session, const cli_options *options)
{
    char key[KEY_BYTES] = {0};
    char proxy[PROXY_BYTES];
    char proxy_key[KEY_BYTES] = {0};
    int rc = read_key(options, key);
    if (rc != 0) {
        return rc;
    }
    cmx_origin origin;
    cmx_origin_default(&origin);
    origin.base_url = options->url;
    origin.key = options->no_key ? NULL : key;
    origin.auth = options->auth_header == NULL ? CMX_AUTH_BEARER : CMX_AUTH_HEADER;
    origin.auth_header = options->auth_header;
    if (options->no_key) {
        origin.auth = CMX_AUTH_NONE;
    }
    origin.query = options->query;
    origin.headers = options->headers;
    origin.header_count = options->header_count;
    origin.address = options->address;
    origin.ca_file = options->capath == NULL ? options->cacert : NULL;
    origin.ca_dir = options->capath;

    rc = read_proxy(options, &origin, proxy, proxy_key);
    if (rc == 0) {
        const char *bad_field = NULL;
        int status = cmx_client_add_origin(session->client, &origin, &session->origin, &bad_field);
        if (status != CMX_OK) {
            explain_refusal(options, bad_field, status);
            rc = CLI_EXIT_USAGE;
        }
    }
    wipe(key, sizeof key);
    wipe(proxy_key, sizeof proxy_key);
    return rc;
}

/* Lines of the trace have no control characters: they are fit for a terminal. */
static void show_line(void *user, const char *line, size_t len)
{
    (void)user;
    fprintf(stderr, "* %.*s\n", (int)len, line);
}

static void set_timeouts(cmx_config *config, const cli_options *options)
{
    if (options->connect_timeout_ms > 0) {
        config->resolve_timeout_ms = options->connect_timeout_ms;
        config->connect_timeout_ms = options->connect_timeout_ms;
        config->tls_timeout_ms = options->connect_timeout_ms;
        config->settings_timeout_ms = options->connect_timeout_ms;
    }
    config->total_timeout_ms = options->max_time_ms;
}

/* Somebody waits at the terminal: a relay that is not there is reported after a few dials, and
 * without any retry at once. */
static void set_retries(cmx_config *config, const cli_options *options)
{
    config->replays_max = DIALS_AGAIN;
    if (options->retry != CMX_UNSET) {
        config->attempts_max = options->retry + 1;
    }
    if (options->retry == 0) {
        config->replays_max = 0;
    }
}

int cli_session_open(cli_session *session, const cli_options *options, cmx_config *config)
{
    const char *bad_field = NULL;
    *session = (cli_session){NULL, NULL, 0, 0};
    set_timeouts(config, options);
    set_retries(config, options);
    config->trace_bytes = options->trace ? TRACE_BYTES : 0;
    int rc = cmx_config_check(config, &bad_field);
    if (rc != CMX_OK) {
        return refuse("configuration", bad_field, rc);
    }
    size_t bytes = cmx_client_bytes(config);
    session->memory = aligned_alloc(CMX_BLOCK_ALIGN, (bytes + CMX_BLOCK_ALIGN - 1) /
                                                         CMX_BLOCK_ALIGN * CMX_BLOCK_ALIGN);
    if (session->memory == NULL) {
        fprintf(stderr, "chatmux: %zu bytes of memory are not there\n", bytes);
        return CLI_EXIT_FAILED;
    }
    session->memory_bytes = bytes;
    rc = cmx_client_init(&session->client, session->memory, bytes, config, cmx_port_linux(),
                         &bad_field);
    if (rc != CMX_OK) {
        return refuse("client", bad_field, rc);
    }
    if (options->trace) {
        rc = cmx_client_trace(session->client, show_line, NULL);
        if (rc != CMX_OK) {
            return refuse("--trace", NULL, rc);
        }
    }
    return add_origin(session, options);
}

void cli_session_close(cli_session *session)
{
    cmx_client_deinit(session->client);
    free(session->memory);
    *session = (cli_session){NULL, NULL, 0, 0};
}
