/* SPDX-License-Identifier: MIT */
/*
 * Adding a relay: checks every field, copies it into the table, loads what it trusts. After this
 * nothing of the caller's struct is needed any more.
 */
#include "base/address.h"
#include "base/field.h"
#include "base/wipe.h"
#include "client/account.h"
#include "client/layout.h"
#include "client/proxy.h"
#include "client/target.h"
#include "client/turn.h"
#include "pool/origins.h"
#include "wire/tls_trust.h"

#define BEARER_PREFIX "Bearer "
_Static_assert(sizeof BEARER_PREFIX - 1 == CMX_ORIGIN_AUTH_PREFIX_BYTES, "room for the prefix");

void cmx_origin_default(cmx_origin *origin)
{
    memset(origin, 0, sizeof *origin);
    origin->auth = CMX_AUTH_BEARER;
}

static int fail(const char **bad_field, const char *field, int status)
{
    *bad_field = field;
    return status;
}

static int check_key(const char *text)
{
    if (text == NULL) {
        return CMX_ERR_ARGUMENT;
    }
    cmx_view key = cmx_view_text(text);
    if (key.len == 0 || key.len > CMX_ORIGIN_KEY_BYTES_MAX) {
        return CMX_ERR_ARGUMENT;
    }
    return cmx_field_value_ok(key) ? CMX_OK : CMX_ERR_KEY;
}

static void copy_key(cmx_origin_row *row, const char *text, uint32_t prefix_len)
{
    cmx_view key = cmx_view_text(text);
    memcpy(row->auth_value + prefix_len, key.data, key.len);
    row->auth_value_len = prefix_len + (uint32_t)key.len;
    row->target.key = (cmx_view){(const uint8_t *)row->auth_value + prefix_len, key.len};
}

static int set_auth(cmx_origin_row *row, const cmx_origin *origin, const char **bad_field)
{
    if (origin->auth == CMX_AUTH_NONE) {
        return CMX_OK;
    }
    int rc = check_key(origin->key);
    if (rc != CMX_OK) {
        return fail(bad_field, "key", rc);
    }
    cmx_view name = CMX_VIEW_LITERAL("authorization");
    uint32_t prefix_len = CMX_ORIGIN_AUTH_PREFIX_BYTES;
    if (origin->auth == CMX_AUTH_HEADER) {
        if (origin->auth_header == NULL) {
            return fail(bad_field, "auth_header", CMX_ERR_ARGUMENT);
        }
        name = cmx_view_text(origin->auth_header);
        prefix_len = 0;
        bool is_allowed =
            cmx_field_name_allowed(name) || cmx_view_equal(name, CMX_VIEW_LITERAL("authorization"));
        if (name.len > CMX_ORIGIN_AUTH_HEADER_BYTES_MAX || !cmx_field_name_ok(name) ||
            !is_allowed) {
            return fail(bad_field, "auth_header", CMX_ERR_HEADER);
        }
    } else if (origin->auth != CMX_AUTH_BEARER) {
        return fail(bad_field, "auth", CMX_ERR_ARGUMENT);
    }
    memcpy(row->auth_name, name.data, name.len);
    row->auth_name_len = (uint32_t)name.len;
    memcpy(row->auth_value, BEARER_PREFIX, prefix_len);
    copy_key(row, origin->key, prefix_len);
    row->target.key_name = (cmx_view){(const uint8_t *)row->auth_name, name.len};
    return CMX_OK;
}

static int set_query(cmx_origin_row *row, const cmx_origin *origin, const char **bad_field)
{
    if (origin->query == NULL) {
        return CMX_OK;
    }
    if (!cmx_url_query_ok(origin->query)) {
        return fail(bad_field, "query", CMX_ERR_ARGUMENT);
    }
    row->query_len = (uint32_t)strlen(origin->query);
    memcpy(row->query, origin->query, row->query_len);
    return CMX_OK;
}

