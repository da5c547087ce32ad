/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTICK_COUNTER_H
#define SYSTICK_COUNTER_H

/* Starts the counter behind board_counter() and board_milliseconds(). */
void systick_start(void);

#endif
