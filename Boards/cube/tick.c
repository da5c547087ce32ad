/* SPDX-License-Identifier: Apache-2.0 */
/* The HAL's time base: the HAL asks, SysTick stays with systick.c. Both functions are weak in the HAL, to be replaced.
 * Milliseconds are counted for the full clock; on the slower one after reset, the HAL's time limits are longer. */
#include "board.h"
#include "cube_board.h"

HAL_StatusTypeDef HAL_InitTick(uint32_t priority)
{
    (void)priority;
    return HAL_OK;
}

uint32_t HAL_GetTick(void)
{
    return board_milliseconds();
}
