/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_link.h"

#include <string.h>

static const char error_broken[] = "the line is broken";
static const char error_silent[] = "the host stopped in the middle of a message";
static const char error_packet[] = "not a packet of protocol 3.1";
static const char error_ended[] = "the message ends early";
static const char error_unacknowledged[] = "the host does not acknowledge";
static const char error_restarted[] = "the host started over";

static uint32_t now(const ai_link *link)
{
    return link->port->now_ms(link->port->context);
}

static bool put(void *context, const uint8_t *data, size_t size)
{
    const ai_link *link = context;

    return link->port->write(link->port->context, data, size);
}

static void enter_compatible(ai_link *link)
{
    link->is_checked = false;
    link->in_message = false;
    link->probing = false;
    link->sync_pending = false;
    ai_frame31_in_reset(&link->in);
    ai_frame31_out_reset(&link->out);
}

static void enter_checked(ai_link *link)
{
    enter_compatible(link);
    link->is_checked = true;
    link->slot_fill = 0u;
    link->last_rx_ms = now(link);
    ai_checked_init(&link->checked, link->buffers, put, link);
}

static bool fail(ai_link *link, const char *reason)
{
    link->error = reason;
    enter_compatible(link);
    return false;
}

void ai_link_init(ai_link *link, const ai_link_port *port, ai_checked_buffers *buffers)
{
    memset(link, 0, sizeof(*link));
    link->port = port;
    link->buffers = buffers;
    enter_compatible(link);
    link->last_rx_ms = now(link);
}

/*
 * Can these first bytes be a packet of the compatible mode: a count, a whole short message (or nothing), zeros? A
 * checked frame, which holds no zero but its end, stops to look like one within a few bytes.
 */
static bool may_be_packet(const uint8_t *packet, size_t size)
{
    const size_t count = packet[0];

    if (count > AI_FRAME31_PAYLOAD - 2u) {
        return false;
    }
    if (count > 0u && size > 1u && packet[1] != count - 1u) {
        return false;
    }
    return size <= count + 1u || packet[size - 1u] == 0u;
}

static void replay_probe(ai_link *link, uint32_t now_ms)
{
    link->probing = false;
    for (uint8_t i = 0u; i < link->probe_size; i++) {
        ai_checked_rx_byte(&link->checked, link->in.packet[i], now_ms);
    }
}

static void probe(ai_link *link, uint8_t byte, uint32_t now_ms)
{
    link->in.packet[link->probe_size] = byte;
    link->probe_size++;
    if (!may_be_packet(link->in.packet, link->probe_size)) {
        replay_probe(link, now_ms);
    } else if (link->probe_size == AI_FRAME31_PACKET) {
        enter_compatible(link);
        link->error = error_restarted;
        link->in.fill = (link->in.packet[0] == 0u) ? 0u : (uint8_t)AI_FRAME31_PACKET;
    }
}

static void take_checked(ai_link *link, uint8_t byte, uint32_t now_ms)
{
    if (now_ms - link->last_rx_ms >= AI_LINK_SILENCE_MS && !link->probing) {
        link->probing = true;
        link->probe_size = 0u;
    }
    link->last_rx_ms = now_ms;
    if (link->probing) {
        probe(link, byte, now_ms);
    } else {
        ai_checked_rx_byte(&link->checked, byte, now_ms);
    }
}

static void idle(ai_link *link, uint32_t now_ms)
{
    const bool stalled = now_ms - link->last_rx_ms >= AI_LINK_GAP_MS;

    if (link->is_checked) {
        if (link->probing && stalled) {
            replay_probe(link, now_ms);
        }
        ai_checked_poll(&link->checked, now_ms);
    } else if (stalled && link->in.fill < AI_FRAME31_PACKET) {
        link->in.fill = 0u;
    }
}

