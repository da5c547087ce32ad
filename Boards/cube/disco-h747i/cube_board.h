/* SPDX-License-Identifier: Apache-2.0 */
/* The STM32H747I-DISCO in words of the HAL: USART1 on PA9 and PA10, to the ST-LINK's virtual port. */
#ifndef CUBE_BOARD_H
#define CUBE_BOARD_H

#include "stm32h7xx_hal.h"

#define CUBE_CONSOLE_UART USART1
#define CUBE_CONSOLE_PORT GPIOA
#define CUBE_CONSOLE_PINS (GPIO_PIN_9 | GPIO_PIN_10)
#define CUBE_CONSOLE_FUNCTION GPIO_AF7_USART1
#define CUBE_CONSOLE_INTERRUPT USART1_IRQn

static inline void cube_console_clocks(void)
{
    __HAL_RCC_GPIOA_CLK_ENABLE();
    __HAL_RCC_USART1_CLK_ENABLE();
}

#endif
