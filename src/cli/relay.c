/* SPDX-License-Identifier: MIT */
/*
 * Relays as the command line knows them. See relay.h.
 */
#include "cli/relay.h"

#include "cli/out.h"
#include "cli/system.h"

#include <string.h>

#define BLANKS " \t\r\n"

enum { KEY_BYTES = 1024, PROXY_BYTES = 512, NAME_BYTES = 128 };

/* Where an origin's texts lie until it is added. */
typedef struct room {
    char key[KEY_BYTES];
    char proxy[PROXY_BYTES];
    char proxy_key[KEY_BYTES];
    char auth_header[NAME_BYTES];
} room;

/* A relay of the file is named in messages, and the lines in it have no dashes.
 *
 * path  what is behind the option; "" = nothing */
static int refuse_value(const cli_relay *relay, const char *what, const char *path,
                        const char *wrong)
{
    bool is_named = relay->name != NULL;
    return cli_out_say(CLI_EXIT_USAGE, "%s%s%s%s%s%s: %s", is_named ? "relay '" : "--",
                       is_named ? relay->name : "", is_named ? "': " : "", what,
                       path[0] == '\0' ? "" : " ", path, wrong);
}

static int refuse(const cli_relay *relay, const char *what, const char *wrong)
{
    return refuse_value(relay, what, "", wrong);
}

/* The key is the file's only line; what is behind it may be blank. */
static bool is_one_line(const char *key)
{
    size_t len = strcspn(key, "\r\n");
    return strspn(key + len, BLANKS) == strlen(key + len);
}

static int read_key_file(const cli_relay *relay, const char *what, const char *path, char *key)
{
    size_t len = 0;
    bool ignored;
    const char *wrong = cli_system_read(path, key, KEY_BYTES, &len, &ignored);
    if (wrong == NULL) {
        bool whole = len < KEY_BYTES && memchr(key, '\0', len) == NULL;
        key[whole ? len : 0] = '\0';
        if (whole && strspn(key, BLANKS) == len) {
            wrong = "the file has no key in it";
        } else if (!whole || !is_one_line(key)) {
            wrong = "the key must be one line; a key has no line break";
        }
    }
    if (wrong != NULL) {
        return refuse_value(relay, what, path, wrong);
    }
    key[strcspn(key, "\r\n")] = '\0';
    return 0;
}

/* The environment's key belongs to the relay that the options name, and to no other. */
static int read_key(const cli_relay *relay, char *key)
{
    if (relay->no_key) {
        return 0;
    }
    if (relay->key_file != NULL) {
        return read_key_file(relay, "key-file", relay->key_file, key);
    }
    const char *text = relay->key;
    if (text == NULL && relay->name != NULL) {
        return refuse(relay, "key", "there is none: give key-file, key or no-key");
    }
    if (text == NULL) {
        text = cli_system_environment("OPENAI_API_KEY", NULL);
    }
    if (text == NULL) {
        return cli_out_say(CLI_EXIT_USAGE,
                           "no key: set OPENAI_API_KEY, or give --key-file or --no-key");
    }
    if (strlen(text) >= KEY_BYTES) {
        return cli_out_say(CLI_EXIT_USAGE, "the key is too long");
    }
    memcpy(key, text, strlen(text) + 1);
    return 0;
}

