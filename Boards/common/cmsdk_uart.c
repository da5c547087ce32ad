/* SPDX-License-Identifier: Apache-2.0 */
/* Console on a CMSDK APB UART (Arm DDI 0479, chapter 4.3), polled. QEMU holds the next byte back until the last one was
 * read, so that polling loses none. The receive interrupt only ends the wait of board_idle(). */
#include "board.h"
#include "cmsdk_uart.h"
#include "cortex_m.h"

#define UART_DATA REG32(BOARD_CONSOLE_BASE + 0x00u)
#define UART_STATE REG32(BOARD_CONSOLE_BASE + 0x04u)
#define UART_CTRL REG32(BOARD_CONSOLE_BASE + 0x08u)
#define UART_INTCLEAR REG32(BOARD_CONSOLE_BASE + 0x0Cu)
#define UART_BAUDDIV REG32(BOARD_CONSOLE_BASE + 0x10u)

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CTRL_TX_ENABLE 1u
#define CTRL_RX_ENABLE 2u
#define CTRL_RX_INTERRUPT 8u
#define INT_RX 2u

#define IDLE_TICKS (BOARD_CLOCK_HZ / 10u)

void cmsdk_uart_start(void)
{
    UART_BAUDDIV = BOARD_CLOCK_HZ / BOARD_CONSOLE_BAUD;
    UART_CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT;
    NVIC_ISER0 = 1u; /* the receiver is external interrupt 0 */
}

void Console_Handler(void)
{
    UART_INTCLEAR = INT_RX;
}

static void wait_until_sent(void)
{
    while ((UART_STATE & STATE_TX_FULL) != 0) {
    }
}

void board_console_write(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        UART_DATA = data[i];
        wait_until_sent();
    }
}

int board_console_read(void)
{
    if ((UART_STATE & STATE_RX_FULL) == 0) {
        return -1;
    }
    return (int)(UART_DATA & 0xFFu);
}

/* With interrupts masked, a byte that comes after the test still ends the wait: WFI looks at pending ones. SysTick ends
 * it after IDLE_TICKS, and runs at no other time. */
void board_idle(void)
{
    SYST_RVR = IDLE_TICKS;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
    __asm__ volatile("cpsid i" ::: "memory");
    if ((UART_STATE & STATE_RX_FULL) == 0) {
        __asm__ volatile("dsb\n\twfi" ::: "memory");
    }
    __asm__ volatile("cpsie i\n\tisb" ::: "memory");
    SYST_CSR = 0;
}