/* Take one byte of the line if there is one; false when there is none or no room for it. */
static bool step(ai_link *link)
{
    if (!link->is_checked && link->in.fill == AI_FRAME31_PACKET) {
        return false;
    }
    const int byte = link->port->read(link->port->context);
    const uint32_t now_ms = now(link);
    if (byte < 0) {
        idle(link, now_ms);
        return false;
    }
    if (link->is_checked) {
        take_checked(link, (uint8_t)byte, now_ms);
    } else {
        link->last_rx_ms = now_ms;
        (void)ai_frame31_in_byte(&link->in, (uint8_t)byte);
    }
    return true;
}

/* Whether a message can be opened; a packet that is none is dropped. */
static bool message_begins(ai_link *link)
{
    if (link->is_checked) {
        return link->checked.ready;
    }
    return link->in.fill == AI_FRAME31_PACKET && ai_frame31_in_open(&link->in);
}

bool ai_link_wait(ai_link *link, uint32_t timeout_ms)
{
    const uint32_t start = now(link);

    if (link->in_message && !ai_link_end_read(link)) {
        return false;
    }
    link->error = NULL;
    while (!message_begins(link)) {
        const bool moved = step(link);
        if (link->is_checked && link->checked.failed) {
            return fail(link, error_unacknowledged);
        }
        if (!moved && timeout_ms != AI_LINK_FOREVER && now(link) - start >= timeout_ms) {
            return false;
        }
    }
    link->error = NULL;
    link->in_message = true;
    link->in_last = false;
    return true;
}

static bool next_packet(ai_link *link)
{
    const uint8_t next = AI_FRAME31_NEXT;
    const uint32_t start = now(link);

    if (!put(link, &next, 1u)) {
        return fail(link, error_broken);
    }
    while (link->in.fill < AI_FRAME31_PACKET) {
        if (!step(link) && now(link) - start >= AI_LINK_MESSAGE_MS) {
            return fail(link, error_silent);
        }
    }
    return ai_frame31_in_next(&link->in) || fail(link, error_packet);
}

static void consume(ai_link *link, size_t count)
{
    const uint8_t *data;
    bool last;
    const size_t size = ai_checked_payload(&link->checked, &data, &last);

    ai_checked_consume(&link->checked, count);
    link->in_last = last && count == size;
}

/* Wait for a frame with unread payload; false at the end of the message too. */
static bool next_frame(ai_link *link)
{
    const uint32_t start = now(link);
    const uint8_t *data;
    bool last;

    while (ai_checked_payload(&link->checked, &data, &last) == 0u) {
        if (link->checked.ready) {
            consume(link, 0u);
        }
        if (link->in_last) {
            return false;
        }
        const bool moved = step(link);
        if (!link->is_checked) {
            return false;
        }
        if (link->checked.failed || (!moved && now(link) - start >= AI_LINK_FRAME_MS)) {
            return fail(link, link->checked.failed ? error_unacknowledged : error_silent);
        }
    }
    return true;
}

/* Read a part of what is at hand; 0 at the end of the message or on an error, which link->error tells apart. */
static size_t read_some(ai_link *link, uint8_t *data, size_t size)
{
    if (!link->is_checked) {
        const size_t count = ai_frame31_in_take(&link->in, data, size);
        if (count > 0u || link->in.left == 0u || !next_packet(link)) {
            return count;
        }
        return ai_frame31_in_take(&link->in, data, size);
    }
    if (!next_frame(link)) {
        return 0u;
    }
    const uint8_t *payload;
    bool last;
    const size_t unread = ai_checked_payload(&link->checked, &payload, &last);
    const size_t count = (size < unread) ? size : unread;
    if (data != NULL) {
        memcpy(data, payload, count);
    }
    consume(link, count);
    return count;
}

bool ai_link_read(ai_link *link, uint8_t *data, size_t size)
{
    while (size > 0u && link->in_message) {
        const size_t count = read_some(link, data, size);
        if (count == 0u) {
            if (link->error == NULL) {
                link->error = error_ended;
            }
            return false;
        }
        data = (data == NULL) ? NULL : data + count;
        size -= count;
    }
    return size == 0u;
}

