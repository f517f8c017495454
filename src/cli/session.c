/* SPDX-License-Identifier: MIT */
/*
 * From options to a client that is ready. See session.h.
 */
#include "cli/session.h"

#include "cli/out.h"
#include "cli/relay.h"

#include <stdlib.h>
#include <string.h>

enum { TRACE_BYTES = 65536, DIALS_AGAIN = 3 };

static int refuse(const char *what, const char *field, int status)
{
    return cli_out_say(CLI_EXIT_USAGE, "%s%s%s: %s", what, field == NULL ? "" : ", ",
                       field == NULL ? "" : field, cmx_error_text(status));
}

/* Lines of the trace have no control characters: they are fit for a terminal. */
static void show_line(void *user, const char *line, size_t len)
{
    (void)user;
    cli_out_print(&cli_out_error, "* %.*s\n", (int)len, line);
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

/* A plain request, or a chat that names its model, goes to the relay of the options; a routed chat
 * to those that targets name. A relay that is not asked needs no key and no certificates. */
static bool is_needed(const cli_options *options, const char *name)
{
    const cli_settings *settings = &options->settings;
    for (size_t i = 0; i < settings->target_count && options->routed; i++) {
        const char *relay = settings->targets[i].relay;
        if (relay == name || (relay != NULL && name != NULL && strcmp(relay, name) == 0)) {
            return true;
        }
    }
    return !options->routed && name == NULL;
}

/* Lists the relays that are needed, before any is added: the client needs a row for each. */
static void list_relays(cli_session *session, const cli_options *options)
{
    const cli_settings *settings = &options->settings;
    session->main = &options->relay;
    if (is_needed(options, NULL)) {
        session->relays[session->relay_count++] = session->main;
    }
    for (size_t i = 0; i < settings->relay_count; i++) {
        if (is_needed(options, settings->relays[i].name)) {
            session->relays[session->relay_count++] = &settings->relays[i];
        }
    }
}

static int add_relays(cli_session *session)
{
    for (size_t i = 0; i < session->relay_count; i++) {
        int rc = cli_relay_add(session->client, session->relays[i], &session->origins[i]);
        if (rc != 0) {
            return rc;
        }
        if (session->relays[i] == session->main) {
            session->origin = session->origins[i];
        }
    }
    return 0;
}

static cmx_origin_id find_origin(const cli_session *session, const cli_settings *settings,
                                 const char *name)
{
    const cli_relay *relay = name == NULL ? session->main : cli_settings_find(settings, name);
    for (size_t i = 0; i < session->relay_count; i++) {
        if (session->relays[i] == relay) {
            return session->origins[i];
        }
    }
    return session->origin;
}

static int add_targets(cli_session *session, const cli_settings *settings)
{
    for (size_t i = 0; i < settings->target_count; i++) {
        const cli_target *row = &settings->targets[i];
        cmx_target target = row->target;
        const char *bad_field = NULL;
        target.origin = find_origin(session, settings, row->relay);
        int rc = cmx_client_add_target(session->client, &target, NULL, &bad_field);
        if (rc == CMX_ERR_ARGUMENT && bad_field != NULL && strcmp(bad_field, "model") == 0) {
            return cli_out_say(CLI_EXIT_USAGE,
                               "%s, line %u: this model is a target at this relay already",
                               settings->config.path, row->line);
        }
        if (rc != CMX_OK) {
            return cli_out_say(CLI_EXIT_USAGE, "%s, line %u, %s: %s", settings->config.path,
                               row->line, bad_field == NULL ? "target" : bad_field,
                               cmx_error_text(rc));
        }
    }
    return 0;
}

static int add_prices(cli_session *session, const cli_settings *settings)
{
    for (size_t i = 0; i < settings->price_count; i++) {
        const char *bad_field = NULL;
        int rc = cmx_client_set_price(session->client, &settings->prices[i], &bad_field);
        if (rc != CMX_OK) {
            return refuse("price", bad_field, rc);
        }
    }
    return 0;
}

/* Rows for what is there; none for what is not. */
static void set_rows(cmx_config *config, const cli_session *session, const cli_options *options)
{
    config->origins_max = (uint32_t)session->relay_count;
    config->targets_max = options->routed ? (uint32_t)options->settings.target_count : 0;
    config->prices_max = (uint32_t)options->settings.price_count;
    /* Each relay has as many connections as one alone would have. */
    uint32_t connections = config->connections_max * config->origins_max;
    config->connections_max = connections < CMX_CONNECTIONS_MAX ? connections : CMX_CONNECTIONS_MAX;
}

static int add_all(cli_session *session, const cli_options *options)
{
    if (options->trace) {
        int rc = cmx_client_trace(session->client, show_line, NULL);
        if (rc != CMX_OK) {
            return refuse("--trace", NULL, rc);
        }
    }
    int rc = add_relays(session);
    if (rc == 0) {
        rc = add_prices(session, &options->settings);
    }
    return rc == 0 && options->routed ? add_targets(session, &options->settings) : rc;
}

int cli_session_open(cli_session *session, const cli_options *options, cmx_config *config)
{
    const char *bad_field = NULL;
    memset(session, 0, sizeof *session);
    list_relays(session, options);
    set_timeouts(config, options);
    set_retries(config, options);
    set_rows(config, session, options);
    config->trace_bytes = options->trace ? TRACE_BYTES : 0;
    int rc = cmx_config_check(config, &bad_field);
    if (rc != CMX_OK) {
        return refuse("configuration", bad_field, rc);
    }
    size_t bytes = cmx_client_bytes(config);
    session->memory = malloc(bytes + CMX_BLOCK_ALIGN);
    if (session->memory == NULL) {
        return cli_out_say(CLI_EXIT_FAILED, "%zu bytes of memory are not there", bytes);
    }
    /* malloc() aligns for plain types only. */
    size_t beyond = (uintptr_t)session->memory % CMX_BLOCK_ALIGN;
    char *block = (char *)session->memory + (CMX_BLOCK_ALIGN - beyond) % CMX_BLOCK_ALIGN;
    rc = cmx_client_init(&session->client, block, bytes, config, cmx_port_linux(), &bad_field);
    if (rc != CMX_OK) {
        return refuse("client", bad_field, rc);
    }
    return add_all(session, options);
}

const cli_relay *cli_session_relay(const cli_session *session, cmx_origin_id origin)
{
    for (size_t i = 0; i < session->relay_count; i++) {
        if (session->origins[i] == origin) {
            return session->relays[i];
        }
    }
    return session->relays[0];
}

void cli_session_close(cli_session *session)
{
    cmx_client_deinit(session->client);
    free(session->memory);
    memset(session, 0, sizeof *session);
}
