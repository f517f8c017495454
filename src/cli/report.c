/* SPDX-License-Identifier: MIT */
/*
 * Printing. See report.h.
 */
#include "cli/report.h"

#include <errno.h>
#include <string.h>

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
}

/* The C1 controls, which some terminals obey: U+0080 to U+009F. */
static bool is_control_pair(const char *at, const char *end)
{
    return end - at >= 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] >= 0x80 &&
           (unsigned char)at[1] <= 0x9f;
}

void cli_report_text(FILE *out, cmx_text text, bool filter)
{
    if (!filter) {
        fwrite(text.data, 1, text.len, out);
        return;
    }
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end; at++) {
        if (is_control_pair(at, end)) {
            at++;
        } else if (!is_control((unsigned char)*at)) {
            fputc(*at, out);
        }
    }
}

void cli_report_json(FILE *out, cmx_text text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\') {
            fputc('\\', out);
            fputc(byte, out);
        } else if (byte < 0x20 || byte == 0x7f) {
            fprintf(out, "\\u%04x", byte);
        } else {
            fputc(byte, out);
        }
    }
    fputc('"', out);
}

void cli_report_failure(const cli_options *options, const cmx_done *done)
{
    if (cmx_verdict_complete(done->verdict)) {
        return;
    }
    fprintf(stderr, "chatmux: %s: %s", cmx_verdict_name(done->verdict),
            cmx_error_text(done->error));
    if (done->http_status >= 300) {
        fprintf(stderr, " [HTTP %u]", done->http_status);
    }
    if (done->h2_error != 0) {
        fprintf(stderr, " [HTTP/2 error %u]", done->h2_error);
    }
    fprintf(stderr, "\nchatmux: %s (%s)\n", options->url, cmx_error_name(done->error));
    if (done->message.len > 0) {
        fprintf(stderr, "chatmux: the server says: ");
        cli_report_text(stderr, done->message, true);
        fputc('\n', stderr);
    }
}

int cli_report_flush(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return code;
    }
    fprintf(stderr, "chatmux: standard output: %s\n", strerror(errno));
    return CLI_EXIT_FAILED;
}

int cli_report_exit(const cmx_done *done)
{
    switch (done->verdict) {
    case CMX_VERDICT_DONE:
    case CMX_VERDICT_DONE_NO_SENTINEL:
        return CLI_EXIT_OK;
    case CMX_VERDICT_ERROR_INBAND:
    case CMX_VERDICT_ERROR_HTTP:
        return CLI_EXIT_SERVER;
    case CMX_VERDICT_CANCELLED:
        return CLI_EXIT_INTERRUPTED;
    case CMX_VERDICT_TRUNCATED:
    case CMX_VERDICT_STALLED:
    case CMX_VERDICT_EMPTY:
    case CMX_VERDICT_TIMEOUT:
    case CMX_VERDICT_LIMIT:
    case CMX_VERDICT_NETWORK:
        break;
    }
    return done->bytes > 0 ? CLI_EXIT_PARTIAL : CLI_EXIT_FAILED;
}
