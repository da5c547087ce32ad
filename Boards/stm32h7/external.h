/* SPDX-License-Identifier: Apache-2.0 */
/* Memories outside of the chip. Each function returns NULL when the memory works and its region is open, or what did
 * not happen. Called while the caches are off and the cycle counter runs. */
#ifndef EXTERNAL_H
#define EXTERNAL_H

#include <stdint.h>

#include "board_config.h"
#include "cortex_m.h"

const char *sdram_start(void);
const char *qspi_start(void);

/* At least so many microseconds pass. */
static inline void pause_microseconds(uint32_t count)
{
    const uint32_t start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < count * (BOARD_CLOCK_HZ / 1000000u)) {
    }
}

#endif