/* Appends one field to the row; `used` counts the bytes of all. */
static int add_header(cmx_origin_row *row, const cmx_header *header, size_t *used,
                      const char **bad_field)
{
    if (header->name == NULL) {
        return fail(bad_field, "headers.name", CMX_ERR_ARGUMENT);
    }
    if (header->value == NULL) {
        return fail(bad_field, "headers.value", CMX_ERR_ARGUMENT);
    }
    cmx_view name = cmx_view_text(header->name);
    cmx_view value = cmx_view_text(header->value);
    cmx_view key_name = {(const uint8_t *)row->auth_name, row->auth_name_len};
    if (!cmx_field_name_ok(name) || !cmx_field_name_allowed(name) ||
        cmx_view_equal(name, key_name)) {
        return fail(bad_field, "headers.name", CMX_ERR_HEADER);
    }
    if (!cmx_field_text_ok(value)) {
        return fail(bad_field, "headers.value", CMX_ERR_HEADER);
    }
    size_t room = sizeof row->header_text - *used;
    if (name.len > room || value.len > room - name.len) {
        return fail(bad_field, "headers", CMX_ERR_ARGUMENT);
    }
    memcpy(row->header_text + *used, name.data, name.len);
    memcpy(row->header_text + *used + name.len, value.data, value.len);
    *used += name.len + value.len;
    row->headers[row->header_count++] = (cmx_origin_field){.name_len = (uint16_t)name.len,
                                                           .value_len = (uint16_t)value.len,
                                                           .secret = cmx_field_name_secret(name)};
    return CMX_OK;
}

/* After set_auth(): no field may have the name under which the key is sent. */
static int set_headers(cmx_origin_row *row, const cmx_origin *origin, const char **bad_field)
{
    if (origin->header_count > CMX_ORIGIN_HEADERS_MAX) {
        return fail(bad_field, "header_count", CMX_ERR_ARGUMENT);
    }
    if (origin->headers == NULL && origin->header_count > 0) {
        return fail(bad_field, "headers", CMX_ERR_ARGUMENT);
    }
    size_t used = 0;
    for (size_t i = 0; i < origin->header_count; i++) {
        int rc = add_header(row, &origin->headers[i], &used, bad_field);
        if (rc != CMX_OK) {
            return rc;
        }
    }
    return CMX_OK;
}

static int set_target(cmx_origin_row *row, const cmx_origin *origin, const char **bad_field)
{
    cmx_conn_target *target = &row->target;
    int rc = cmx_url_parse(origin->base_url, &target->url);
    if (rc != CMX_OK) {
        return fail(bad_field, "base_url", rc);
    }
    if (target->url.host_is_ip) {
        target->address = target->url.address;
        target->address_known = true;
    }
    if (origin->address != NULL) {
        rc = cmx_address_parse(cmx_view_text(origin->address), &target->address);
        if (rc != CMX_OK) {
            return fail(bad_field, "address", CMX_ERR_ARGUMENT);
        }
        target->address.port = target->url.port;
        target->address_known = true;
    }
    target->hook = origin->socket_hook;
    target->hook_user = origin->socket_hook_user;
    return cmx_proxy_set(row, origin, bad_field);
}

static int load_trust(cmx_client *client, cmx_tls_context *context, const cmx_origin *origin,
                      const char **bad_field)
{
    if (origin->ca_pem != NULL) {
        *bad_field = "ca_pem";
        return cmx_tls_trust_memory(context, origin->ca_pem, origin->ca_pem_len);
    }
    if (origin->ca_file != NULL) {
        *bad_field = "ca_file";
        return cmx_tls_trust_file(context, client->port, origin->ca_file);
    }
    if (origin->ca_dir != NULL) {
        *bad_field = "ca_dir";
        return cmx_tls_trust_dir(context, client->port, origin->ca_dir);
    }
    *bad_field = "ca_file";
    const char *bundle = client->port->system_trust(client->port->ctx);
    return bundle == NULL ? CMX_ERR_TRUST : cmx_tls_trust_file(context, client->port, bundle);
}

