/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVE_RING_H
#define RECEIVE_RING_H

#include <stdint.h>

/* Keeps a received byte for board_console_read(); called by the UART's interrupt. A byte for which there is no room is
 * lost. */
void receive_ring_put(uint8_t byte);

#endif
