/* SPDX-License-Identifier: Apache-2.0 */
/* Console on a USART of an STM32F4, 8N1; board_chip.h says which pins and which clock enable. */
#include "board.h"
#include "board_chip.h"
#include "chip.h"
#include "receive_ring.h"
#include "stm32f4.h"
#include "wait.h"

/* A pin in its alternate function; the other pins of the port stay as they are. */
static void connect_pin(uint32_t port, uint32_t pin, uint32_t function)
{
    const uint32_t field = pin * 2u, nibble = pin % 8u * 4u;
    GPIO_AFR(port, pin) = (GPIO_AFR(port, pin) & ~(0xFu << nibble)) | function << nibble;
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << field)) | GPIO_MODE_ALTERNATE << field;
}

/* The receiver's pin is pulled up: a line that nobody drives is idle. */
static void connect_pins(void)
{
    RCC_AHB1ENR |= 1u << CONSOLE_PORT;
    (void)RCC_AHB1ENR; /* two clocks pass before the peripheral listens */
    GPIO_PUPDR(CONSOLE_PORT) = (GPIO_PUPDR(CONSOLE_PORT) & ~(3u << CONSOLE_RX_PIN * 2u)) | GPIO_PULL_UP
                                                                                               << CONSOLE_RX_PIN * 2u;
    connect_pin(CONSOLE_PORT, CONSOLE_TX_PIN, CONSOLE_FUNCTION);
    connect_pin(CONSOLE_PORT, CONSOLE_RX_PIN, CONSOLE_FUNCTION);
}

/* The pins first: a receiver without a line might see a start bit. 16 samples a bit: BRR, with its four fractional
 * bits, is clock / baud. */
void console_start(void)
{
    connect_pins();
    CONSOLE_ENABLE_REGISTER |= CONSOLE_ENABLE_BIT;
    (void)CONSOLE_ENABLE_REGISTER;
    USART_CR1 = 0;
    USART_BRR = (clock_console_hz() + BOARD_CONSOLE_BAUD / 2u) / BOARD_CONSOLE_BAUD;
    USART_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    NVIC_ISER(BOARD_CONSOLE_INTERRUPT) = 1u << BOARD_CONSOLE_INTERRUPT % 32u;
}

bool console_send(uint8_t byte)
{
    if (!wait_for(&USART_SR, USART_SR_TXE, USART_SR_TXE)) {
        return false;
    }
    USART_DR = byte;
    return true;
}

/* Reading SR, then DR clears all of these. A byte without its stop bit is noise; after an overrun DR holds the byte
 * before it. */
void Console_Handler(void)
{
    const uint32_t status = USART_SR;
    if ((status & (USART_SR_RXNE | USART_SR_ORE)) == 0) {
        return;
    }
    const uint8_t byte = (uint8_t)USART_DR;
    if ((status & (USART_SR_RXNE | USART_SR_FE)) == USART_SR_RXNE) {
        receive_ring_put(byte);
    }
}
