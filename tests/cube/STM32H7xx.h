/* SPDX-License-Identifier: Apache-2.0 */
/* What the port for STM32H7 uses; see common_declarations.h. Stands in for the headers of the HAL's modules. */
#ifndef STM32H7XX_DECLARATIONS_H
#define STM32H7XX_DECLARATIONS_H

#if !defined(STM32H747xx) || !defined(CORE_CM7) || !defined(USE_HAL_DRIVER) || HSE_VALUE != 25000000U
#error "the HAL wants the device's macro, the core's, USE_HAL_DRIVER and the crystal's frequency"
#endif

#include "common_declarations.h"

/* A name that ST's device header has, too. */
#define QSPI_BASE (0x90000000UL)

#define GPIOA ((GPIO_TypeDef *)0x58020000U)
#define USART1 ((USART_TypeDef *)0x40011000U)
#define GPIO_AF7_USART1 ((uint8_t)0x07)
#define __HAL_RCC_GPIOA_CLK_ENABLE() ((void)0)
#define __HAL_RCC_USART1_CLK_ENABLE() ((void)0)

HAL_StatusTypeDef HAL_PWREx_ConfigSupply(uint32_t SupplySource);
HAL_StatusTypeDef HAL_PWREx_ControlVoltageScaling(uint32_t VoltageScaling);
#define PWR_DIRECT_SMPS_SUPPLY 4U
#define PWR_REGULATOR_VOLTAGE_SCALE1 0xC000U

typedef struct {
    uint32_t PLLState, PLLSource, PLLM, PLLN, PLLP, PLLQ, PLLR, PLLRGE, PLLVCOSEL, PLLFRACN;
} RCC_PLLInitTypeDef;
typedef struct {
    uint32_t OscillatorType, HSEState, LSEState, HSIState, HSICalibrationValue, LSIState, HSI48State, CSIState;
    RCC_PLLInitTypeDef PLL;
} RCC_OscInitTypeDef;
typedef struct {
    uint32_t ClockType, SYSCLKSource, SYSCLKDivider, AHBCLKDivider, APB3CLKDivider, APB1CLKDivider, APB2CLKDivider,
        APB4CLKDivider;
} RCC_ClkInitTypeDef;
HAL_StatusTypeDef HAL_RCC_OscConfig(const RCC_OscInitTypeDef *RCC_OscInitStruct);
HAL_StatusTypeDef HAL_RCC_ClockConfig(const RCC_ClkInitTypeDef *RCC_ClkInitStruct, uint32_t FLatency);
#define RCC_OSCILLATORTYPE_HSE 1U
#define RCC_HSE_ON 0x10000U
#define RCC_PLLSOURCE_HSE 2U
#define RCC_PLL1VCOWIDE 0U
#define RCC_PLL1VCIRANGE_2 8U
#define RCC_CLOCKTYPE_SYSCLK 0x01U
#define RCC_CLOCKTYPE_HCLK 0x02U
#define RCC_CLOCKTYPE_D1PCLK1 0x04U
#define RCC_CLOCKTYPE_PCLK1 0x08U
#define RCC_CLOCKTYPE_PCLK2 0x10U
#define RCC_CLOCKTYPE_D3PCLK1 0x20U
#define RCC_SYSCLKSOURCE_PLLCLK 3U
#define RCC_SYSCLK_DIV1 0U
#define RCC_HCLK_DIV2 8U
#define RCC_APB3_DIV2 0x40U
#define RCC_APB1_DIV2 0x40U
#define RCC_APB2_DIV2 0x400U
#define RCC_APB4_DIV2 0x40U
#define FLASH_LATENCY_2 2U

#endif
