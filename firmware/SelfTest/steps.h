/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEPS_H
#define STEPS_H

#include <stdint.h>

/* What consecutive reads of board_counter() showed. */
typedef struct {
    uint32_t backwards;         /* reads that were smaller than the one before */
    uint32_t smallest, largest; /* steps between two reads that differed; 0 if none did */
} counter_steps;

counter_steps counter_read_many(uint32_t reads);

/* What board_counter() counts while a loop of two or three instructions turns so many times. */
uint64_t counter_loop(uint32_t turns);

#endif
