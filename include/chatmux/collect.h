/* SPDX-License-Identifier: MIT */
/*
 * A helper for those who want an answer whole: feed it every event of one request, then read the
 * texts of each choice and the tool calls. Everything lies in one buffer of the caller's; nothing
 * is allocated. It uses nothing but the events.
 */
#ifndef CHATMUX_COLLECT_H
#define CHATMUX_COLLECT_H

#include "chatmux/client.h"
#include "chatmux/limits.h"

enum {
    CMX_COLLECT_PARTS_MAX = CMX_LIMIT_COLLECT_PARTS
}; /* each text; id, name and arguments of each tool call */

/* One text of the answer. For cmx_collect's own use. */
typedef struct cmx_collect_part {
    uint32_t choice;
    uint32_t tool; /* number of the tool call; 0 for texts */
    uint32_t kind; /* what it is of the answer */
    size_t offset; /* in the buffer */
    size_t len;    /* bytes */
} cmx_collect_part;

/* For cmx_collect_*() only; may be copied while the buffer stays where it is. */
typedef struct cmx_collect {
    char *buffer;    /* the caller's, borrowed as long as it is read */
    size_t capacity; /* bytes at buffer */
    size_t used;     /* bytes of it in use */
    size_t needed;   /* bytes that the whole answer so far would take */
    bool full;       /* something did not fit: nothing is stored any more */
    uint32_t part_count;
    cmx_collect_part parts[CMX_COLLECT_PARTS_MAX];
} cmx_collect;

typedef struct cmx_tool_call {
    uint32_t choice;
    cmx_text id;        /* lent as long as the buffer is; empty = the server sent none */
    cmx_text name;      /* likewise */
    cmx_text arguments; /* a JSON text if the answer is complete; the model may err: parse it */
} cmx_tool_call;

/* Starts an empty answer.
 *
 * buffer  borrowed until the answer is not read any more; may be NULL if `bytes` is 0 */
void cmx_collect_init(cmx_collect *collect, void *buffer, size_t bytes);

/* Takes what an event says, all of it or nothing; events other than DELTA change nothing.
 *
 * Returns CMX_OK, or CMX_ERR_BUFFER_SMALL, then and at every later event: the answer does not fit
 * the buffer, or has more than CMX_COLLECT_PARTS_MAX parts. What fitted before can be read, nothing
 * more is stored, `needed` goes on counting -> read it at DONE and try again with as much; if it
 * is not more than the buffer had, the parts were too many. */
CMX_MUST_CHECK int cmx_collect_event(cmx_collect *collect, const cmx_event *event);

/* Returns the text of a choice on a channel other than TOOL_CALL; empty if none came. Lent until
 * the next cmx_collect_event(). */
cmx_text cmx_collect_text(const cmx_collect *collect, uint32_t choice, enum cmx_channel channel);

/* Returns false if there are not that many tool calls.
 *
 * index  from 0, in order of appearance over all choices
 * call   out: lent until the next cmx_collect_event() */
bool cmx_collect_tool_call(const cmx_collect *collect, size_t index, cmx_tool_call *call);

#endif
