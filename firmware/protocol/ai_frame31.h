/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of protocol 3.1 (the compatible mode) as a device sees it: packets of 33 bytes, a count and 32 bytes of
 * payload.
 *
 * Host to device, a message is a varint length and that many bytes, cut in pieces of 32; the device asks for each
 * further packet with AI_FRAME31_NEXT. Device to host, a message carries no length, its last packet has AI_FRAME31_LAST
 * set in the count. docs/protocol.md draws both. Pure: no I/O, no heap, no static data.
 */
#ifndef AI_FRAME31_H
#define AI_FRAME31_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AI_FRAME31_PAYLOAD 32u
#define AI_FRAME31_PACKET 33u
#define AI_FRAME31_LAST 0x80u
#define AI_FRAME31_NEXT 0xAAu
/* No message of a microcontroller is longer; a longer announcement is line noise. */
#define AI_FRAME31_MAX_MESSAGE 0x04000000u

/* A message on its way in. 40 bytes. */
typedef struct {
    uint32_t left; /* bytes of the message that are not read yet */
    uint8_t packet[AI_FRAME31_PACKET];
    uint8_t fill; /* bytes of packet[] received */
    uint8_t pos;  /* next byte of packet[] to read */
} ai_frame31_in;

/* A message on its way out. 34 bytes; packet[] is what goes to the line. */
typedef struct {
    uint8_t packet[AI_FRAME31_PACKET];
    uint8_t fill; /* bytes of payload in packet[], 0..32 */
} ai_frame31_out;

/* Forget everything: no message, no part of a packet. */
void ai_frame31_in_reset(ai_frame31_in *in);

/* Take one byte of the line. True when packet[] is complete; call no more before the packet is read or dropped. */
bool ai_frame31_in_byte(ai_frame31_in *in, uint8_t byte);

/* Open a message with the complete packet[]: read its length. False (and the packet dropped) when it is not the start
 * of a message. */
bool ai_frame31_in_open(ai_frame31_in *in);

/* Open a further packet of the message. False (and the packet dropped) when its count is not 1..32. */
bool ai_frame31_in_next(ai_frame31_in *in);

/* Copy up to size bytes of the message that are in packet[] to dst (NULL: skip them); returns how many, 0 when a packet
 * is needed. */
size_t ai_frame31_in_take(ai_frame31_in *in, uint8_t *dst, size_t size);

/* Start a message. */
void ai_frame31_out_reset(ai_frame31_out *out);

/* Copy up to size bytes of src into packet[]; returns how many. When packet[] is full (fill == 32), send it and reset.
 */
size_t ai_frame31_out_put(ai_frame31_out *out, const uint8_t *src, size_t size);

/* Mark packet[] as the last of its message (its count may be 0) and pad it with zeros. */
void ai_frame31_out_finish(ai_frame31_out *out);

#ifdef __cplusplus
}
#endif

#endif
