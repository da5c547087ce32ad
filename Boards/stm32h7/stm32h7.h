/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the STM32H747 that this port uses, named as in the reference manual RM0399, seen from the Cortex-M7. */
#ifndef STM32H7_H
#define STM32H7_H

#include "cortex_m.h"

#define PWR_CSR1 REG32(0x58024804u)
#define PWR_CSR1_ACTVOSRDY (1u << 13)
#define PWR_CSR1_ACTVOS (3u << 14) /* the scale in force, coded as in PWR_D3CR */
#define PWR_CR3 REG32(0x5802480Cu) /* its lower byte takes one write after power-on */
#define PWR_CR3_BYPASS (1u << 0)
#define PWR_CR3_LDOEN (1u << 1)
#define PWR_CR3_SDEN (1u << 2) /* step-down converter (SMPS) */
#define PWR_CR3_SDEXTHP (1u << 3)
#define PWR_CR3_SDLEVEL (3u << 4)
#define PWR_D3CR REG32(0x58024818u)
#define PWR_D3CR_VOSRDY (1u << 13)
#define PWR_D3CR_VOS (3u << 14)
#define PWR_D3CR_VOS_SCALE1 (3u << 14)

#define SYSCFG_CCCSR REG32(0x58000420u)
#define SYSCFG_CCCSR_EN (1u << 0)
#define SYSCFG_CCCSR_READY (1u << 8)

#define FLASH_ACR REG32(0x52002000u)
#define FLASH_ACR_LATENCY 0xFu
#define FLASH_ACR_WRHIGHFREQ(code) ((uint32_t)(code) << 4)
#define FLASH_ACR_FIELDS (FLASH_ACR_LATENCY | FLASH_ACR_WRHIGHFREQ(3))

#define RCC_CR REG32(0x58024400u)
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 2)
#define RCC_CR_CSION (1u << 7)
#define RCC_CR_CSIRDY (1u << 8)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLL1ON (1u << 24)
#define RCC_CR_PLL1RDY (1u << 25)
#define RCC_CFGR REG32(0x58024410u)
#define RCC_CFGR_SW (7u << 0) /* clock of the system: 0 HSI, 3 PLL1 */
#define RCC_CFGR_SW_PLL1 (3u << 0)
#define RCC_CFGR_SWS (7u << 3) /* the one in use */
#define RCC_CFGR_SWS_HSI (0u << 3)
#define RCC_CFGR_SWS_PLL1 (3u << 3)
#define RCC_D1CFGR REG32(0x58024418u)
#define RCC_D1CFGR_HPRE (0xFu << 0)
#define RCC_D1CFGR_HPRE_HALF (8u << 0)
#define RCC_D1CFGR_D1PPRE (7u << 4)
#define RCC_D1CFGR_D1PPRE_HALF (4u << 4)
#define RCC_D1CFGR_D1CPRE (0xFu << 8)
#define RCC_D2CFGR REG32(0x5802441Cu)
#define RCC_D2CFGR_D2PPRE1 (7u << 4)
#define RCC_D2CFGR_D2PPRE1_HALF (4u << 4)
#define RCC_D2CFGR_D2PPRE2 (7u << 8)
#define RCC_D2CFGR_D2PPRE2_HALF (4u << 8)
#define RCC_D3CFGR REG32(0x58024420u)
#define RCC_D3CFGR_D3PPRE (7u << 4)
#define RCC_D3CFGR_D3PPRE_HALF (4u << 4)
#define RCC_PLLCKSELR REG32(0x58024428u)
#define RCC_PLLCKSELR_PLLSRC 3u
#define RCC_PLLCKSELR_PLLSRC_HSE 2u
#define RCC_PLLCKSELR_DIVM1(divider) ((uint32_t)(divider) << 4)
#define RCC_PLLCFGR REG32(0x5802442Cu)
#define RCC_PLLCFGR_PLL1FRACEN (1u << 0)
#define RCC_PLLCFGR_PLL1VCOSEL (1u << 1) /* 0: 192 to 836 MHz */
#define RCC_PLLCFGR_PLL1RGE (3u << 2)
#define RCC_PLLCFGR_PLL1RGE_4_8_MHZ (2u << 2)
#define RCC_PLLCFGR_DIVP1EN (1u << 16)
#define RCC_PLLCFGR_DIVQ1EN (1u << 17)
#define RCC_PLLCFGR_DIVR1EN (1u << 18)
#define RCC_PLL1DIVR REG32(0x58024430u)
#define RCC_PLL1DIVR_N1(factor) (((uint32_t)(factor)-1u) << 0)
#define RCC_PLL1DIVR_P1(divider) (((uint32_t)(divider)-1u) << 9)
#define RCC_PLL1DIVR_FIELDS (0x1FFu | 0x7Fu << 9)
#define RCC_D1CCIPR REG32(0x5802444Cu)
#define RCC_D1CCIPR_FMCSEL 3u         /* 0: rcc_hclk3 */
#define RCC_D1CCIPR_QSPISEL (3u << 4) /* 0: rcc_hclk3 */
#define RCC_D2CCIP2R REG32(0x58024454u)
#define RCC_D2CCIP2R_USART16SEL (7u << 3) /* 0: rcc_pclk2 */
#define RCC_APB4ENR REG32(0x580244F4u)
#define RCC_APB4ENR_SYSCFGEN (1u << 1)
#define RCC_AHB3ENR REG32(0x580244D4u)
#define RCC_AHB3ENR_FMCEN (1u << 12)
#define RCC_AHB3ENR_QSPIEN (1u << 14)
#define RCC_AHB4ENR REG32(0x580244E0u) /* bits 0 to 10: GPIOA to GPIOK */
#define RCC_APB2ENR REG32(0x580244F0u)
#define RCC_APB2ENR_USART1EN (1u << 4)

