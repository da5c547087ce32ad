/* SPDX-License-Identifier: Apache-2.0 */
/* What the port for STM32F4 uses; see common_declarations.h. Stands in for the headers of the HAL's modules. */
#ifndef STM32F4XX_DECLARATIONS_H
#define STM32F4XX_DECLARATIONS_H

#if !defined(STM32F412Zx) || !defined(USE_HAL_DRIVER)
#error "the HAL wants the device's macro and USE_HAL_DRIVER"
#endif

#include "common_declarations.h"

#define GPIOD ((GPIO_TypeDef *)0x40020C00U)
#define USART3 ((USART_TypeDef *)0x40004800U)
#define GPIO_AF7_USART3 ((uint8_t)0x07)
#define __HAL_RCC_GPIOD_CLK_ENABLE() ((void)0)
#define __HAL_RCC_USART3_CLK_ENABLE() ((void)0)
#define __HAL_RCC_PWR_CLK_ENABLE() ((void)0)
#define __HAL_PWR_VOLTAGESCALING_CONFIG(scale) ((void)(scale))
#define PWR_REGULATOR_VOLTAGE_SCALE1 0xC000U

typedef struct {
    uint32_t PLLState, PLLSource, PLLM, PLLN, PLLP, PLLQ, PLLR;
} RCC_PLLInitTypeDef;
typedef struct {
    uint32_t OscillatorType, HSEState, LSEState, HSIState, HSICalibrationValue, LSIState;
    RCC_PLLInitTypeDef PLL;
} RCC_OscInitTypeDef;
typedef struct {
    uint32_t ClockType, SYSCLKSource, AHBCLKDivider, APB1CLKDivider, APB2CLKDivider;
} RCC_ClkInitTypeDef;
HAL_StatusTypeDef HAL_RCC_OscConfig(const RCC_OscInitTypeDef *RCC_OscInitStruct);
HAL_StatusTypeDef HAL_RCC_ClockConfig(const RCC_ClkInitTypeDef *RCC_ClkInitStruct, uint32_t FLatency);
#define RCC_OSCILLATORTYPE_HSI 2U
#define RCC_HSI_ON 1U
#define RCC_HSICALIBRATION_DEFAULT 0x10U
#define RCC_PLLSOURCE_HSI 0U
#define RCC_PLLP_DIV2 2U
#define RCC_CLOCKTYPE_SYSCLK 1U
#define RCC_CLOCKTYPE_HCLK 2U
#define RCC_CLOCKTYPE_PCLK1 4U
#define RCC_CLOCKTYPE_PCLK2 8U
#define RCC_SYSCLKSOURCE_PLLCLK 2U
#define RCC_SYSCLK_DIV1 0U
#define RCC_HCLK_DIV1 0U
#define RCC_HCLK_DIV2 0x1000U
#define FLASH_LATENCY_3 3U

#endif
