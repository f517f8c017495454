/* SPDX-License-Identifier: MIT */
/*
 * One chat. The answer goes to stdout as it comes, everything else to stderr; SIGINT cancels the
 * stream, so that the server stops generating, and what came is kept.
 */
#include "cli/chat.h"

#include "cli/answer.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_BYTES = 4 * 1024 * 1024, /* of an answer that is not streamed */
    JSON_BYTES_PER_BYTE = 6,        /* at most: \u001b */
};

/* What a chat borrows, all owned here. */
typedef struct texts {
    char *prompt; /* from standard input; NULL = the argument */
    size_t prompt_len;
    char *stops;           /* JSON array; NULL = none */
    char *tools;           /* of the file; NULL = none */
    char *response_format; /* of the file; NULL = none, or the argument */
    void *answer;          /* NULL = streamed */
} texts;

static void close_texts(texts *t)
{
    free(t->prompt);
    free(t->stops);
    free(t->tools);
    free(t->response_format);
    free(t->answer);
}

static int read_prompt(const cli_options *options, texts *t)
{
    if (options->operand == NULL) {
        t->prompt = cli_input_read("the prompt", "-", CLI_INPUT_BYTES_MAX, &t->prompt_len);
        if (t->prompt == NULL) {
            return CLI_EXIT_USAGE;
        }
    }
    if (options->operand == NULL ? t->prompt_len == 0 : options->operand[0] == '\0') {
        return cli_out_say(CLI_EXIT_USAGE, "the prompt is empty");
    }
    return 0;
}

static int join_stops(const cli_options *options, texts *t)
{
    size_t capacity = 2 + options->stop_count; /* signs between them, and a NUL */
    for (uint32_t i = 0; i < options->stop_count; i++) {
        capacity += 2 + JSON_BYTES_PER_BYTE * strlen(options->stops[i]);
    }
    if (options->stop_count == 0) {
        return 0;
    }
    t->stops = calloc(1, capacity);
    if (t->stops == NULL) {
        return CLI_EXIT_FAILED;
    }
    cli_out out = {t->stops, capacity, 0, -1, 0};
    for (uint32_t i = 0; i < options->stop_count; i++) {
        cli_out_byte(&out, i == 0 ? '[' : ',');
        cli_report_json(&out, (cmx_text){options->stops[i], strlen(options->stops[i])});
    }
    cli_out_byte(&out, ']');
    return 0;
}

static bool is_object(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '{';
}

static int read_texts(const cli_options *options, texts *t)
{
    if (options->tools != NULL) {
        t->tools = cli_input_json("--tools", options->tools);
        if (t->tools == NULL) {
            return CLI_EXIT_USAGE;
        }
    }
    if (options->chat.response_format_json != NULL &&
        !is_object(options->chat.response_format_json)) {
        t->response_format =
            cli_input_json("--response-format", options->chat.response_format_json);
        if (t->response_format == NULL) {
            return CLI_EXIT_USAGE;
        }
    }
    if (options->no_stream) {
        t->answer = malloc(ANSWER_BYTES);
    }
    if (join_stops(options, t) != 0 || (options->no_stream && t->answer == NULL)) {
        return cli_out_say(CLI_EXIT_FAILED, "not enough memory for the answer");
    }
    return read_prompt(options, t);
}

/* The words need quotes to be JSON, and shells eat them. */
static const char *quote_word(const char *text)
{
    static const char words[][2][11] = {
        {"none", "\"none\""}, {"auto", "\"auto\""}, {"required", "\"required\""}};
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i][0]) == 0) {
            return words[i][1];
        }
    }
    return text;
}

static void fill_chat(cmx_chat *chat, const cli_options *options, const texts *t)
{
    *chat = options->chat;
    chat->stream = !options->no_stream;
    chat->stop_json = t->stops;
    chat->tools_json = t->tools;
    chat->tool_choice_json = quote_word(chat->tool_choice_json);
    if (t->response_format != NULL) {
        chat->response_format_json = t->response_format;
    }
    chat->answer = t->answer;
    chat->answer_bytes = t->answer == NULL ? 0 : ANSWER_BYTES;
}

/* The fields that options stand for, by the options' names. */
static const char *option_of(const char *field)
{
    static const char names[][2][22] = {
        {"model", "--model"},
        {"stop_json", "--stop"},
        {"tools_json", "--tools"},
        {"tool_choice_json", "--tool-choice"},
        {"response_format_json", "--response-format"},
        {"extra_json", "--extra"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(field, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return field;
}

static int refuse(const cmx_chat *chat, int status, const char *field)
{
    cmx_chat_fault fault = {NULL, 0, 0};
    if (cmx_chat_check(chat, &fault) == status && fault.field != NULL &&
        (status == CMX_ERR_JSON || status == CMX_ERR_UTF8)) {
        return cli_out_say(CLI_EXIT_USAGE, "%s: %s [byte %zu]", option_of(fault.field),
                           cmx_error_text(status), fault.offset);
    }
    return cli_out_say(CLI_EXIT_USAGE, "%s: %s", option_of(field), cmx_error_text(status));
}

static int pull_events(const cli_options *options, const cli_session *session, cmx_id id)
{
    cli_answer answer;
    cmx_event event;
    int code = cli_answer_open(&answer, options, session);
    while (code == 0) {
        int rc = cli_interrupt_wait(session->client, id, &event);
        if (rc != CMX_OK) {
            code = cli_out_say(CLI_EXIT_FAILED, "%s", cmx_error_text(rc));
        } else if (event.kind == CMX_EVENT_DONE) {
            code = cli_answer_done(&answer, &event.done);
            break;
        } else {
            cli_answer_event(&answer, &event);
        }
    }
    cli_answer_close(&answer);
    return code;
}

static int start_chat(const cli_options *options, const cli_session *session, const texts *t)
{
    cmx_message messages[2];
    size_t count = 0;
    if (options->system != NULL) {
        messages[count++] = (cmx_message){.role = CMX_ROLE_SYSTEM, .text = options->system};
    }
    messages[count++] =
        (cmx_message){.role = CMX_ROLE_USER,
                      .text = options->operand != NULL ? options->operand : t->prompt,
                      .text_len = options->operand != NULL ? 0 : t->prompt_len};
    cmx_chat chat;
    fill_chat(&chat, options, t);
    chat.origin = session->origin;
    chat.messages = messages;
    chat.message_count = count;

    cmx_id id = 0;
    const char *bad_field = NULL;
    int rc = cmx_chat_start(session->client, &chat, &id, &bad_field);
    if (rc != CMX_OK) {
        return refuse(&chat, rc, bad_field);
    }
    return pull_events(options, session, id);
}

int cli_chat_run(const cli_options *options)
{
    texts t = {.prompt = NULL};
    int rc = read_texts(options, &t);
    if (rc == 0) {
        cmx_config config;
        cli_session session;
        cmx_config_preset(&config, CMX_PRESET_DEFAULT);
        config.connections_max = 1;
        config.requests_max = 1;
        config.models_max = 0;
        rc = cli_session_open(&session, options, &config);
        if (rc == 0) {
            cli_interrupt_catch(session.client);
            rc = start_chat(options, &session, &t);
            cli_interrupt_release();
        }
        cli_session_close(&session);
    }
    close_texts(&t);
    return rc;
}
