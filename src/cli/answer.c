/* SPDX-License-Identifier: MIT */
/*
 * Printing an answer. See answer.h. The JSON form and the line of a tool call are documented:
 * scripts read them.
 */
#include "cli/answer.h"

#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALLS_BYTES = 4 * 1024 * 1024 }; /* of the tool calls of an answer */

int cli_answer_open(cli_answer *answer, const cli_options *options, const cli_session *session)
{
    memset(answer, 0, sizeof *answer);
    answer->options = options;
    answer->session = session;
    answer->terminal = isatty(STDOUT_FILENO) != 0;
    if (options->json) {
        return 0;
    }
    answer->room = malloc(CALLS_BYTES);
    if (answer->room == NULL) {
        return cli_out_say(CLI_EXIT_FAILED, "not enough memory for the answer");
    }
    cmx_collect_init(&answer->calls, answer->room, CALLS_BYTES);
    return 0;
}

void cli_answer_close(cli_answer *answer)
{
    free(answer->room);
    answer->room = NULL;
}

static void print_json(const cmx_delta *delta)
{
    static const char channels[][10] = {
        [CMX_CHANNEL_CONTENT] = "content",
        [CMX_CHANNEL_REASONING] = "reasoning",
        [CMX_CHANNEL_REFUSAL] = "refusal",
        [CMX_CHANNEL_TOOL_CALL] = "tool_call",
    };
    cli_out *out = &cli_out_standard;
    cli_out_print(out, "{\"event\":\"delta\",\"choice\":%u,\"channel\":\"%s\"", delta->choice,
                  channels[delta->channel]);
    if (delta->channel == CMX_CHANNEL_TOOL_CALL) {
        cli_out_print(out, ",\"tool\":%u,\"id\":", delta->tool);
        cli_report_json(out, delta->tool_id);
        cli_out_print(out, ",\"name\":");
        cli_report_json(out, delta->tool_name);
    }
    cli_out_print(out, ",\"text\":");
    cli_report_json(out, delta->text);
    cli_out_print(out, "}\n");
}

static void report_retry(const cli_answer *answer, const cmx_retry *retry)
{
    if (answer->options->verbose) {
        cli_report_retry(cli_session_relay(answer->session, retry->origin),
                         cli_session_relay(answer->session, retry->next), retry);
    }
}

void cli_answer_event(cli_answer *answer, const cmx_event *event)
{
    if (event->kind == CMX_EVENT_RETRY) {
        report_retry(answer, &event->retry);
    }
    if (event->kind != CMX_EVENT_DELTA) {
        return;
    }
    const cmx_delta *delta = &event->delta;
    if (answer->options->json) {
        print_json(delta);
    } else if (delta->channel == CMX_CHANNEL_TOOL_CALL) {
        answer->collected = cmx_collect_event(&answer->calls, event);
    } else if (delta->channel != CMX_CHANNEL_REASONING) {
        answer->text_seen = true;
        cli_report_text(&cli_out_standard, delta->text, answer->terminal);
    }
    cli_out_flush(&cli_out_standard);
}

/* A call is one line, whatever the server put into it: line breaks become spaces. */
static void print_part(const cli_answer *answer, cmx_text text)
{
    cli_out_byte(&cli_out_standard, ' ');
    if (text.len == 0) {
        cli_out_byte(&cli_out_standard, '-');
    }
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.data[len] != '\n' && text.data[len] != '\r') {
            len++;
        }
        cli_report_text(&cli_out_standard, (cmx_text){text.data, len}, answer->terminal);
        if (len < text.len) {
            cli_out_byte(&cli_out_standard, ' ');
            len++;
        }
        text.data += len;
        text.len -= len;
    }
}

static void print_calls(const cli_answer *answer)
{
    cmx_tool_call call;
    for (size_t i = 0; cmx_collect_tool_call(&answer->calls, i, &call); i++) {
        cli_out_print(&cli_out_standard, "tool");
        print_part(answer, call.name);
        print_part(answer, call.id);
        print_part(answer, call.arguments);
        cli_out_byte(&cli_out_standard, '\n');
    }
}

int cli_answer_done(cli_answer *answer, const cmx_done *done)
{
    const cli_relay *relay = cli_session_relay(answer->session, done->origin);
    int code = cli_report_exit(done);
    if (answer->options->json) {
        cli_report_done_json(relay, done);
    } else {
        if (answer->text_seen) {
            cli_out_byte(&cli_out_standard, '\n');
        }
        print_calls(answer);
    }
    if (answer->collected != CMX_OK) {
        cli_out_say(0, "not all tool calls are shown; --json shows them as they come");
        code = code == CLI_EXIT_OK ? CLI_EXIT_PARTIAL : code;
    }
    cli_report_failure(relay, done);
    if (answer->options->verbose) {
        cli_report_summary(relay, done);
    }
    return code;
}