bool ai_link_at_end(ai_link *link)
{
    if (!link->in_message) {
        return true;
    }
    return link->is_checked ? !next_frame(link) : link->in.left == 0u;
}

bool ai_link_end_read(ai_link *link)
{
    const bool was_reading = link->in_message;

    while (link->in_message && !ai_link_at_end(link)) {
        (void)read_some(link, NULL, AI_CHECKED_PAYLOAD);
    }
    const bool complete = was_reading && link->in_message;
    link->in_message = false;
    return complete;
}

bool ai_link_begin_write(ai_link *link)
{
    link->error = NULL;
    link->slot_fill = 0u;
    ai_frame31_out_reset(&link->out);
    return true;
}

static bool write_packets(ai_link *link, const uint8_t *data, size_t size)
{
    while (size > 0u) {
        const size_t count = ai_frame31_out_put(&link->out, data, size);
        data += count;
        size -= count;
        if (link->out.fill == AI_FRAME31_PAYLOAD) {
            if (!put(link, link->out.packet, AI_FRAME31_PACKET)) {
                return fail(link, error_broken);
            }
            ai_frame31_out_reset(&link->out);
        }
    }
    return true;
}

/* Wait until no more than limit frames are unacknowledged. */
static bool wait_acknowledged(ai_link *link, unsigned limit)
{
    while (ai_checked_outstanding(&link->checked) > limit) {
        (void)step(link);
        if (!link->is_checked) {
            return false;
        }
        if (link->checked.failed) {
            return fail(link, error_unacknowledged);
        }
    }
    return true;
}

static bool submit(ai_link *link, bool last)
{
    const size_t size = link->slot_fill;

    link->slot_fill = 0u;
    if (!wait_acknowledged(link, AI_CHECKED_WINDOW - 1u)) {
        return false;
    }
    if (!ai_checked_submit(&link->checked, size, last, now(link)) || link->checked.failed) {
        return fail(link, error_broken);
    }
    return true;
}

static bool write_frames(ai_link *link, const uint8_t *data, size_t size)
{
    while (size > 0u) {
        if (link->slot_fill == AI_CHECKED_PAYLOAD && !submit(link, false)) {
            return false;
        }
        if (!wait_acknowledged(link, AI_CHECKED_WINDOW - 1u)) {
            return false;
        }
        const size_t room = AI_CHECKED_PAYLOAD - (size_t)link->slot_fill;
        const size_t count = (size < room) ? size : room;
        memcpy(ai_checked_slot(&link->checked) + link->slot_fill, data, count);
        link->slot_fill = (uint16_t)(link->slot_fill + count);
        data += count;
        size -= count;
    }
    return true;
}

bool ai_link_write(ai_link *link, const uint8_t *data, size_t size)
{
    if (link->error != NULL) {
        return false;
    }
    return link->is_checked ? write_frames(link, data, size) : write_packets(link, data, size);
}

static bool change_mode(ai_link *link)
{
    link->sync_pending = false;
    if (link->want_checked && !link->is_checked) {
        enter_checked(link);
    } else if (!link->want_checked && link->is_checked) {
        (void)wait_acknowledged(link, 0u);
        if (link->is_checked) {
            enter_compatible(link);
        }
    }
    return true;
}

bool ai_link_end_write(ai_link *link)
{
    if (link->error != NULL) {
        return false;
    }
    if (link->is_checked) {
        if (!submit(link, true)) {
            return false;
        }
    } else {
        ai_frame31_out_finish(&link->out);
        if (!put(link, link->out.packet, AI_FRAME31_PACKET)) {
            return fail(link, error_broken);
        }
        ai_frame31_out_reset(&link->out);
    }
    return !link->sync_pending || change_mode(link);
}

void ai_link_sync(ai_link *link, uint32_t param)
{
    link->want_checked = (param == AI_LINK_CHECKED_MAGIC);
    link->sync_pending = true;
}

void ai_link_poll(ai_link *link)
{
    while (link->is_checked && !link->checked.ready && step(link)) {
    }
}
