/* SPDX-License-Identifier: MIT */
/*
 * A bounded list of text lines that are written piece by piece and taken out whole: what a trace
 * keeps between two moments at which it may call its reader. A line that does not fit is dropped
 * and counted; a line that is too long is cut. It knows nothing of what the lines say.
 */
#ifndef CMX_BASE_LINES_H
#define CMX_BASE_LINES_H

#include "base/base.h"
#include "base/view.h"

#include "chatmux/limits.h"

enum {
    CMX_LINES_LINE_BYTES_MAX =
        CMX_LIMIT_LINE_BYTES, /* of one line; "..." replaces what is beyond */
};

typedef struct cmx_lines {
    char *data;      /* borrowed: `capacity` bytes; each line ends with '\n' */
    size_t capacity; /* bytes at data, at least twice CMX_LINES_LINE_BYTES_MAX */
    size_t taken;    /* bytes of the lines that cmx_lines_next() gave out */
    size_t ended;    /* bytes of the lines that are whole */
    size_t len;      /* bytes, the line being written included */
    uint64_t lost;   /* lines dropped and not told yet */
    bool on;         /* somebody reads */
    bool is_full;    /* the line being written does not fit */
    bool is_cut;     /* the line being written is as long as it may be */
} cmx_lines;

/* Starts empty and off. */
void cmx_lines_init(cmx_lines *lines, char *memory, size_t capacity);

/* Returns true if lines are to be written; what is asked before all work for a trace. */
static inline bool cmx_lines_on(const cmx_lines *lines)
{
    return lines != NULL && lines->on;
}

/* Append to the line being written: our own text, foreign bytes (control characters, backslashes
 * and bytes above 0x7e as \xNN), a decimal number, a hexadecimal number of at least two digits. */
void cmx_lines_text(cmx_lines *lines, const char *text);
void cmx_lines_foreign(cmx_lines *lines, cmx_view bytes);
void cmx_lines_number(cmx_lines *lines, uint64_t number);
void cmx_lines_hex(cmx_lines *lines, uint32_t number);

/* Ends the line being written. */
void cmx_lines_end(cmx_lines *lines);

/* Returns true if cmx_lines_next() has something. */
static inline bool cmx_lines_any(const cmx_lines *lines)
{
    return lines->ended > lines->taken || lines->lost > 0;
}

/* Takes the oldest line, without a line end; behind the last one the number of lines that were
 * lost, as a line. Nothing may be written while lines are being taken.
 *
 * line  out: lent until something is written
 *
 * Returns false if there is none: the list is empty again. */
bool cmx_lines_next(cmx_lines *lines, cmx_view *line);

#endif
