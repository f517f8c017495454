/* SPDX-License-Identifier: MIT */
/*
 * One plain request: any path, the list of models, the limits. The body goes to stdout as it comes,
 * the status to stderr.
 */
#include "cli/request.h"

#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/names.h"
#include "cli/report.h"
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_method(const cli_options *options, enum cmx_method *method)
{
    static const char names[][8] = {
        [CMX_METHOD_GET] = "GET",
        [CMX_METHOD_POST] = "POST",
        [CMX_METHOD_DELETE] = "DELETE",
    };
    *method = options->data != NULL ? CMX_METHOD_POST : CMX_METHOD_GET;
    for (size_t i = 0; options->method != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(options->method, names[i]) == 0) {
            *method = (enum cmx_method)i;
            return 0;
        }
    }
    if (options->method != NULL) {
        return cli_out_say(CLI_EXIT_USAGE, "-X '%s': GET, POST or DELETE is needed",
                           options->method);
    }
    return 0;
}

enum { ERROR_BYTES = 1024 };

/* Where the body goes. */
typedef struct sink {
    cli_out *out;
    uint64_t left;   /* bytes that are shown yet: an error page may be long */
    bool filter;     /* `out` may be a terminal */
    bool only_names; /* of models, a line each */
    bool in_line;    /* the last byte was no line end */
    cli_names names;
} sink;

static void open_sink(sink *b, const cli_options *options, uint32_t status)
{
    bool is_request = options->command == CLI_COMMAND_REQUEST;
    bool is_answer = is_request || (status >= 200 && status <= 299);
    memset(b, 0, sizeof *b);
    b->only_names = is_answer && options->command == CLI_COMMAND_MODELS && !options->json;
    b->out = is_answer ? &cli_out_standard : &cli_out_error;
    b->left = is_answer ? UINT64_MAX : ERROR_BYTES;
    b->filter = !is_answer || isatty(STDOUT_FILENO) != 0;
    if (is_request) {
        cli_out_print(&cli_out_error, "HTTP %u\n", status);
    }
}

static void write_names(sink *b, cmx_text data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (cli_names_take(&b->names, data.data[i])) {
            cli_report_text(b->out, (cmx_text){b->names.text, b->names.text_len}, true);
            cli_out_byte(b->out, '\n');
        }
    }
}

static void write_sink(sink *b, cmx_text data)
{
    if (b->only_names) {
        write_names(b, data);
    } else {
        data.len = data.len < b->left ? data.len : (size_t)b->left;
        b->left -= data.len;
        cli_report_text(b->out, data, b->filter);
        b->in_line = data.len > 0 ? data.data[data.len - 1] != '\n' : b->in_line;
    }
    cli_out_flush(b->out);
}

/* What the answer's headers said. */
static void show_limits(const cli_session *session)
{
    cmx_limit_state state;
    if (cmx_client_limits(session->client, session->origin, &state) != CMX_OK) {
        return;
    }
    if (state.requests_remaining == UINT32_MAX && state.tokens_remaining == UINT32_MAX) {
        cli_out_say(0, "the headers of the answer say nothing about limits");
    }
    if (state.requests_remaining != UINT32_MAX) {
        cli_out_print(&cli_out_error, "requests remaining: %u\n", state.requests_remaining);
    }
    if (state.tokens_remaining != UINT32_MAX) {
        cli_out_print(&cli_out_error, "tokens remaining: %u\n", state.tokens_remaining);
    }
}

/* Returns the exit code. */
static int end_request(const cli_options *options, const cli_session *session, const sink *b,
                       const cmx_done *done)
{
    int code = cli_report_exit(done);
    bool came = cmx_verdict_complete(done->verdict);
    if (b->out == &cli_out_error && b->in_line) {
        cli_out_print(&cli_out_error, "\n");
    }
    cli_report_failure(cli_session_relay(session, done->origin), done);
    if (came && b->only_names && !b->names.is_whole) {
        code = cli_out_say(CLI_EXIT_SERVER,
                           "the answer is no list of models; --json shows it as it is");
    }
    if (options->command == CLI_COMMAND_LIMITS && done->http_status != 0) {
        show_limits(session);
    }
    return code;
}

static int pull_events(const cli_options *options, const cli_session *session, cmx_id id)
{
    sink b = {.out = &cli_out_standard};
    cmx_event event;
    for (;;) {
        int rc = cli_interrupt_wait(session->client, id, &event);
        if (rc != CMX_OK) {
            return cli_out_say(CLI_EXIT_FAILED, "%s", cmx_error_text(rc));
        }
        if (event.kind == CMX_EVENT_OPEN) {
            open_sink(&b, options, event.http_status);
        } else if (event.kind == CMX_EVENT_DATA) {
            write_sink(&b, event.data);
        } else if (event.kind == CMX_EVENT_DONE) {
            return end_request(options, session, &b, &event.done);
        }
    }
}

static int start_request(const cli_options *options, const cmx_request *request)
{
    cmx_config config;
    cli_session session;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.connections_max = 1;
    config.requests_max = 1;
    config.models_max = 0;
    int rc = cli_session_open(&session, options, &config);
    if (rc == 0) {
        cmx_id id = 0;
        const char *bad_field = NULL;
        int status = cmx_request_start(session.client, request, &id, &bad_field);
        if (status != CMX_OK) {
            rc = cli_out_say(CLI_EXIT_USAGE, "%s: %s", bad_field, cmx_error_text(status));
        } else {
            cli_interrupt_catch(session.client);
            rc = pull_events(options, &session, id);
            cli_interrupt_release();
        }
    }
    cli_session_close(&session);
    return rc;
}

int cli_request_run(const cli_options *options)
{
    cmx_request request;
    char *body = NULL;
    cmx_request_default(&request);
    request.path = options->operand;
    if (options->command == CLI_COMMAND_MODELS) {
        request.path = "/models";
    } else if (options->command == CLI_COMMAND_LIMITS) {
        request.path = "/rate_limits";
    }
    request.content_type = options->content_type;
    int rc = read_method(options, &request.method);
    if (rc == 0 && options->data != NULL) {
        body = cli_input_read("--data", options->data, CLI_INPUT_BYTES_MAX, &request.body_len);
        request.body = body;
        rc = body == NULL ? CLI_EXIT_USAGE : 0;
    }
    if (rc == 0) {
        rc = start_request(options, &request);
    }
    free(body);
    return rc;
}
