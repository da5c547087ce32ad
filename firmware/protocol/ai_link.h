/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's end of the serial protocol: whole messages in and out, in the mode that the host chose, over three
 * functions of a port.
 *
 *     ai_link_init(&link, &port, &buffers);
 *     for (;;) {
 *         if (ai_link_wait(&link, AI_LINK_FOREVER)) {          // a message begins
 *             ok = ai_link_receive(&link, stm32_ai_reqMsg_fields, &request);      // ai_link_pb.h
 *             ...
 *             ai_link_sync(&link, request.param);              // only for CMD_SYNC, before its answer
 *             ok = ai_link_send(&link, stm32_ai_respMsg_fields, &response);
 *         }
 *     }
 *
 * A read or a write that fails leaves a reason in link->error and the link in the compatible mode, ready for the next
 * message: the caller only gives up what it was doing. Reads and writes never block for longer than the time-outs
 * below.
 *
 * RAM: sizeof(ai_link) (156 bytes) + sizeof(ai_checked_buffers) (2590 bytes). The port must not lose received
 * bytes while a frame is written or processed: a receive buffer of AI_LINK_RX_BUFFER bytes filled by interrupt is
 * enough for a full window of the host.
 */
#ifndef AI_LINK_H
#define AI_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ai_checked.h"
#include "ai_frame31.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AI_LINK_CHECKED_MAGIC 0x434F4253u /* "COBS", the param of a SYNC request that accepts the checked mode */
#define AI_LINK_SILENCE_MS 2000u          /* after it, a packet of the compatible mode ends the checked mode */
#define AI_LINK_GAP_MS 1000u              /* a packet that stalls for longer is dropped */
#define AI_LINK_MESSAGE_MS 5000u          /* compatible mode: for the next packet of a message */
#define AI_LINK_FRAME_MS 20000u           /* checked mode: for its next frame, longer than the host keeps trying */
#define AI_LINK_FOREVER 0xFFFFFFFFu
#define AI_LINK_RX_BUFFER 2112u /* four encoded frames */

typedef struct {
    bool (*write)(void *context, const uint8_t *data, size_t size); /* hands all bytes to the line; false: broken */
    int (*read)(void *context);                                     /* next received byte, -1: none at the moment */
    uint32_t (*now_ms)(void *context);                              /* any origin, may wrap */
    void *context;
} ai_link_port;

typedef struct {
    const ai_link_port *port;
    ai_checked_buffers *buffers;
    const char *error; /* why the last wait, read or write failed; NULL: it did not */
    uint32_t last_rx_ms;
    ai_checked checked;
    ai_frame31_in in;
    ai_frame31_out out;
    uint16_t slot_fill; /* payload bytes in the checked mode's current slot */
    uint8_t probe_size; /* bytes in in.packet that may be a packet of the compatible mode */
    bool is_checked;
    bool in_message; /* a message is being read */
    bool in_last;    /* checked: its last frame was read to the end */
    bool probing;
    bool want_checked; /* mode after the answer to a SYNC */
    bool sync_pending;
} ai_link;

/* Start in the compatible mode. The objects behind the pointers must live as long as link. */
void ai_link_init(ai_link *link, const ai_link_port *port, ai_checked_buffers *buffers);

/* Wait until a message begins. False after timeout_ms, or when the link had to be reset (link->error tells). */
bool ai_link_wait(ai_link *link, uint32_t timeout_ms);

/* Read size bytes of the message to data (NULL: skip them). False at its end, on a time-out, on a broken link. */
bool ai_link_read(ai_link *link, uint8_t *data, size_t size);

/* True when nothing of the message is left. May have to look at the line for it, in the checked mode. */
bool ai_link_at_end(ai_link *link);

/* Skip what is left of the message. */
bool ai_link_end_read(ai_link *link);

/* Start a message. */
bool ai_link_begin_write(ai_link *link);

/* Append size bytes to it. Waits for acknowledges in the checked mode. */
bool ai_link_write(ai_link *link, const uint8_t *data, size_t size);

/* Send the rest of it. After the answer to a SYNC, the mode changes here. */
bool ai_link_end_write(ai_link *link);

/* A SYNC request with this param was read; its answer is the next message that is written. */
void ai_link_sync(ai_link *link, uint32_t param);

/* Take bytes that have arrived and retransmit what is due; may be called in long computations between messages. */
void ai_link_poll(ai_link *link);

#ifdef __cplusplus
}
#endif

#endif
