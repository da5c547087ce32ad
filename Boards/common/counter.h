/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COUNTER_H
#define COUNTER_H

/* Starts what is behind board_counter() and board_milliseconds(); NULL, or what does not count. */
const char *counter_start(void);

#endif
