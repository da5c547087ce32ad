/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMSDK_COUNTER_H
#define CMSDK_COUNTER_H

/* Starts the counter behind board_counter() and board_milliseconds(). */
void cmsdk_counter_start(void);

#endif
