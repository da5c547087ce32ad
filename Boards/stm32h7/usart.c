/* SPDX-License-Identifier: Apache-2.0 */
/* Console on a USART of an STM32H7, 8N1. */
#include "board.h"
#include "board_chip.h"
#include "chip.h"
#include "gpio.h"
#include "receive_ring.h"
#include "stm32h7.h"
#include "wait.h"

static const gpio_group pins[] = {CONSOLE_PINS};

/* The pins first: a receiver without a line might see a start bit. 16 samples a bit: BRR is clock / baud. */
void console_start(void)
{
    gpio_connect(pins, sizeof pins / sizeof pins[0], GPIO_SLOW);
    RCC_D2CCIP2R &= ~RCC_D2CCIP2R_USART16SEL;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    USART_CR1 = 0;
    USART_BRR = (clock_console_hz() + BOARD_CONSOLE_BAUD / 2u) / BOARD_CONSOLE_BAUD;
    USART_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    NVIC_ISER(BOARD_CONSOLE_INTERRUPT) = 1u << BOARD_CONSOLE_INTERRUPT % 32u;
}

bool console_send(uint8_t byte)
{
    if (!wait_for(&USART_ISR, USART_ISR_TXE, USART_ISR_TXE)) {
        return false;
    }
    USART_TDR = byte;
    return true;
}

/* A byte without its stop bit is noise; after an overrun RDR holds the byte before it. */
void Console_Handler(void)
{
    const uint32_t status = USART_ISR;
    USART_ICR = status & (USART_ISR_FE | USART_ISR_NE | USART_ISR_ORE);
    if ((status & USART_ISR_RXNE) != 0) {
        const uint8_t byte = (uint8_t)USART_RDR;
        if ((status & USART_ISR_FE) == 0) {
            receive_ring_put(byte);
        }
    }
}
