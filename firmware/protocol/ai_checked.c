/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_checked.h"

#include <string.h>

#define CRC_SIZE 4u
#define HEADER_SIZE 2u
/* The CRC register over any data followed by its own CRC. */
#define CRC_RESIDUE 0xDEBB20E3u
#define COBS_MAX_CODE 0xFFu

/* Four bits at a time: 64 bytes of table instead of 1024. */
static uint32_t crc_step(uint32_t state, uint8_t byte)
{
    static const uint32_t table[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
    };
    state ^= byte;
    state = (state >> 4) ^ table[state & 15u];
    return (state >> 4) ^ table[state & 15u];
}

uint32_t ai_checked_crc32(uint32_t crc, const uint8_t *data, size_t size)
{
    uint32_t state = ~crc;

    for (size_t i = 0; i < size; i++) {
        state = crc_step(state, data[i]);
    }
    return ~state;
}

static void rx_restart(ai_checked *link)
{
    link->rx_size = 0u;
    link->rx_crc = 0xFFFFFFFFu;
    link->rx_code = 0u;
    link->rx_full_block = false;
    link->rx_started = false;
    link->rx_overflow = false;
    link->rx_aside = link->ready;
}

void ai_checked_init(ai_checked *link, ai_checked_buffers *buffers, ai_checked_emit emit, void *context)
{
    memset(link, 0, sizeof(*link));
    link->buffers = buffers;
    link->emit = emit;
    link->context = context;
    rx_restart(link);
}

static void emit_bytes(ai_checked *link, const uint8_t *data, size_t size)
{
    if (!link->failed && size > 0u && !link->emit(link->context, data, size)) {
        link->failed = true;
    }
}

/* COBS: each run of bytes up to the next zero goes out behind its length + 1; the blocks need no second buffer. */
static void emit_frame(ai_checked *link, const uint8_t *frame, size_t size)
{
    const uint8_t delimiter = 0u;
    size_t start = 0u;
    bool more = true;

    while (more) {
        size_t run = 0u;
        while (start + run < size && run < COBS_MAX_CODE - 1u && frame[start + run] != 0u) {
            run++;
        }
        const uint8_t code = (uint8_t)(run + 1u);
        emit_bytes(link, &code, 1u);
        emit_bytes(link, &frame[start], run);
        start += run;
        /* A zero ends the block and is implied; a full block implies none. */
        more = start < size;
        if (more && code != COBS_MAX_CODE) {
            start++;
        }
    }
    emit_bytes(link, &delimiter, 1u);
}

static void finish_frame(uint8_t *frame, size_t size)
{
    const uint32_t crc = ai_checked_crc32(0u, frame, size);

    for (unsigned i = 0u; i < CRC_SIZE; i++) {
        frame[size + i] = (uint8_t)(crc >> (8u * i));
    }
}

static void emit_control(ai_checked *link, uint8_t type, uint8_t sequence, uint8_t value)
{
    uint8_t frame[HEADER_SIZE + 1u + CRC_SIZE] = {0};

    frame[0] = type;
    frame[1] = sequence;
    frame[2] = value;
    finish_frame(frame, HEADER_SIZE + 1u);
    emit_frame(link, frame, sizeof(frame));
}

static void acknowledge(ai_checked *link)
{
    emit_control(link, AI_CHECKED_ACK, link->rx_expected, link->rx_expected);
}

static void reject(ai_checked *link, uint8_t reason)
{
    if (!link->rejected) {
        link->rejected = true;
        emit_control(link, AI_CHECKED_REJECT, link->rx_expected, reason);
    }
}

unsigned ai_checked_outstanding(const ai_checked *link)
{
    return (uint8_t)(link->tx_next - link->tx_base);
}

static void emit_slot(ai_checked *link, uint8_t sequence)
{
    const unsigned slot = sequence % AI_CHECKED_WINDOW;

    emit_frame(link, link->buffers->tx[slot], link->tx_size[slot]);
}

static void retransmit(ai_checked *link, uint32_t now_ms)
{
    const unsigned count = ai_checked_outstanding(link);

    if (link->tries >= AI_CHECKED_TRIES) {
        link->failed = true;
        return;
    }
    link->tries++;
    link->sent_ms = now_ms;
    for (unsigned i = 0u; i < count; i++) {
        emit_slot(link, (uint8_t)(link->tx_base + i));
    }
}

/* The peer has everything before sequence next. Values outside the window are stale and mean nothing. */
static void release(ai_checked *link, uint8_t next, uint32_t now_ms)
{
    const uint8_t count = (uint8_t)(next - link->tx_base);

    if (count > 0u && count <= ai_checked_outstanding(link)) {
        link->tx_base = next;
        link->tries = 1u;
        link->sent_ms = now_ms;
    }
}

static void on_reject(ai_checked *link, uint8_t next, uint32_t now_ms)
{
    release(link, next, now_ms);
    if (ai_checked_outstanding(link) > 0u) {
        retransmit(link, now_ms);
    } else {
        /* What was damaged was not our data: perhaps our acknowledge. */
        acknowledge(link);
    }
}

