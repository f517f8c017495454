/* SPDX-License-Identifier: MIT */
/*
 * Text that goes out. See out.h.
 */
#include "cli/out.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { STANDARD_BYTES = 16384, ERROR_BYTES = 1024, DIGITS_MAX = 20 };

static char standard_bytes[STANDARD_BYTES];
static char error_bytes[ERROR_BYTES];

cli_out cli_out_standard = {standard_bytes, sizeof standard_bytes, 0, STDOUT_FILENO, 0};
cli_out cli_out_error = {error_bytes, sizeof error_bytes, 0, STDERR_FILENO, 0};

int cli_out_flush(cli_out *out)
{
    const char *at = out->bytes;
    if (out == &cli_out_error) {
        /* On a terminal what was printed first stands first. */
        cli_out_flush(&cli_out_standard);
    }
    while (out->len > 0) {
        ssize_t written = write(out->fd, at, out->len);
        if (written >= 0) {
            at += written;
            out->len -= (size_t)written;
        } else if (errno != EINTR) {
            out->error = out->error == 0 ? errno : out->error;
            out->len = 0;
        }
    }
    return out->error;
}

void cli_out_bytes(cli_out *out, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t room = out->capacity - out->len;
        size_t part = len < room ? len : room;
        memcpy(out->bytes + out->len, bytes, part);
        out->len += part;
        bytes += part;
        len -= part;
        if (len > 0 && out->fd < 0) {
            return;
        }
        if (len > 0) {
            cli_out_flush(out);
        }
    }
}

void cli_out_byte(cli_out *out, char byte)
{
    cli_out_bytes(out, &byte, 1);
}

/* Writes the digits in front of `end`. Returns where they begin. */
static char *write_digits(char *end, uint64_t number, unsigned base)
{
    do {
        *--end = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    return end;
}

typedef struct padding {
    bool is_left; /* what is printed, and padding behind it */
    char fill;
    size_t width;
} padding;

static void pad(cli_out *out, const padding *p, size_t len)
{
    for (; len < p->width; len++) {
        cli_out_byte(out, p->fill);
    }
}

static uint64_t take_number(const char **at, va_list *args)
{
    if (**at == 'z') {
        *at += 1;
        return va_arg(*args, size_t);
    }
    if (**at == 'l') { /* "ll" */
        *at += 2;
        return va_arg(*args, unsigned long long);
    }
    return va_arg(*args, unsigned);
}

/* Writes one argument; `at` is behind the '%'. Returns what is behind the conversion. */
static const char *convert(cli_out *out, const char *at, va_list *args)
{
    char digits[DIGITS_MAX];
    size_t len = SIZE_MAX;
    padding p = {.is_left = *at == '-', .fill = *at == '0' ? '0' : ' ', .width = 0};
    at += p.is_left ? 1 : 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        p.width = p.width * 10 + (size_t)(*at - '0');
    }
    if (*at == '.') { /* ".*" */
        len = (size_t)va_arg(*args, int);
        at += 2;
    }
    const char *text;
    if (*at == 's') {
        text = va_arg(*args, const char *);
        len = strnlen(text, len);
    } else {
        uint64_t number = take_number(&at, args);
        char *end = digits + sizeof digits;
        text = write_digits(end, number, *at == 'x' ? 16 : 10);
        len = (size_t)(end - text);
    }
    if (!p.is_left) {
        pad(out, &p, len);
    }
    cli_out_bytes(out, text, len);
    if (p.is_left) {
        pad(out, &p, len);
    }
    return at + 1;
}

static void print(cli_out *out, const char *format, va_list *args)
{
    for (;;) {
        size_t len = strcspn(format, "%");
        cli_out_bytes(out, format, len);
        format += len;
        if (*format == '\0') {
            return;
        }
        format = convert(out, format + 1, args);
    }
}

void cli_out_print(cli_out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(out, format, &args);
    va_end(args);
    if (out == &cli_out_error && out->len > 0 && out->bytes[out->len - 1] == '\n') {
        cli_out_flush(out);
    }
}

void cli_out_decimal(cli_out *out, uint64_t number, unsigned digits)
{
    char text[DIGITS_MAX];
    uint64_t scale = 1;
    for (unsigned i = 0; i < digits; i++) {
        scale *= 10;
    }
    char *end = text + sizeof text;
    const char *begin = write_digits(end, number % scale + scale, 10);
    cli_out_print(out, "%llu", (unsigned long long)(number / scale));
    if (digits > 0) { /* the one in front keeps the zeros behind it */
        cli_out_byte(out, '.');
        cli_out_bytes(out, begin + 1, digits);
    }
}

int cli_out_say(int code, const char *format, ...)
{
    va_list args;
    cli_out_print(&cli_out_error, "chatmux: ");
    va_start(args, format);
    print(&cli_out_error, format, &args);
    va_end(args);
    cli_out_print(&cli_out_error, "\n");
    return code;
}
