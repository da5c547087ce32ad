/* SPDX-License-Identifier: Apache-2.0 */
/* What firmware asks of a board. Each board's port implements all of it; board_config.h (generated from board.toml)
 * holds the facts. The port calls app_main() once everything works. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "board_config.h"

/* Exit status of firmware that died of a fault (sysexits' EX_SOFTWARE). */
#define BOARD_EXIT_FAULT 70

#if defined(__GNUC__)
#define BOARD_NORETURN __attribute__((noreturn))
#else
#define BOARD_NORETURN
#endif

/* The application. Its result is the exit status where there is one (emulator, host). */
int app_main(void);

/* Writes all bytes to the console; waits for the line as long as needed. */
void board_console_write(const uint8_t *data, size_t size);

/* The next byte received, or -1 if there is none at present. */
int board_console_read(void);

/* Returns when something may have happened: a byte came, or some time (about a tenth of a second) went by. */
void board_idle(void);

/* Counter of BOARD_COUNTER_UNIT, from start-up, 64 bit: it does not wrap. Steps of BOARD_COUNTER_STEP. */
uint64_t board_counter(void);

/* Milliseconds since start-up. */
uint32_t board_milliseconds(void);

/* Device id of the chip, 0 if it has none. */
uint32_t board_device_id(void);

/* The caches that are on at present, by the chip's registers, for people. */
const char *board_caches(void);

/* Ends the program: exits on the emulator and the host, stops for good on a chip. */
BOARD_NORETURN void board_exit(int status);

#endif