static void accept(ai_checked *link)
{
    link->rx_expected++;
    link->rejected = false;
    link->ready = true;
    link->ready_read = 0u;
    link->ready_size = (uint16_t)(link->rx_size - AI_CHECKED_OVERHEAD);
    acknowledge(link);
}

static void on_data(ai_checked *link, uint8_t sequence)
{
    const uint8_t behind = (uint8_t)(link->rx_expected - sequence);

    if (behind == 0u) {
        if (!link->rx_aside) {
            accept(link);
        }
    } else if (behind <= AI_CHECKED_WINDOW) {
        acknowledge(link);
    } else {
        reject(link, AI_CHECKED_OUT_OF_SEQUENCE);
    }
}

static bool is_valid(const ai_checked *link)
{
    return !link->rx_overflow && link->rx_code == 0u && link->rx_size >= AI_CHECKED_OVERHEAD &&
           link->rx_crc == CRC_RESIDUE;
}

static void on_frame(ai_checked *link, uint32_t now_ms)
{
    const uint8_t *frame = link->rx_aside ? link->rx_control : link->buffers->rx;

    if (!is_valid(link)) {
        if (!link->rx_aside) {
            reject(link, AI_CHECKED_BAD_FRAME);
        }
        return;
    }
    switch (frame[0]) {
    case AI_CHECKED_DATA:
    case AI_CHECKED_LAST:
        on_data(link, frame[1]);
        break;
    case AI_CHECKED_ACK:
        if (link->rx_size == AI_CHECKED_CONTROL) {
            release(link, frame[2], now_ms);
        }
        break;
    case AI_CHECKED_REJECT:
        on_reject(link, frame[1], now_ms);
        break;
    default:
        break; /* a type of a later version */
    }
}

static void append(ai_checked *link, uint8_t byte)
{
    const size_t room = link->rx_aside ? AI_CHECKED_CONTROL : AI_CHECKED_FRAME;
    uint8_t *frame = link->rx_aside ? link->rx_control : link->buffers->rx;

    if (link->rx_size >= room) {
        link->rx_overflow = true;
        return;
    }
    link->rx_crc = crc_step(link->rx_crc, byte);
    frame[link->rx_size] = byte;
    link->rx_size++;
}

static void decode(ai_checked *link, uint8_t byte)
{
    if (link->rx_code > 0u) {
        link->rx_code--;
        append(link, byte);
        return;
    }
    if (link->rx_started && !link->rx_full_block) {
        append(link, 0u);
    }
    link->rx_started = true;
    link->rx_full_block = (byte == COBS_MAX_CODE);
    link->rx_code = (uint8_t)(byte - 1u);
}

void ai_checked_rx_byte(ai_checked *link, uint8_t byte, uint32_t now_ms)
{
    if (byte != 0u) {
        decode(link, byte);
        return;
    }
    if (link->rx_started) {
        on_frame(link, now_ms);
    }
    rx_restart(link);
}

void ai_checked_poll(ai_checked *link, uint32_t now_ms)
{
    if (ai_checked_outstanding(link) == 0u || link->failed) {
        return;
    }
    if (now_ms - link->sent_ms >= (AI_CHECKED_TIMEOUT_MS << (link->tries - 1u))) {
        retransmit(link, now_ms);
    }
}

size_t ai_checked_payload(const ai_checked *link, const uint8_t **data, bool *last)
{
    *data = &link->buffers->rx[HEADER_SIZE + link->ready_read];
    *last = link->ready && link->buffers->rx[0] == AI_CHECKED_LAST;
    return link->ready ? (size_t)link->ready_size - link->ready_read : 0u;
}

void ai_checked_consume(ai_checked *link, size_t count)
{
    link->ready_read = (uint16_t)(link->ready_read + count);
    if (link->ready && link->ready_read >= link->ready_size) {
        link->ready = false;
        if (!link->rx_started) {
            link->rx_aside = false;
        }
    }
}

uint8_t *ai_checked_slot(ai_checked *link)
{
    if (ai_checked_outstanding(link) >= AI_CHECKED_WINDOW) {
        return NULL;
    }
    return &link->buffers->tx[link->tx_next % AI_CHECKED_WINDOW][HEADER_SIZE];
}

bool ai_checked_submit(ai_checked *link, size_t size, bool last, uint32_t now_ms)
{
    if (ai_checked_slot(link) == NULL || size > AI_CHECKED_PAYLOAD) {
        return false;
    }
    uint8_t *frame = link->buffers->tx[link->tx_next % AI_CHECKED_WINDOW];
    frame[0] = last ? AI_CHECKED_LAST : AI_CHECKED_DATA;
    frame[1] = link->tx_next;
    finish_frame(frame, HEADER_SIZE + size);
    link->tx_size[link->tx_next % AI_CHECKED_WINDOW] = (uint16_t)(size + AI_CHECKED_OVERHEAD);
    if (ai_checked_outstanding(link) == 0u) {
        link->tries = 1u;
        link->sent_ms = now_ms;
    }
    emit_slot(link, link->tx_next);
    link->tx_next++;
    return true;
}
