/* SPDX-License-Identifier: Apache-2.0 */
/* What stm32f4/ must know of the Netduino Plus 2 and its STM32F405RG (RM0090, DS8626), as QEMU emulates them. */
#ifndef BOARD_CHIP_H
#define BOARD_CHIP_H

/* HSI 16 MHz / 8 * 168 / 2 = 168 MHz; third output 336 / 7 = 48 MHz. */
#define CLOCK_PLLM 8u
#define CLOCK_PLLN 168u
#define CLOCK_PLLP 2u
#define CLOCK_PLLQ 7u
#define CLOCK_FLASH_LATENCY 5u /* above 150 MHz at 2.7 to 3.6 V */
#define CLOCK_PPRE1 5u         /* APB1 at 42 MHz, its limit */
#define CLOCK_PPRE2 4u         /* APB2 at 84 MHz, its limit */
#define POWER_VOS (1u << 14)   /* PWR_CR.VOS: scale 1, for more than 144 MHz */

/* USART3 on PD8 (TX) and PD9 (RX), alternate function 7. */
#define CONSOLE_PORT 3u
#define CONSOLE_TX_PIN 8u
#define CONSOLE_RX_PIN 9u
#define CONSOLE_FUNCTION 7u
#define CONSOLE_ENABLE_REGISTER RCC_APB1ENR
#define CONSOLE_ENABLE_BIT RCC_APB1ENR_USART3EN
#define CONSOLE_CLOCK_HZ 42000000u /* APB1 */

#endif
