/* SPDX-License-Identifier: MIT */
/*
 * The rows of paused requests. See pause.h. A row is taken when a request is paused and stays its
 * own until it is up to date again: resumed, its bytes used up and credited, its END handed on.
 * Bytes are credited all at once and nothing before them is reused, so what is kept never exceeds
 * the window that the server was given.
 */
#include "client/pause.h"

_Static_assert(CMX_PAUSE_ROWS_MAX < UINT8_MAX, "a row and none fit into a call");

void cmx_pause_init(cmx_pause_table *table, cmx_pause_row *rows, uint8_t *blocks,
                    const cmx_config *config)
{
    *table = (cmx_pause_table){.rows = rows, .count = config->paused_streams_max};
    for (uint32_t i = 0; i < table->count; i++) {
        rows[i] = (cmx_pause_row){
            .block = blocks + (size_t)i * config->stream_window_bytes,
            .slot = CMX_SLOT_NONE,
        };
    }
}

/* Returns the row of a call, or NULL. */
static cmx_pause_row *row_of(const cmx_client *client, uint16_t index)
{
    uint8_t number = client->calls[index].pause;
    return number == 0 ? NULL : &client->pauses.rows[number - 1];
}

static cmx_pause_row *paused_row_of(const cmx_client *client, uint16_t index)
{
    cmx_pause_row *row = row_of(client, index);
    return row != NULL && row->paused ? row : NULL;
}

static void take_row(cmx_client *client, cmx_pause_row *row, uint16_t index)
{
    *row = (cmx_pause_row){.block = row->block, .slot = index, .paused = true};
    client->calls[index].pause = (uint8_t)(row - client->pauses.rows + 1);
    client->pauses.paused++;
}

static void give_row(cmx_client *client, cmx_pause_row *row)
{
    cmx_pause_table *table = &client->pauses;
    CMX_ASSERT(row->slot != CMX_SLOT_NONE);
    client->calls[row->slot].pause = 0;
    row->slot = CMX_SLOT_NONE;
    if (row->paused) {
        table->paused--;
    } else {
        table->waiting--;
    }
}

/* The call is up to date again: its clocks go on. */
static void end_holding(cmx_client *client, cmx_pause_row *row)
{
    uint16_t index = row->slot;
    cmx_call *call = &client->calls[index];
    give_row(client, row);
    cmx_call_unhold(call, client->now_ms);
    if (cmx_timerq_armed(&call->timer)) {
        int status = CMX_OK;
        cmx_timerq_arm(
            &client->timers, &call->timer,
            cmx_call_due_ms(call, &client->config, cmx_state_unread_ms(client, index), &status));
    }
}

/* Makes room for `len` more bytes. Returns NULL if the window is exceeded. */
static uint8_t *add_bytes(const cmx_client *client, cmx_pause_row *row, size_t len)
{
    if (len > client->config.stream_window_bytes - row->len) {
        return NULL;
    }
    uint8_t *at = row->block + row->len;
    row->len += (uint32_t)len;
    return at;
}

/* Moves what the decoder has not used of the connection's buffer to the block, from where it can
 * go on. */
static int keep_rest(cmx_client *client, cmx_pause_row *row)
{
    cmx_answer *answer = &client->calls[row->slot].answer;
    cmx_view rest = cmx_answer_lent(answer);
    uint8_t *to = add_bytes(client, row, rest.len);
    if (to == NULL) {
        return CMX_ERR_HTTP2;
    }
    if (rest.len > 0) {
        memcpy(to, rest.data, rest.len);
    }
    cmx_answer_move(answer, to);
    row->fed = row->len;
    cmx_pool_keep(&client->pool, rest.len);
    return CMX_OK;
}

int cmx_pause_stop(cmx_client *client)
{
    uint16_t index = client->decoding;
    cmx_pause_row *row = index == CMX_SLOT_NONE ? NULL : paused_row_of(client, index);
    if (row == NULL) {
        return CMX_OK;
    }
    if (client->pool.lent_slot == index) {
        int rc = keep_rest(client, row);
        if (rc != CMX_OK) {
            return rc;
        }
    }
    row->begun = true;
    client->decoding = CMX_SLOT_NONE;
    return CMX_OK;
}

uint16_t cmx_pause_go_on(cmx_client *client)
{
    const cmx_pause_table *table = &client->pauses;
    for (uint32_t i = 0; i < table->count && table->waiting > 0; i++) {
        cmx_pause_row *row = &table->rows[i];
        if (row->slot != CMX_SLOT_NONE && !row->paused && row->begun) {
            row->begun = false;
            return row->slot;
        }
    }
    return CMX_SLOT_NONE;
}

