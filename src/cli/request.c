/* SPDX-License-Identifier: MIT */
/*
 * One plain request. The body goes to stdout as it comes, the status to stderr.
 */
#include "cli/request.h"

#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_method(const cli_options *options, enum cmx_method *method)
{
    static const char *const names[] = {
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
        fprintf(stderr, "chatmux: -X '%s': GET, POST or DELETE is needed\n", options->method);
        return CLI_EXIT_USAGE;
    }
    return 0;
}

static int pull_events(const cli_options *options, cmx_client *client, cmx_id id)
{
    bool terminal = isatty(STDOUT_FILENO) != 0;
    cmx_event event;
    for (;;) {
        int rc = cli_interrupt_wait(client, id, &event);
        if (rc != CMX_OK) {
            fprintf(stderr, "chatmux: %s\n", cmx_error_text(rc));
            return CLI_EXIT_FAILED;
        }
        if (event.kind == CMX_EVENT_OPEN) {
            fprintf(stderr, "HTTP %u\n", event.http_status);
        } else if (event.kind == CMX_EVENT_DATA) {
            cli_report_text(stdout, event.data, terminal);
            fflush(stdout);
        } else if (event.kind == CMX_EVENT_DONE) {
            cli_report_failure(options, &event.done);
            return cli_report_flush(cli_report_exit(&event.done));
        }
    }
}

static int start_request(const cli_options *options, const cmx_request *request)
{
    cmx_config config;
    cli_session session;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.connections_max = 1;
    config.origins_max = 1;
    config.requests_max = 1;
    int rc = cli_session_open(&session, options, &config);
    if (rc == 0) {
        cmx_id id = 0;
        const char *bad_field = NULL;
        int status = cmx_request_start(session.client, request, &id, &bad_field);
        if (status != CMX_OK) {
            fprintf(stderr, "chatmux: %s: %s\n", bad_field, cmx_error_text(status));
            rc = CLI_EXIT_USAGE;
        } else {
            cli_interrupt_catch(session.client);
            rc = pull_events(options, session.client, id);
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
    request.path = options->path;
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
