/* SPDX-License-Identifier: MIT */
/*
 * One chat. The answer goes to stdout as it comes, everything else to stderr; SIGINT cancels the
 * stream, so that the server stops generating, and what came is kept.
 */
#include "cli/chat.h"

#include "cli/report.h"
#include "cli/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROMPT_BYTES_MAX = 16 * 1024 * 1024, /* of standard input */
    ANSWER_BYTES = 4 * 1024 * 1024,      /* of an answer that is not streamed */
};

static cmx_client *interrupted_client; /* for the handler below */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    cmx_client_wakeup(interrupted_client);
}

static void catch_interrupt(cmx_client *client)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND; /* the second one ends the program at once */
    interrupted_client = client;
    sigaction(SIGINT, &action, NULL);
}

/* Reads all of standard input; the caller frees. NULL = said why on stderr. */
static char *read_prompt(size_t *len)
{
    size_t capacity = 4096;
    char *text = malloc(capacity);
    *len = 0;
    while (text != NULL) {
        *len += fread(text + *len, 1, capacity - *len, stdin);
        if (*len < capacity) {
            break;
        }
        if (capacity >= PROMPT_BYTES_MAX) {
            fprintf(stderr, "chatmux: the prompt is longer than %d bytes\n", PROMPT_BYTES_MAX);
            free(text);
            return NULL;
        }
        capacity *= 2;
        char *larger = realloc(text, capacity);
        if (larger == NULL) {
            free(text);
        }
        text = larger;
    }
    if (text == NULL) {
        fprintf(stderr, "chatmux: not enough memory for the prompt\n");
    } else if (*len == 0) {
        fprintf(stderr, "chatmux: the prompt is empty\n");
        free(text);
        return NULL;
    }
    return text;
}

static void print_done_json(const cmx_done *done)
{
    printf("{\"event\":\"done\",\"verdict\":\"%s\",\"error\":\"%s\",\"http_status\":%u",
           cmx_verdict_name(done->verdict), cmx_error_name(done->error), done->http_status);
    printf(",\"finish_reason\":");
    cli_report_json(stdout, done->finish_reason);
    printf(",\"model\":");
    cli_report_json(stdout, done->model);
    printf(",\"request_id\":");
    cli_report_json(stdout, done->request_id);
    printf(",\"message\":");
    cli_report_json(stdout, done->message);
    if (done->has_usage) {
        printf(",\"usage\":{\"prompt_tokens\":%llu,\"completion_tokens\":%llu}",
               (unsigned long long)done->usage.prompt_tokens,
               (unsigned long long)done->usage.completion_tokens);
    }
    printf(",\"deltas\":%llu,\"bytes\":%llu,\"attempts\":%u,\"replays\":%u,\"total_ms\":%llu}\n",
           (unsigned long long)done->deltas, (unsigned long long)done->bytes, done->attempts,
           done->replays, (unsigned long long)done->times.done_ms);
}

static void print_delta(const cli_options *options, const cmx_delta *delta, bool terminal)
{
    static const char *const channels[] = {
        [CMX_CHANNEL_CONTENT] = "content",
        [CMX_CHANNEL_REASONING] = "reasoning",
        [CMX_CHANNEL_REFUSAL] = "refusal",
    };
    if (options->json) {
        printf("{\"event\":\"delta\",\"choice\":%u,\"channel\":\"%s\",\"text\":", delta->choice,
               channels[delta->channel]);
        cli_report_json(stdout, delta->text);
        printf("}\n");
    } else if (delta->channel != CMX_CHANNEL_REASONING) {
        cli_report_text(stdout, delta->text, terminal);
    }
    fflush(stdout);
}

static int print_done(const cli_options *options, const cmx_done *done)
{
    if (options->json) {
        print_done_json(done);
    } else if (done->bytes > 0) {
        putchar('\n');
    }
    cli_report_failure(options, done);
    return cli_report_flush(cli_report_exit(done));
}

static int pull_events(const cli_options *options, cmx_client *client, cmx_id id)
{
    bool terminal = isatty(STDOUT_FILENO) != 0;
    bool cancelled = false;
    for (;;) {
        cmx_event event;
        int rc = cmx_client_wait(client, &event, UINT32_MAX);
        if (rc < 0) {
            fprintf(stderr, "chatmux: %s\n", cmx_error_text(rc));
            return CLI_EXIT_FAILED;
        }
        if (rc == CMX_OK && event.kind == CMX_EVENT_DELTA) {
            print_delta(options, &event.delta, terminal);
        } else if (rc == CMX_OK && event.kind == CMX_EVENT_DONE) {
            return print_done(options, &event.done);
        }
        if (interrupted && !cancelled) {
            cancelled = true;
            /* It may have ended meanwhile: then its DONE event is on its way as it is. */
            int ignored = cmx_client_cancel(client, id);
            (void)ignored;
        }
    }
}

static int start_chat(const cli_options *options, const cli_session *session,
                      const cmx_message *messages, size_t message_count, void *answer)
{
    cmx_chat chat;
    cmx_chat_default(&chat);
    chat.origin = session->origin;
    chat.model = options->model;
    chat.messages = messages;
    chat.message_count = message_count;
    chat.stream = options->stream;
    chat.temperature_milli = options->temperature_milli;
    chat.max_tokens = options->max_tokens;
    chat.answer = answer;
    chat.answer_bytes = answer == NULL ? 0 : ANSWER_BYTES;

    cmx_id id = 0;
    const char *bad_field = NULL;
    int rc = cmx_chat_start(session->client, &chat, &id, &bad_field);
    if (rc != CMX_OK) {
        fprintf(stderr, "chatmux: %s: %s\n", bad_field, cmx_error_text(rc));
        return CLI_EXIT_USAGE;
    }
    return pull_events(options, session->client, id);
}

static int run_session(const cli_options *options, const char *prompt, size_t prompt_len)
{
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.connections_max = 1;
    config.origins_max = 1;
    config.requests_max = 1;
    cli_session session;
    int rc = cli_session_open(&session, options, &config);
    if (rc == 0) {
        catch_interrupt(session.client);
        cmx_message messages[2];
        size_t count = 0;
        if (options->system != NULL) {
            messages[count++] = (cmx_message){CMX_ROLE_SYSTEM, options->system, 0};
        }
        messages[count++] = (cmx_message){CMX_ROLE_USER, prompt, prompt_len};
        void *answer = options->stream ? NULL : malloc(ANSWER_BYTES);
        if (!options->stream && answer == NULL) {
            fprintf(stderr, "chatmux: not enough memory for the answer\n");
            rc = CLI_EXIT_FAILED;
        } else {
            rc = start_chat(options, &session, messages, count, answer);
        }
        signal(SIGINT, SIG_DFL);
        cli_session_close(&session);
        free(answer);
        return rc;
    }
    cli_session_close(&session);
    return rc;
}

int cli_chat_run(const cli_options *options)
{
    if (options->prompt != NULL) {
        if (options->prompt[0] == '\0') {
            fprintf(stderr, "chatmux: the prompt is empty\n");
            return CLI_EXIT_USAGE;
        }
        return run_session(options, options->prompt, 0);
    }
    size_t len = 0;
    char *prompt = read_prompt(&len);
    if (prompt == NULL) {
        return CLI_EXIT_USAGE;
    }
    int rc = run_session(options, prompt, len);
    free(prompt);
    return rc;
}