static int set_trust(cmx_client *client, cmx_origin_row *row, const cmx_origin *origin,
                     const char **bad_field)
{
    if (!row->target.url.secure) {
        return CMX_OK;
    }
    int rc = cmx_tls_context_init(&row->trust, client->region);
    if (rc != CMX_OK) {
        return fail(bad_field, "base_url", rc);
    }
    rc = load_trust(client, &row->trust, origin, bad_field);
    if (rc == CMX_OK &&
        cmx_region_owner_used(client->region, 0) > cmx_layout_trust_bytes(&client->config)) {
        rc = CMX_ERR_NO_MEMORY;
    }
    if (rc != CMX_OK) {
        cmx_tls_context_deinit(&row->trust);
        return rc;
    }
    row->target.trust = &row->trust;
    return CMX_OK;
}

static int check_rates(const cmx_rate_limits *limits, const char **bad_field)
{
    const char *ignored = NULL;
    if (limits != NULL && cmx_limiter_check_limits(limits, &ignored) != CMX_OK) {
        return fail(bad_field, "rate_limits", CMX_ERR_ARGUMENT);
    }
    return CMX_OK;
}

static int fill_row(cmx_client *client, cmx_origin_row *row, const cmx_origin *origin,
                    const char **bad_field)
{
    if (origin->connections > client->config.connections_max) {
        return fail(bad_field, "connections", CMX_ERR_ARGUMENT);
    }
    row->connections_max =
        origin->connections == 0 ? client->config.connections_max : origin->connections;
    int rc = check_rates(origin->rate_limits, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    rc = set_target(row, origin, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    rc = set_auth(row, origin, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    rc = set_query(row, origin, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    rc = set_headers(row, origin, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    return set_trust(client, row, origin, bad_field);
}

int cmx_client_add_origin(cmx_client *client, const cmx_origin *origin, cmx_origin_id *id,
                          const char **bad_field)
{
    const char *ignored = NULL;
    if (bad_field == NULL) {
        bad_field = &ignored;
    }
    *bad_field = NULL;
    uint32_t index = cmx_origins_find_unused(&client->pool);
    if (index == CMX_ORIGINS_NONE) {
        return fail(bad_field, "origins_max", CMX_ERR_BUSY);
    }
    int rc = fill_row(client, &client->pool.tables.origins[index], origin, bad_field);
    if (rc != CMX_OK) {
        cmx_origins_wipe(&client->pool, index); /* the key may be in it already */
        return rc;
    }
    cmx_state_read_clock(client);
    cmx_turn_open(client, index, origin->rate_limits);
    cmx_account_open_origin(client, index);
    *bad_field = NULL;
    *id = cmx_origins_open(&client->pool, index);
    return CMX_OK;
}

int cmx_client_set_key(cmx_client *client, cmx_origin_id origin, const char *key)
{
    uint32_t index = cmx_origins_find_open(&client->pool, origin);
    if (index == CMX_ORIGINS_NONE || client->pool.tables.origins[index].auth_value_len == 0) {
        return CMX_ERR_ARGUMENT;
    }
    cmx_origin_row *row = &client->pool.tables.origins[index];
    int rc = check_key(key);
    if (rc != CMX_OK) {
        return rc;
    }
    uint32_t prefix_len = row->auth_value_len - (uint32_t)row->target.key.len;
    cmx_wipe(row->auth_value + prefix_len, row->target.key.len);
    copy_key(row, key, prefix_len);
    for (uint32_t i = 0; i < client->pool.tables.conn_count; i++) {
        cmx_conn *conn = &client->pool.tables.conns[i];
        if (conn->state != CMX_CONN_CLOSED && conn->origin == index) {
            conn->h2.trace.key = row->target.key; /* of the same bytes, but not as many */
        }
    }
    cmx_gate_forget(&client->gate, index); /* another key has other limits */
    cmx_state_read_clock(client);
    cmx_target_change(client, index, false);
    return CMX_OK;
}
