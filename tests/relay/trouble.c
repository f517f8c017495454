/* SPDX-License-Identifier: MIT */
/*
 * Faults are given out in the order in which requests become whole, whoever sends them: a test that
 * wants the first attempt to fail and the second to succeed asks for --fault-times 1, or for a
 * model with "-once" behind its name, and sends one chat. In: relay_stream. Out: see trouble.h.
 * Must not render answers.
 */
#include "trouble.h"

#include <string.h>

#define GOAWAYS_REPEATED 3

static bool is_once(const char *name, size_t name_len)
{
    const size_t len = sizeof RELAY_FAULT_ONCE - 1;

    return name_len > len && memcmp(name + name_len - len, RELAY_FAULT_ONCE, len) == 0;
}

/* Down for --flap-ms from the first time on, then up as long, and so on. */
static bool is_up(relay_env *env)
{
    const int64_t now_us = relay_now_us();

    if (env->flap_since_us == 0) {
        env->flap_since_us = now_us;
    }
    return (now_us - env->flap_since_us) / env->options.flap_us % 2 == 1;
}

const relay_fault *relay_trouble_choose(relay_env *env, const char *model, size_t model_len)
{
    const char *name = env->options.fault != NULL ? env->options.fault : model;
    const size_t name_len = env->options.fault != NULL ? strlen(name) : model_len;
    const relay_fault *fault = relay_fault_find(name, name_len);
    int64_t times = env->options.fault_times;

    env->stats.chats++;
    if (fault == NULL) {
        return NULL;
    }
    if (times < 0 && is_once(name, name_len)) {
        times = 1;
    }
    if ((times >= 0 && env->faults_given >= times) || (fault->flap && is_up(env))) {
        return NULL;
    }
    env->faults_given++;
    env->stats.faulted[relay_fault_index(fault)]++;
    return fault;
}

static void send_reset(relay_stream *stream, uint32_t code)
{
    (void)nghttp2_submit_rst_stream(stream->link->session, NGHTTP2_FLAG_NONE, stream->id, code);
    stream->link->wake(stream->link->owner);
}

static void send_goaway(relay_stream *stream, int32_t last_id, const relay_fault *fault)
{
    const char *text = fault->debug_data;

    (void)nghttp2_submit_goaway(stream->link->session, NGHTTP2_FLAG_NONE, last_id > 0 ? last_id : 0,
                                fault->reset_code, (const uint8_t *)text,
                                text == NULL ? 0 : strlen(text));
}

static void send_streams_max(relay_link *link, uint32_t streams_max)
{
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};

    (void)nghttp2_submit_settings(link->session, NGHTTP2_FLAG_NONE, &entry, 1);
    link->wake(link->owner);
}

static void fire_restore(relay_timer *timer, int64_t now_us)
{
    relay_link *link = timer->owner;

    (void)now_us;
    send_streams_max(link, (uint32_t)link->env->options.streams_max);
}

static void lower_to_zero(relay_link *link)
{
    const int64_t restore_us = link->env->options.restore_us;

    send_streams_max(link, 0);
    if (restore_us > 0) {
        link->restore.owner = link;
        link->restore.fire = fire_restore;
        (void)relay_timers_arm(&link->env->timers, &link->restore, relay_now_us() + restore_us);
    }
}

/* Client streams have odd ids: the one before this is two below. */
static void send_lower_goaways(relay_stream *stream, const relay_fault *fault)
{
    if (fault->deed == RELAY_DEED_GOAWAY_LOWER) {
        send_goaway(stream, stream->id - 2, fault);
        return;
    }
    for (int32_t i = 0; i < GOAWAYS_REPEATED; i++) {
        send_goaway(stream, stream->id - 2 * i, fault);
    }
}

bool relay_trouble_start(relay_stream *stream)
{
    relay_link *link = stream->link;
    const relay_fault *fault = stream->reply.fault;

    switch (fault == NULL ? RELAY_DEED_NONE : fault->deed) {
    case RELAY_DEED_RESET:
        send_reset(stream, fault->reset_code);
        return true;
    case RELAY_DEED_DROP:
        link->drop = true;
        return true;
    case RELAY_DEED_MUTE:
        link->mute = true;
        return true;
    case RELAY_DEED_GOAWAY_LOWER:
    case RELAY_DEED_GOAWAY_REPEAT:
        send_lower_goaways(stream, fault);
        link->wake(link->owner);
        return true;
    case RELAY_DEED_MUTE_PINGS:
        link->mute_pings = true;
        break;
    case RELAY_DEED_GOAWAY:
        (void)nghttp2_submit_shutdown_notice(link->session);
        send_goaway(stream, nghttp2_session_get_last_proc_stream_id(link->session), fault);
        break;
    case RELAY_DEED_MAX_ONE:
        send_streams_max(link, 1);
        break;
    case RELAY_DEED_MAX_ZERO:
        lower_to_zero(link);
        break;
    case RELAY_DEED_NONE:
        break;
    }
    return false;
}

bool relay_trouble_cut(relay_stream *stream, const relay_fault *fault)
{
    relay_link *link = stream->link;

    switch (fault->cut) {
    case RELAY_CUT_RESET:
    case RELAY_CUT_MID:
        send_reset(stream, fault->reset_code);
        return true;
    case RELAY_CUT_DROP:
        link->drop = true;
        link->wake(link->owner);
        return true;
    case RELAY_CUT_CLOSE:
        link->finish = true;
        link->wake(link->owner);
        return true;
    case RELAY_CUT_STALL:
    case RELAY_CUT_FLOOD:
        return true;
    case RELAY_CUT_NONE:
    case RELAY_CUT_END_STREAM:
    case RELAY_CUT_ERROR_EVENT:
        break;
    }
    return false;
}

bool relay_trouble_add_trailers(relay_stream *stream)
{
    static const char name[] = "x-relay-trailer";
    static const char value[] = "done";
    /* nghttp2 takes writable pointers and writes to neither */
    const nghttp2_nv field = {(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                              sizeof name - 1, sizeof value - 1, NGHTTP2_NV_FLAG_NONE};

    return nghttp2_submit_trailer(stream->link->session, stream->id, &field, 1) == 0;
}
