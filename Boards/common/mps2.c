/* SPDX-License-Identifier: Apache-2.0 */
/* Port of Arm's MPS2 FPGA boards as QEMU emulates them (AN386: Cortex-M4F, AN500: Cortex-M7F): clocks need no setting.
 */
#include "board.h"
#include "cmsdk_uart.h"
#include "cortex_m.h"
#include "stack_guard.h"
#include "systick_counter.h"

void port_init(void)
{
    stack_guard_start();
    systick_start();
    cmsdk_uart_start();
}

uint32_t board_device_id(void)
{
    return BOARD_DEVICE_ID;
}
