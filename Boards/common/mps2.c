/* SPDX-License-Identifier: Apache-2.0 */
/* Port of Arm's MPS2 FPGA boards as QEMU emulates them (AN385: Cortex-M3, AN386: Cortex-M4F, AN500: Cortex-M7F): clocks
 * need no setting.
 */
#include "board.h"
#include "cmsdk_counter.h"
#include "cmsdk_uart.h"
#include "cortex_m.h"
#include "stack_guard.h"

void port_init(void)
{
    stack_guard_start();
    cmsdk_counter_start();
    cmsdk_uart_start();
}

/* Wakes the core from board_idle(), nothing else. */
void SysTick_Handler(void)
{
}

uint32_t board_device_id(void)
{
    return BOARD_DEVICE_ID;
}

const char *board_caches(void)
{
    return BOARD_CACHES;
}