int cmx_pause_keep(cmx_client *client, uint16_t index, cmx_view data)
{
    cmx_pause_row *row = paused_row_of(client, index);
    if (row == NULL) {
        return CMX_AGAIN;
    }
    uint8_t *to = add_bytes(client, row, data.len);
    if (to == NULL) {
        return CMX_ERR_HTTP2;
    }
    memcpy(to, data.data, data.len);
    cmx_pool_keep(&client->pool, data.len);
    return CMX_OK;
}

bool cmx_pause_keeps(const cmx_client *client, uint16_t index)
{
    const cmx_pause_row *row = row_of(client, index);
    return row != NULL && (row->begun || row->fed < row->len);
}

bool cmx_pause_hold_end(cmx_client *client, uint16_t index)
{
    cmx_pause_row *row = paused_row_of(client, index);
    uint8_t phase = client->calls[index].phase;
    if (row == NULL || phase < CMX_CALL_AWAIT_TOKEN || phase > CMX_CALL_AWAIT_END) {
        return false; /* without a head there is no answer to be delivered */
    }
    row->ended = true;
    return true;
}

int cmx_pause_pull(cmx_client *client, cmx_pool_item *item)
{
    const cmx_pause_table *table = &client->pauses;
    for (uint32_t i = 0; i < table->count && table->waiting > 0; i++) {
        cmx_pause_row *row = &table->rows[i];
        if (row->slot == CMX_SLOT_NONE || row->paused) {
            continue;
        }
        item->slot = row->slot;
        if (row->fed < row->len) {
            item->kind = CMX_POOL_ITEM_DATA;
            item->data = (cmx_view){row->block + row->fed, row->len - row->fed};
            row->fed = row->len;
            return CMX_OK;
        }
        cmx_pool_credit(&client->pool, row->slot, row->len);
        bool ended = row->ended;
        end_holding(client, row);
        if (ended) {
            item->kind = CMX_POOL_ITEM_END;
            return CMX_OK;
        }
    }
    return CMX_AGAIN;
}

void cmx_pause_restart(cmx_client *client, uint16_t index)
{
    cmx_pause_row *row = row_of(client, index);
    if (row == NULL) {
        return;
    }
    row->len = 0;
    row->fed = 0;
    row->begun = false;
    row->ended = false;
    if (!row->paused) {
        give_row(client, row);
        cmx_call_unhold(&client->calls[index], client->now_ms);
    }
}

void cmx_pause_forget(cmx_client *client, uint16_t index)
{
    cmx_pause_row *row = row_of(client, index);
    if (row != NULL) {
        give_row(client, row);
    }
}

/* Returns the call of a request that has not ended for the caller, or CMX_SLOT_NONE. */
static uint16_t find_call(const cmx_client *client, cmx_id id)
{
    uint16_t index = cmx_slot_find(&client->pool.slots, id);
    return index == client->lent ? CMX_SLOT_NONE : index;
}

int cmx_client_pause(cmx_client *client, cmx_id id)
{
    uint16_t index = find_call(client, id);
    if (index == CMX_SLOT_NONE) {
        return CMX_ERR_HANDLE;
    }
    cmx_pause_table *table = &client->pauses;
    cmx_pause_row *row = row_of(client, index);
    if (client->calls[index].phase == CMX_CALL_FINISHED || (row != NULL && row->paused)) {
        return CMX_OK; /* nothing comes any more but DONE; or it is */
    }
    if (row != NULL) { /* resumed, and not up to date yet */
        row->paused = true;
        table->waiting--;
        table->paused++;
        return CMX_OK;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->rows[i].slot == CMX_SLOT_NONE) {
            cmx_state_read_clock(client);
            take_row(client, &table->rows[i], index);
            cmx_call_hold(&client->calls[index], client->now_ms);
            return CMX_OK;
        }
    }
    return CMX_ERR_BUSY;
}

int cmx_client_resume(cmx_client *client, cmx_id id)
{
    uint16_t index = find_call(client, id);
    if (index == CMX_SLOT_NONE) {
        return CMX_ERR_HANDLE;
    }
    cmx_pause_row *row = paused_row_of(client, index);
    if (row == NULL) {
        return CMX_OK;
    }
    row->paused = false;
    client->pauses.paused--;
    client->pauses.waiting++;
    if (row->len == 0 && !row->begun && !row->ended) {
        cmx_state_read_clock(client);
        end_holding(client, row);
    }
    return CMX_OK;
}
