/* SPDX-License-Identifier: Apache-2.0 */
/* What a family of chips (stm32f4/, stm32h7/) provides for chip.c, which starts a board with it. A function that can
 * fail returns NULL, or the name of what did not happen: register and bit, for the user's eyes. */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What must be in force before anything else runs, e.g. no speculative reads of memories that are not there. */
void chip_protect(void);

/* Clock tree and supply, as board_chip.h says. */
const char *clock_start(void);

/* Back to the internal oscillator that the chip starts with, from any state. */
void clock_fall_back(void);

/* Hz of the console UART's kernel clock, by the clock that the core runs on at present. */
uint32_t clock_console_hz(void);

/* Pins and UART of the console; its receive interrupt is on. */
void console_start(void);

/* Sends one byte; false if the UART takes none. */
bool console_send(uint8_t byte);

/* External memories that the layout uses. */
const char *memories_start(void);

/* What is switched on last: memory types, caches. */
void chip_accelerate(void);

#endif
