/* SPDX-License-Identifier: MIT */
/*
 * Faults of the simulated server that come before any head: what a script does to a stream, its
 * connection or the settings as soon as the request is whole, and when a script holds at all.
 * In: a stream and its script. Out: frames and marks of its connection. It must not render answers.
 */
#include "server.h"

enum { STREAMS_MAX_USUAL = 100 };

static void reset_stream(sim_stream_row *stream, uint32_t code)
{
    (void)nghttp2_submit_rst_stream(stream->conn->session, NGHTTP2_FLAG_NONE, stream->id, code);
}

void sim_conn_goaway(sim_conn *conn, int32_t last_id, uint32_t code)
{
    last_id = last_id > 0 ? last_id : 0;
    if (conn->is_leaving && last_id > conn->goaway_id) {
        last_id = conn->goaway_id;
    }
    conn->is_leaving = true;
    conn->goaway_id = last_id;
    (void)nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, last_id, code, NULL, 0);
}

/* Client streams have odd ids: the one before this is two below. */
static void send_lower_goaways(sim_stream_row *stream)
{
    uint32_t repeats = stream->script.repeats == 0 ? 1 : stream->script.repeats;

    for (uint32_t i = 1; i <= repeats; i++) {
        sim_conn_goaway(stream->conn, stream->id - 2 * (int32_t)i, stream->script.code);
    }
}

static void send_graceful_goaways(sim_stream_row *stream)
{
    nghttp2_session *session = stream->conn->session;

    if (!stream->conn->is_leaving) {
        (void)nghttp2_submit_shutdown_notice(session);
    }
    sim_conn_goaway(stream->conn, nghttp2_session_get_last_proc_stream_id(session),
                    NGHTTP2_NO_ERROR);
}

static void send_streams_max(sim_conn *conn, uint32_t streams_max)
{
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};

    conn->server->streams_max = streams_max;
    if (!conn->is_over) {
        (void)nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, &entry, 1);
    }
}

static void on_restore(void *ctx, uint64_t arg)
{
    (void)arg;
    send_streams_max(ctx, STREAMS_MAX_USUAL);
    sim_conn_pump(ctx);
}

bool sim_fault_start(sim_stream_row *stream)
{
    const sim_script *script = &stream->script;

    switch (script->fault) {
    case SIM_FAULT_HANG:
        return true;
    case SIM_FAULT_REFUSE:
        reset_stream(stream, NGHTTP2_REFUSED_STREAM);
        return true;
    case SIM_FAULT_RESET_HEAD:
        reset_stream(stream, script->code);
        return true;
    case SIM_FAULT_DROP_HEAD:
        sim_link_reset(stream->conn->link);
        return true;
    case SIM_FAULT_MUTE_HEAD:
        stream->conn->is_mute = true;
        return true;
    case SIM_FAULT_GOAWAY_LOWER:
        send_lower_goaways(stream);
        return true;
    case SIM_FAULT_GOAWAY_GRACEFUL:
        send_graceful_goaways(stream);
        return false;
    case SIM_FAULT_STREAMS_MAX:
        send_streams_max(stream->conn, script->streams_max);
        if (script->restore_ms > 0) {
            sim_world_after(stream->conn->server->world, script->restore_ms, on_restore,
                            stream->conn, 0);
        }
        return false;
    case SIM_FAULT_NONE:
    case SIM_FAULT_TRUNCATE:
    case SIM_FAULT_RESET_STREAM:
    case SIM_FAULT_RESET_MID:
    case SIM_FAULT_STALL:
    case SIM_FAULT_HEARTBEATS:
    case SIM_FAULT_INBAND:
    case SIM_FAULT_HUGE:
    case SIM_FAULT_MALFORMED:
    case SIM_FAULT_CONN_RESET:
    case SIM_FAULT_CONN_CLOSE:
    case SIM_FAULT_CONN_HOLE:
    case SIM_FAULT_CONN_MUTE:
    case SIM_FAULT_GOAWAY:
        break; /* within the answer */
    }
    return false;
}

bool sim_fault_is_due(const sim_server *server, const sim_script *script)
{
    uint64_t passed_ms = server->world->now_ms - server->world->start_ms;

    return script->flap_ms == 0 || passed_ms / script->flap_ms % 2 == 0;
}
