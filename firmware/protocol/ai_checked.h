/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked mode of the serial protocol: COBS frames with a CRC-32, a window of AI_CHECKED_WINDOW frames, cumulative
 * acknowledge, retransmission on reject or after a time-out. docs/protocol.md is the specification, vectors.json its
 * examples.
 *
 * A pure state machine: bytes and time come in as arguments, bytes go out through the emit function, buffers belong to
 * the caller. No heap, no static data but a table of 64 bytes. Both directions are symmetric, so a host may use it too.
 */
#ifndef AI_CHECKED_H
#define AI_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AI_CHECKED_PAYLOAD 512u
#define AI_CHECKED_WINDOW 4u
#define AI_CHECKED_OVERHEAD 6u /* type, sequence, CRC-32 */
#define AI_CHECKED_FRAME (AI_CHECKED_PAYLOAD + AI_CHECKED_OVERHEAD)
#define AI_CHECKED_CONTROL (AI_CHECKED_OVERHEAD + 1u) /* an acknowledge or a reject */
#define AI_CHECKED_TIMEOUT_MS 500u /* before the first retransmission; doubled for each further one */
#define AI_CHECKED_TRIES 5u

enum { AI_CHECKED_DATA = 0, AI_CHECKED_LAST = 1, AI_CHECKED_ACK = 2, AI_CHECKED_REJECT = 3 };
enum { AI_CHECKED_BAD_FRAME = 1, AI_CHECKED_OUT_OF_SEQUENCE = 2 };

/* Memory of one link: 4 frames that may have to be sent again, and the one being received. 2590 bytes. */
typedef struct {
    uint8_t tx[AI_CHECKED_WINDOW][AI_CHECKED_FRAME];
    uint8_t rx[AI_CHECKED_FRAME];
} ai_checked_buffers;

/* Gives bytes to the line; false when the line is broken. */
typedef bool (*ai_checked_emit)(void *context, const uint8_t *data, size_t size);

typedef struct {
    ai_checked_emit emit;
    void *context;
    ai_checked_buffers *buffers;
    uint32_t sent_ms; /* when the oldest unacknowledged frame was last sent */
    uint32_t rx_crc;
    uint16_t tx_size[AI_CHECKED_WINDOW]; /* of the frames in buffers->tx, CRC included */
    uint16_t rx_size;                    /* decoded bytes of the frame being received */
    uint16_t ready_size;                 /* payload bytes of the accepted frame in buffers->rx */
    uint16_t ready_read;                 /* of them, read */
    bool ready;                          /* an accepted frame waits to be read */
    bool rx_aside;                       /* the frame being received began while one was ready: it goes to rx_control */
    bool rx_started;
    bool rx_overflow;
    bool rx_full_block; /* COBS: no zero follows the block */
    uint8_t rx_code;    /* COBS: bytes left in the block */
    bool rejected;      /* a reject is under way for rx_expected: no second one */
    bool failed;        /* AI_CHECKED_TRIES used up, or emit failed */
    uint8_t rx_expected;
    uint8_t tx_base; /* oldest unacknowledged sequence */
    uint8_t tx_next; /* sequence of the next frame */
    uint8_t tries;   /* times the oldest frame was sent */
    uint8_t rx_control[AI_CHECKED_CONTROL];
} ai_checked;

/* CRC-32 (polynomial 0xEDB88320, reflected). Start with crc = 0; zlib's crc32. */
uint32_t ai_checked_crc32(uint32_t crc, const uint8_t *data, size_t size);

/* Start with both sequences at 0. The objects behind the pointers must live as long as link. */
void ai_checked_init(ai_checked *link, ai_checked_buffers *buffers, ai_checked_emit emit, void *context);

/* Take one byte of the line. While a frame is ready (not read to its end), a further data frame is dropped and will be
 * sent again. */
void ai_checked_rx_byte(ai_checked *link, uint8_t byte, uint32_t now_ms);

/* Retransmit what is due. Call it whenever nothing arrives. */
void ai_checked_poll(ai_checked *link, uint32_t now_ms);

/* The unread payload of the accepted frame: its size, *data at its first byte, *last true when the message ends with
 * it. */
size_t ai_checked_payload(const ai_checked *link, const uint8_t **data, bool *last);

/* Drop count bytes of that payload; a frame read to its end makes room for the next. */
void ai_checked_consume(ai_checked *link, size_t count);

/* Where the payload of the next frame is to be put, AI_CHECKED_PAYLOAD bytes; NULL while the window is full. */
uint8_t *ai_checked_slot(ai_checked *link);

/* Send the slot's first size bytes as a frame, the last one of its message or not. False when there is no slot. */
bool ai_checked_submit(ai_checked *link, size_t size, bool last, uint32_t now_ms);

/* Frames that are sent and not acknowledged, 0..AI_CHECKED_WINDOW. */
unsigned ai_checked_outstanding(const ai_checked *link);

#ifdef __cplusplus
}
#endif

#endif
