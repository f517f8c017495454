/* SPDX-License-Identifier: MIT */
/*
 * Three positions inside each other (choices, members of a delta, rest of a text), each a span of
 * validated JSON. Taking goes on with the innermost that has something left.
 */
#include "chat/answer_deltas.h"

#include "chat/answer_json.h"
#include "text/json_text.h"
#include "text/utf8.h"

_Static_assert((int)CMX_ANSWER_JSON_CONTENT == (int)CMX_CHANNEL_CONTENT &&
                   (int)CMX_ANSWER_JSON_REASONING == (int)CMX_CHANNEL_REASONING &&
                   (int)CMX_ANSWER_JSON_REFUSAL == (int)CMX_CHANNEL_REFUSAL,
               "a part of a delta is a channel");

static uint32_t choice_bit(uint32_t choice)
{
    return choice < 32 ? UINT32_C(1) << choice : 0;
}

static void note_finish(cmx_answer_deltas *deltas, const cmx_answer_json_choice *choice)
{
    deltas->finished |= choice_bit(choice->index);
    if (deltas->finish_len == 0) {
        cmx_json_span inside = {choice->finish.at + 1, choice->finish.end - 1};
        deltas->finish_len =
            (uint8_t)cmx_json_text_line((uint8_t *)deltas->finish, sizeof deltas->finish, inside);
    }
}

static void take_choice(cmx_answer_deltas *deltas)
{
    cmx_answer_json_choice choice;
    cmx_answer_json_choice_take(&deltas->choices, &choice);
    deltas->choice = choice.index;
    deltas->delta = choice.delta;
    deltas->reasoning_taken = false;
    deltas->choices_taken = deltas->choices_taken == 0 ? 1 : 2;
    if (choice.finish.at != NULL) {
        deltas->finish_taken = true;
        note_finish(deltas, &choice);
    }
}

static void take_part(cmx_answer_deltas *deltas)
{
    cmx_json_span text;
    enum cmx_answer_json_part part = cmx_answer_json_part_take(&deltas->delta, &text);
    if (part == CMX_ANSWER_JSON_NOTHING) {
        return;
    }
    /* Some relays send the same reasoning under both of its names. */
    if (part == CMX_ANSWER_JSON_REASONING) {
        if (deltas->reasoning_taken) {
            return;
        }
        deltas->reasoning_taken = true;
    }
    deltas->channel = (uint8_t)part;
    deltas->text = text;
    if (deltas->texts_taken == 0) {
        deltas->first = text;
    }
    deltas->texts_taken = deltas->texts_taken == 0 ? 1 : 2;
}

static void give_delta(cmx_answer_deltas *deltas, cmx_view piece, cmx_delta *delta)
{
    deltas->has_text = true;
    deltas->begun |= choice_bit(deltas->choice);
    *delta = (cmx_delta){
        .choice = deltas->choice,
        .channel = (enum cmx_channel)deltas->channel,
        .text = {(const char *)piece.data, piece.len},
    };
}

static uint16_t *current_surrogate(cmx_answer_deltas *deltas)
{
    return deltas->choice < CMX_ANSWER_DELTAS_CHOICES_MAX
               ? &deltas->surrogate[deltas->choice][deltas->channel]
               : NULL;
}

bool cmx_answer_deltas_begin(cmx_answer_deltas *deltas, cmx_json_span choices)
{
    CMX_ASSERT(deltas->text.at == NULL && deltas->delta.at == NULL);
    deltas->choices = choices;
    deltas->finish_taken = false;
    deltas->choices_taken = 0;
    deltas->texts_taken = 0;
    return cmx_answer_json_enter(&deltas->choices);
}

void cmx_answer_deltas_begin_text(cmx_answer_deltas *deltas, uint32_t choice, uint8_t channel,
                                  cmx_json_span text)
{
    CMX_ASSERT(deltas->text.at == NULL && deltas->delta.at == NULL);
    CMX_ASSERT(deltas->choices.at == NULL);
    deltas->choice = choice;
    deltas->channel = channel;
    deltas->text = text;
}

bool cmx_answer_deltas_single(const cmx_answer_deltas *deltas, cmx_json_span *text)
{
    *text = deltas->first;
    return deltas->choices_taken == 1 && deltas->texts_taken == 1 && !deltas->finish_taken;
}

bool cmx_answer_deltas_take(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    for (;;) {
        cmx_view piece;
        if (deltas->text.at != NULL) {
            if (cmx_json_text_piece(&deltas->text, current_surrogate(deltas), &piece)) {
                give_delta(deltas, piece, delta);
                return true;
            }
            deltas->text.at = NULL;
        } else if (deltas->delta.at != NULL) {
            take_part(deltas);
        } else if (deltas->choices.at != NULL) {
            take_choice(deltas);
        } else {
            return false;
        }
    }
}

bool cmx_answer_deltas_take_rest(cmx_answer_deltas *deltas, cmx_delta *delta)
{
    for (uint32_t choice = 0; choice < CMX_ANSWER_DELTAS_CHOICES_MAX; choice++) {
        for (uint8_t channel = 0; channel < CMX_ANSWER_DELTAS_CHANNELS; channel++) {
            if (deltas->surrogate[choice][channel] == 0) {
                continue;
            }
            deltas->surrogate[choice][channel] = 0;
            deltas->choice = choice;
            deltas->channel = channel;
            give_delta(deltas, CMX_VIEW_LITERAL(CMX_UTF8_REPLACEMENT), delta);
            return true;
        }
    }
    return false;
}

bool cmx_answer_deltas_complete(const cmx_answer_deltas *deltas)
{
    return deltas->finish_len > 0 && (deltas->begun & ~deltas->finished) == 0;
}
