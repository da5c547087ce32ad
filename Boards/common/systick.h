/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTICK_H
#define SYSTICK_H

#include <stdint.h>

/* Starts the time behind board_milliseconds() and the interrupt that ends board_idle(), every tenth of a second at
 * most. */
void systick_start(void);

/* Clocks of the core since systick_start(), also those during which it slept. */
uint64_t systick_clocks(void);

/* Called by the interrupt: the board's counter extends itself to 64 bits. */
void counter_extend(void);

#endif
