/* SPDX-License-Identifier: Apache-2.0 */
/* Console on a UART by the HAL: received byte by byte in its interrupt, sent polled. */
#include "board.h"
#include "chip.h"
#include "cube_board.h"
#include "receive_ring.h"

#define SEND_LIMIT 10u /* milliseconds; a byte takes 0.09 at 115200 Bd */

static UART_HandleTypeDef console;
static uint8_t received;
static volatile bool listening;

/* Some versions of the HAL refuse this while the program sends; then console_send tries it again. */
static void listen(void)
{
    listening = HAL_UART_Receive_IT(&console, &received, 1) == HAL_OK;
}

static void connect_pins(void)
{
    GPIO_InitTypeDef pins = {0};
    pins.Pin = CUBE_CONSOLE_PINS;
    pins.Mode = GPIO_MODE_AF_PP;
    pins.Pull = GPIO_PULLUP;
    pins.Speed = GPIO_SPEED_FREQ_HIGH;
    pins.Alternate = CUBE_CONSOLE_FUNCTION;
    HAL_GPIO_Init(CUBE_CONSOLE_PORT, &pins);
}

void console_start(void)
{
    cube_console_clocks();
    connect_pins();
    console.Instance = CUBE_CONSOLE_UART;
    console.Init.BaudRate = BOARD_CONSOLE_BAUD;
    console.Init.WordLength = UART_WORDLENGTH_8B;
    console.Init.StopBits = UART_STOPBITS_1;
    console.Init.Parity = UART_PARITY_NONE;
    console.Init.Mode = UART_MODE_TX_RX;
    console.Init.HwFlowCtl = UART_HWCONTROL_NONE;
    console.Init.OverSampling = UART_OVERSAMPLING_16;
    if (HAL_UART_Init(&console) == HAL_OK) {
        HAL_NVIC_SetPriority(CUBE_CONSOLE_INTERRUPT, 0, 0);
        HAL_NVIC_EnableIRQ(CUBE_CONSOLE_INTERRUPT);
        listen();
    }
}

bool console_send(uint8_t byte)
{
    const bool sent = HAL_UART_Transmit(&console, &byte, 1, SEND_LIMIT) == HAL_OK;
    if (!listening) {
        listen();
    }
    return sent;
}

/* Not of cortex_m.h, whose names of registers are the HAL's in part. */
void Console_Handler(void);
void Console_Handler(void)
{
    HAL_UART_IRQHandler(&console);
}

/* Called by the HAL's interrupt handler, which has one UART. */
void HAL_UART_RxCpltCallback(UART_HandleTypeDef *uart)
{
    (void)uart;
    receive_ring_put(received);
    listen();
}

/* After an overrun the HAL has stopped to receive; after noise it goes on, and refuses this. */
void HAL_UART_ErrorCallback(UART_HandleTypeDef *uart)
{
    (void)uart;
    if (HAL_UART_Receive_IT(&console, &received, 1) == HAL_OK) {
        listening = true;
    }
}
