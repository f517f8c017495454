/* SPDX-License-Identifier: MIT */
/*
 * Text that goes out: to standard output, to standard error, to memory. The program prints whole
 * numbers and texts only, so this stands for stdio, of which static programs would hold 20 KB.
 */
#ifndef CMX_CLI_OUT_H
#define CMX_CLI_OUT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli_out {
    char *bytes;
    size_t capacity;
    size_t len; /* of what is not written yet */
    int fd;     /* < 0: it stays in memory, and what has no room is left out */
    int error;  /* errno of the first write that failed: what it should have written is lost */
} cli_out;

extern cli_out cli_out_standard;
extern cli_out cli_out_error; /* a line that ends is written at once */

/* Writes by a format: %s and %u, %x, each also with width, '-' or '0', %.*s, %llu and %zu; no
 * others. */
__attribute__((format(printf, 2, 3))) void cli_out_print(cli_out *out, const char *format, ...);

void cli_out_bytes(cli_out *out, const char *bytes, size_t len);
void cli_out_byte(cli_out *out, char byte);

/* Writes a number with a point in front of its last digits: 1250 with three of them as 1.250. */
void cli_out_decimal(cli_out *out, uint64_t number, unsigned digits);

/* Writes what is not written yet; standard output always before standard error. Returns 0 or the
 * errno of the first failure. */
int cli_out_flush(cli_out *out);

/* Writes "chatmux: ", the text, and a line end to standard error. Returns `code`, mostly the exit
 * code of what was said. */
__attribute__((format(printf, 2, 3))) int cli_out_say(int code, const char *format, ...);

#endif