/* Ports A, B, ... are 0, 1, ... */
#define GPIO_BASE(port) (0x58020000u + 0x400u * (port))
#define GPIO_MODER(port) REG32(GPIO_BASE(port) + 0x00u)
#define GPIO_OSPEEDR(port) REG32(GPIO_BASE(port) + 0x08u)
#define GPIO_PUPDR(port) REG32(GPIO_BASE(port) + 0x0Cu)
#define GPIO_AFR(port, pin) REG32(GPIO_BASE(port) + 0x20u + (pin) / 8u * 4u)

#define USART_CR1 REG32(BOARD_CONSOLE_BASE + 0x00u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_BRR REG32(BOARD_CONSOLE_BASE + 0x0Cu)
#define USART_ISR REG32(BOARD_CONSOLE_BASE + 0x1Cu)
#define USART_ISR_FE (1u << 1)
#define USART_ISR_NE (1u << 2)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR REG32(BOARD_CONSOLE_BASE + 0x20u) /* the error flags, at the same places */
#define USART_RDR REG32(BOARD_CONSOLE_BASE + 0x24u)
#define USART_TDR REG32(BOARD_CONSOLE_BASE + 0x28u)

#define FMC_BCR1 REG32(0x52004000u)
#define FMC_BCR1_MBKEN (1u << 0) /* static memory on bank 1 */
#define FMC_BCR1_FMCEN (1u << 31)
#define FMC_SDCR1 REG32(0x52004140u) /* also of the fields that both SDRAM banks share */
#define FMC_SDCR2 REG32(0x52004144u)
#define FMC_SDTR1 REG32(0x52004148u) /* likewise */
#define FMC_SDTR2 REG32(0x5200414Cu)
#define FMC_SDCMR REG32(0x52004150u)
#define FMC_SDRTR REG32(0x52004154u)
#define FMC_SDSR REG32(0x52004158u)
#define FMC_SDSR_MODES2 (3u << 3) /* 0: bank 2 works */

#define QUADSPI_CR REG32(0x52005000u)
#define QUADSPI_DCR REG32(0x52005004u)
#define QUADSPI_SR REG32(0x52005008u)
#define QUADSPI_SR_TCF (1u << 1)
#define QUADSPI_SR_BUSY (1u << 5)
#define QUADSPI_FCR REG32(0x5200500Cu)
#define QUADSPI_FCR_CTCF (1u << 1)
#define QUADSPI_DLR REG32(0x52005010u)
#define QUADSPI_CCR REG32(0x52005014u)
#define QUADSPI_DR_BYTE (*(volatile uint8_t *)0x52005020u)
#define QUADSPI_DR_HALF (*(volatile uint16_t *)0x52005020u)

#define DBGMCU_IDCODE REG32(0x5C001000u)
#define DBGMCU_IDCODE_DEV_ID 0xFFFu

#endif
