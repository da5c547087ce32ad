/* SPDX-License-Identifier: Apache-2.0 */
/* Clock tree of an STM32F4 by the HAL; the factors are those of board_chip.h. */
#include "board.h"
#include "board_chip.h"
#include "chip.h"
#include "cube_board.h"
#include "systick.h"

#define HSI_HZ 16000000u

#if HSI_HZ / CLOCK_PLLM * CLOCK_PLLN / CLOCK_PLLP != BOARD_CLOCK_HZ
#error "clock_hz of board.toml is not what the factors of board_chip.h give"
#endif
#if CLOCK_PLLP != 2 || CLOCK_FLASH_LATENCY != 3 || CLOCK_PPRE1 != 4 || CLOCK_PPRE2 != 0
#error "cube/clock_f4.c knows one choice of PLLP, wait states and bus dividers only"
#endif

static bool start_pll(void)
{
    RCC_OscInitTypeDef setting = {0};
    setting.OscillatorType = RCC_OSCILLATORTYPE_HSI;
    setting.HSIState = RCC_HSI_ON;
    setting.HSICalibrationValue = RCC_HSICALIBRATION_DEFAULT;
    setting.PLL.PLLState = RCC_PLL_ON;
    setting.PLL.PLLSource = RCC_PLLSOURCE_HSI;
    setting.PLL.PLLM = CLOCK_PLLM;
    setting.PLL.PLLN = CLOCK_PLLN;
    setting.PLL.PLLP = RCC_PLLP_DIV2;
    setting.PLL.PLLQ = CLOCK_PLLQ;
    setting.PLL.PLLR = 2; /* its output is not used; the HAL wants a value */
    return HAL_RCC_OscConfig(&setting) == HAL_OK;
}

static bool change_to_pll(void)
{
    RCC_ClkInitTypeDef setting = {0};
    setting.ClockType = RCC_CLOCKTYPE_SYSCLK | RCC_CLOCKTYPE_HCLK | RCC_CLOCKTYPE_PCLK1 | RCC_CLOCKTYPE_PCLK2;
    setting.SYSCLKSource = RCC_SYSCLKSOURCE_PLLCLK;
    setting.AHBCLKDivider = RCC_SYSCLK_DIV1;
    setting.APB1CLKDivider = RCC_HCLK_DIV2;
    setting.APB2CLKDivider = RCC_HCLK_DIV1;
    return HAL_RCC_ClockConfig(&setting, FLASH_LATENCY_3) == HAL_OK;
}

/* The HAL measures its time limits by SysTick, so that counts first. */
const char *clock_start(void)
{
    SystemInit();
    systick_start();
    if (HAL_Init() != HAL_OK) {
        return "HAL_Init fails";
    }
    __HAL_RCC_PWR_CLK_ENABLE();
    __HAL_PWR_VOLTAGESCALING_CONFIG(PWR_REGULATOR_VOLTAGE_SCALE1);
    if (!start_pll()) {
        return "HAL_RCC_OscConfig fails: the PLL does not lock; running on HSI, 16 MHz";
    }
    if (!change_to_pll()) {
        return "HAL_RCC_ClockConfig fails; running on HSI, 16 MHz";
    }
    return NULL;
}

void clock_fall_back(void)
{
    (void)HAL_RCC_DeInit();
}
