/* SPDX-License-Identifier: MIT */
/*
 * An answer as a list of parts in one buffer, in the order in which they began and without gaps:
 * where an earlier part grows, the later ones move. An event is stored whole or not at all. It
 * uses nothing but the public headers, as a user's code would.
 */
#include "chatmux/collect.h"

#include <string.h>

/* The kinds of parts behind those of enum cmx_channel, whose texts are parts, too. */
enum part_kind {
    PART_ARGUMENTS = CMX_CHANNEL_TOOL_CALL, /* every tool call has one, so it stands for the call */
    PART_ID,
    PART_NAME,
};

enum { PIECES_MAX = 3 };

/* What one event adds to one part. */
typedef struct piece {
    uint32_t kind;
    cmx_text text;
} piece;

void cmx_collect_init(cmx_collect *collect, void *buffer, size_t bytes)
{
    memset(collect, 0, sizeof *collect);
    collect->buffer = buffer;
    collect->capacity = bytes;
}

/* Returns the index of a part; part_count if there is none. */
static uint32_t find_part(const cmx_collect *collect, uint32_t choice, uint32_t tool, uint32_t kind)
{
    uint32_t i = 0;
    for (; i < collect->part_count; i++) {
        const cmx_collect_part *part = &collect->parts[i];
        if (part->choice == choice && part->tool == tool && part->kind == kind) {
            break;
        }
    }
    return i;
}

static cmx_text text_of(const cmx_collect *collect, uint32_t choice, uint32_t tool, uint32_t kind)
{
    uint32_t index = find_part(collect, choice, tool, kind);
    if (index == collect->part_count) {
        return (cmx_text){NULL, 0};
    }
    const cmx_collect_part *part = &collect->parts[index];
    if (part->len == 0) {
        return (cmx_text){NULL, 0}; /* there may be no buffer */
    }
    return (cmx_text){collect->buffer + part->offset, part->len};
}

/* Takes a delta apart. Returns how many pieces it has. */
static size_t split_delta(const cmx_delta *delta, piece pieces[PIECES_MAX])
{
    size_t count = 0;
    pieces[count++] = (piece){(uint32_t)delta->channel, delta->text};
    if (delta->channel == CMX_CHANNEL_TOOL_CALL) {
        if (delta->tool_id.len > 0) {
            pieces[count++] = (piece){PART_ID, delta->tool_id};
        }
        if (delta->tool_name.len > 0) {
            pieces[count++] = (piece){PART_NAME, delta->tool_name};
        }
    }
    return count;
}

/* Adds bytes at the end of a part, which is begun if there is none. There is room for both. */
static void append(cmx_collect *collect, const cmx_delta *delta, uint32_t tool, const piece *added)
{
    uint32_t index = find_part(collect, delta->choice, tool, added->kind);
    if (index == collect->part_count) {
        collect->parts[index] = (cmx_collect_part){
            .choice = delta->choice, .tool = tool, .kind = added->kind, .offset = collect->used};
        collect->part_count++;
    }
    size_t len = added->text.len;
    if (len == 0) {
        return; /* neither buffer nor text need be there */
    }
    cmx_collect_part *part = &collect->parts[index];
    char *end = collect->buffer + part->offset + part->len;
    size_t behind = collect->used - part->offset - part->len;
    memmove(end + len, end, behind);
    memcpy(end, added->text.data, len);
    part->len += len;
    collect->used += len;
    for (uint32_t i = index + 1; i < collect->part_count; i++) {
        collect->parts[i].offset += len;
    }
}

int cmx_collect_event(cmx_collect *collect, const cmx_event *event)
{
    piece pieces[PIECES_MAX];
    size_t count = 0;
    size_t bytes = 0;
    uint32_t begun = 0;
    uint32_t tool = 0;
    if (event->kind == CMX_EVENT_DELTA) {
        count = split_delta(&event->delta, pieces);
        tool = event->delta.channel == CMX_CHANNEL_TOOL_CALL ? event->delta.tool : 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t index = find_part(collect, event->delta.choice, tool, pieces[i].kind);
        begun += index == collect->part_count ? 1 : 0;
        bytes += pieces[i].text.len;
    }
    collect->needed += bytes;
    collect->full = collect->full || bytes > collect->capacity - collect->used ||
                    begun > CMX_COLLECT_PARTS_MAX - collect->part_count;
    if (collect->full) {
        return CMX_ERR_BUFFER_SMALL;
    }
    for (size_t i = 0; i < count; i++) {
        append(collect, &event->delta, tool, &pieces[i]);
    }
    return CMX_OK;
}

cmx_text cmx_collect_text(const cmx_collect *collect, uint32_t choice, enum cmx_channel channel)
{
    if (channel == CMX_CHANNEL_TOOL_CALL) {
        return (cmx_text){NULL, 0};
    }
    return text_of(collect, choice, 0, (uint32_t)channel);
}

bool cmx_collect_tool_call(const cmx_collect *collect, size_t index, cmx_tool_call *call)
{
    for (uint32_t i = 0; i < collect->part_count; i++) {
        const cmx_collect_part *part = &collect->parts[i];
        if (part->kind != PART_ARGUMENTS || index-- > 0) {
            continue;
        }
        *call = (cmx_tool_call){
            .choice = part->choice,
            .id = text_of(collect, part->choice, part->tool, PART_ID),
            .name = text_of(collect, part->choice, part->tool, PART_NAME),
            .arguments = text_of(collect, part->choice, part->tool, PART_ARGUMENTS),
        };
        return true;
    }
    return false;
}
