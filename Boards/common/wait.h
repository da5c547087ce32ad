/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for hardware, never for ever. */
#ifndef WAIT_H
#define WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "board_config.h"

/* A turn of the loop takes at least 8 cycles: the bound is 100 ms at 32 MHz and 8 ms at 400 MHz, more than any of the
 * waits may take (the longest: a crystal that starts in 2 ms, on the internal oscillator). */
#define WAIT_TURNS 400000u

/* Waits until the bits of `mask` in a register have this value; false if they never get it. */
static inline bool wait_for(const volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t turn = 0; turn < WAIT_TURNS; turn++) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

/* The same for clocks and voltages, whose registers QEMU's machines do not have: they read 0. */
static inline bool wait_for_clock(const volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
#if BOARD_EMULATED
    (void)reg, (void)mask, (void)value;
    return true;
#else
    return wait_for(reg, mask, value);
#endif
}

#endif
