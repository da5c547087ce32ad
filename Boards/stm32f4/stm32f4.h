/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the STM32F4 that this port uses, named as in the reference manuals RM0402 (F412) and RM0090 (F405). */
#ifndef STM32F4_H
#define STM32F4_H

#include "cortex_m.h"

#define RCC_CR REG32(0x40023800u)
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 1)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)

#define RCC_PLLCFGR REG32(0x40023804u)
#define RCC_PLLCFGR_PLLM(divider) ((uint32_t)(divider) << 0)              /* 2..63 */
#define RCC_PLLCFGR_PLLN(factor) ((uint32_t)(factor) << 6)                /* 50..432 */
#define RCC_PLLCFGR_PLLP(divider) (((uint32_t)(divider) / 2u - 1u) << 16) /* 2, 4, 6, 8 */
#define RCC_PLLCFGR_PLLSRC_HSE (1u << 22)
#define RCC_PLLCFGR_PLLQ(divider) ((uint32_t)(divider) << 24) /* 2..15 */
#define RCC_PLLCFGR_FIELDS (0x3Fu | 0x1FFu << 6 | 3u << 16 | 1u << 22 | 0xFu << 24)

#define RCC_CFGR REG32(0x40023808u)
#define RCC_CFGR_SW (3u << 0) /* clock of the core: 0 HSI, 2 PLL */
#define RCC_CFGR_SW_PLL (2u << 0)
#define RCC_CFGR_SWS (3u << 2) /* the one in use */
#define RCC_CFGR_SWS_HSI (0u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_HPRE (0xFu << 4)
#define RCC_CFGR_PPRE1(code) ((uint32_t)(code) << 10) /* 0 to 3: 1; 4: 1/2; 5: 1/4; 6: 1/8; 7: 1/16 */
#define RCC_CFGR_PPRE2(code) ((uint32_t)(code) << 13)

#define RCC_AHB1ENR REG32(0x40023830u)
#define RCC_APB1ENR REG32(0x40023840u)
#define RCC_APB1ENR_USART2EN (1u << 17)
#define RCC_APB1ENR_USART3EN (1u << 18)
#define RCC_APB1ENR_PWREN (1u << 28)
#define RCC_APB2ENR REG32(0x40023844u)
#define RCC_APB2ENR_USART1EN (1u << 4)

#define PWR_CR REG32(0x40007000u)
#define PWR_CSR REG32(0x40007004u)
#define PWR_CSR_VOSRDY (1u << 14)

#define FLASH_ACR REG32(0x40023C00u)
#define FLASH_ACR_LATENCY 0xFu
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

/* Ports A, B, ... are 0, 1, ... */
#define GPIO_BASE(port) (0x40020000u + 0x400u * (port))
#define GPIO_MODER(port) REG32(GPIO_BASE(port) + 0x00u)
#define GPIO_OSPEEDR(port) REG32(GPIO_BASE(port) + 0x08u)
#define GPIO_PUPDR(port) REG32(GPIO_BASE(port) + 0x0Cu)
#define GPIO_AFR(port, pin) REG32(GPIO_BASE(port) + 0x20u + (pin) / 8u * 4u)
#define GPIO_MODE_ALTERNATE 2u
#define GPIO_PULL_UP 1u

#define USART_SR REG32(BOARD_CONSOLE_BASE + 0x00u)
#define USART_SR_FE (1u << 1)
#define USART_SR_ORE (1u << 3)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TXE (1u << 7)
#define USART_DR REG32(BOARD_CONSOLE_BASE + 0x04u)
#define USART_BRR REG32(BOARD_CONSOLE_BASE + 0x08u)
#define USART_CR1 REG32(BOARD_CONSOLE_BASE + 0x0Cu)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_UE (1u << 13)

#define DBGMCU_IDCODE REG32(0xE0042000u)
#define DBGMCU_IDCODE_DEV_ID 0xFFFu

#endif
