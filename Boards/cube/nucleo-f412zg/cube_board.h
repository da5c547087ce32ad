/* SPDX-License-Identifier: Apache-2.0 */
/* The Nucleo-F412ZG in words of the HAL: USART3 on PD8 and PD9, to the ST-LINK's virtual port. */
#ifndef CUBE_BOARD_H
#define CUBE_BOARD_H

#include "stm32f4xx_hal.h"

#define CUBE_CONSOLE_UART USART3
#define CUBE_CONSOLE_PORT GPIOD
#define CUBE_CONSOLE_PINS (GPIO_PIN_8 | GPIO_PIN_9)
#define CUBE_CONSOLE_FUNCTION GPIO_AF7_USART3
#define CUBE_CONSOLE_INTERRUPT USART3_IRQn

static inline void cube_console_clocks(void)
{
    __HAL_RCC_GPIOD_CLK_ENABLE();
    __HAL_RCC_USART3_CLK_ENABLE();
}

#endif
