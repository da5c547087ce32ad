/* SPDX-License-Identifier: Apache-2.0 */
/* What stm32f4/ must know of the Nucleo-F412ZG (UM1974) and its STM32F412ZG (RM0402, DS11139). */
#ifndef BOARD_CHIP_H
#define BOARD_CHIP_H

/* HSI 16 MHz / 8 * 100 / 2 = 100 MHz. The PLL's third output, for USB and random numbers, is not used; at 200 / 5 MHz
 * it keeps below its limit of 48 MHz. */
#define CLOCK_PLLM 8u
#define CLOCK_PLLN 100u
#define CLOCK_PLLP 2u
#define CLOCK_PLLQ 5u
#define CLOCK_FLASH_LATENCY 3u /* above 90 MHz at 2.7 to 3.6 V */
#define CLOCK_PPRE1 4u         /* APB1 at 50 MHz, its limit */
#define CLOCK_PPRE2 0u         /* APB2 at 100 MHz, its limit */
#define POWER_VOS (3u << 14)   /* PWR_CR.VOS: scale 1, for more than 84 MHz */

/* USART3 on PD8 (TX) and PD9 (RX), alternate function 7, to the ST-LINK's virtual port. */
#define CONSOLE_PORT 3u
#define CONSOLE_TX_PIN 8u
#define CONSOLE_RX_PIN 9u
#define CONSOLE_FUNCTION 7u
#define CONSOLE_ENABLE_REGISTER RCC_APB1ENR
#define CONSOLE_ENABLE_BIT RCC_APB1ENR_USART3EN
#define CONSOLE_CLOCK_HZ 50000000u /* APB1 */

#endif