/* Fills what says who asks. */
static int read_auth(const cli_relay *relay, cmx_origin *origin, room *r)
{
    origin->auth = relay->auth_header == NULL ? CMX_AUTH_BEARER : CMX_AUTH_HEADER;
    if (relay->auth_header != NULL) { /* HTTP/2 wants lower case */
        size_t len = strlen(relay->auth_header);
        if (len >= NAME_BYTES) {
            return refuse(relay, "auth-header", "the name is too long");
        }
        for (size_t i = 0; i <= len; i++) {
            char byte = relay->auth_header[i];
            r->auth_header[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
        }
        origin->auth_header = r->auth_header;
    }
    if (relay->no_key) {
        origin->auth = CMX_AUTH_NONE;
    } else {
        origin->key = r->key;
    }
    return read_key(relay, r->key);
}

/* Fills the origin's proxy. As curl has it the variables are for https alone. */
static int read_proxy(const cli_relay *relay, cmx_origin *origin, room *r)
{
    const char *proxy = relay->proxy;
    if (proxy == NULL && strncmp(relay->url, "https://", strlen("https://")) == 0) {
        proxy = cli_system_environment("https_proxy", cli_system_environment("HTTPS_PROXY", NULL));
    }
    if (proxy == NULL) {
        proxy = "";
    }
    if (strlen(proxy) >= PROXY_BYTES - strlen("http://")) {
        return refuse(relay, "proxy", cmx_error_text(CMX_ERR_URL));
    }
    if (proxy[0] != '\0') { /* curl and the environment know "host:port", too */
        cli_out out = {r->proxy, PROXY_BYTES - 1, 0, -1, 0};
        cli_out_print(&out, "%s%s", strstr(proxy, "://") != NULL ? "" : "http://", proxy);
        origin->proxy_url = r->proxy;
    }
    if (relay->proxy_key_file != NULL) {
        origin->proxy_key = r->proxy_key;
        return read_key_file(relay, "proxy-key-file", relay->proxy_key_file, r->proxy_key);
    }
    return 0;
}

static void read_trust(const cli_relay *relay, cmx_origin *origin)
{
    if (relay->capath != NULL) {
        origin->ca_dir = relay->capath;
    } else {
        origin->ca_file =
            relay->cacert != NULL ? relay->cacert : cli_system_environment("SSL_CERT_FILE", NULL);
    }
}

/* A URL that is refused may have a password in it: it is not repeated. */
static int explain_refusal(const cli_relay *relay, const cmx_origin *origin, const char *field,
                           int status)
{
    const char *wrong = cmx_error_text(status);
    if (strcmp(field, "proxy_url") == 0) {
        return refuse(
            relay, "proxy",
            "http://host[:port] is needed, here or in HTTPS_PROXY; user and password come "
            "from proxy-key-file");
    }
    if (status == CMX_ERR_URL) {
        return refuse(relay, "url, base_url", wrong);
    }
    cli_out_say(0, "%s, %s: %s", relay->url, field, wrong);
    if (status == CMX_ERR_HEADER && strncmp(field, "headers", strlen("headers")) == 0) {
        cli_out_say(0, "headers that chatmux sends itself, and control characters, are refused");
    }
    if (status == CMX_ERR_TRUST) {
        const char *path = origin->ca_dir != NULL ? origin->ca_dir : origin->ca_file;
        cli_out_say(0, "%s%s",
                    path != NULL ? "looked in "
                                 : "install ca-certificates, or give --cacert or --capath",
                    path != NULL ? path : "");
    }
    return CLI_EXIT_USAGE;
}

static int add_origin(cmx_client *client, const cli_relay *relay, room *r, cmx_origin_id *id)
{
    cmx_origin origin;
    cmx_origin_default(&origin);
    origin.base_url = relay->url;
    origin.query = relay->query;
    origin.headers = relay->headers;
    origin.header_count = relay->header_count;
    origin.address = relay->address;
    read_trust(relay, &origin);
    int rc = read_auth(relay, &origin, r);
    if (rc == 0) {
        rc = read_proxy(relay, &origin, r);
    }
    if (rc != 0) {
        return rc;
    }
    const char *bad_field = NULL;
    int status = cmx_client_add_origin(client, &origin, id, &bad_field);
    if (status == CMX_OK) {
        return 0;
    }
    return explain_refusal(relay, &origin, bad_field == NULL ? "origin" : bad_field, status);
}

int cli_relay_add(cmx_client *client, const cli_relay *relay, cmx_origin_id *id)
{
    room r;
    memset(&r, 0, sizeof r);
    int rc = add_origin(client, relay, &r, id);
    cli_system_wipe(&r, sizeof r);
    return rc;
}
