/* SPDX-License-Identifier: Apache-2.0 */
/* Supply and clock tree of an STM32H747 by the HAL; the factors are those of board_chip.h. */
#include "board.h"
#include "board_chip.h"
#include "chip.h"
#include "cube_board.h"
#include "systick.h"

#if CLOCK_HSE_HZ / CLOCK_DIVM1 * CLOCK_DIVN1 / CLOCK_DIVP1 != BOARD_CLOCK_HZ
#error "clock_hz of board.toml is not what the factors of board_chip.h give"
#endif

/* PLL1's input is 4 to 8 MHz (25 / 5), its oscillator in the wide range (800 MHz). */
static bool start_pll(void)
{
    RCC_OscInitTypeDef setting = {0};
    setting.OscillatorType = RCC_OSCILLATORTYPE_HSE;
    setting.HSEState = RCC_HSE_ON;
    setting.PLL.PLLState = RCC_PLL_ON;
    setting.PLL.PLLSource = RCC_PLLSOURCE_HSE;
    setting.PLL.PLLM = CLOCK_DIVM1;
    setting.PLL.PLLN = CLOCK_DIVN1;
    setting.PLL.PLLP = CLOCK_DIVP1;
    setting.PLL.PLLQ = 4; /* not used; the HAL wants values */
    setting.PLL.PLLR = 2;
    setting.PLL.PLLFRACN = 0;
    setting.PLL.PLLVCOSEL = RCC_PLL1VCOWIDE;
    setting.PLL.PLLRGE = RCC_PLL1VCIRANGE_2;
    return HAL_RCC_OscConfig(&setting) == HAL_OK;
}

/* Buses at half the core's clock, peripherals at a quarter. */
static bool change_to_pll(void)
{
    RCC_ClkInitTypeDef setting = {0};
    setting.ClockType = RCC_CLOCKTYPE_SYSCLK | RCC_CLOCKTYPE_HCLK | RCC_CLOCKTYPE_D1PCLK1 | RCC_CLOCKTYPE_PCLK1 |
                        RCC_CLOCKTYPE_PCLK2 | RCC_CLOCKTYPE_D3PCLK1;
    setting.SYSCLKSource = RCC_SYSCLKSOURCE_PLLCLK;
    setting.SYSCLKDivider = RCC_SYSCLK_DIV1;
    setting.AHBCLKDivider = RCC_HCLK_DIV2;
    setting.APB3CLKDivider = RCC_APB3_DIV2;
    setting.APB1CLKDivider = RCC_APB1_DIV2;
    setting.APB2CLKDivider = RCC_APB2_DIV2;
    setting.APB4CLKDivider = RCC_APB4_DIV2;
    return HAL_RCC_ClockConfig(&setting, FLASH_LATENCY_2) == HAL_OK;
}

/* The board is wired for the step-down converter alone. The HAL measures its time limits by SysTick, so that counts
 * first. */
const char *clock_start(void)
{
    SystemInit();
    systick_start();
    if (HAL_Init() != HAL_OK) {
        return "HAL_Init fails";
    }
    if (HAL_PWREx_ConfigSupply(PWR_DIRECT_SMPS_SUPPLY) != HAL_OK) {
        return "HAL_PWREx_ConfigSupply fails: another supply was chosen since power-on, unplug the board; running on "
               "HSI, 64 MHz";
    }
    if (HAL_PWREx_ControlVoltageScaling(PWR_REGULATOR_VOLTAGE_SCALE1) != HAL_OK) {
        return "HAL_PWREx_ControlVoltageScaling fails; running on HSI, 64 MHz";
    }
    if (!start_pll()) {
        return "HAL_RCC_OscConfig fails: crystal or PLL do not start; running on HSI, 64 MHz";
    }
    if (!change_to_pll()) {
        return "HAL_RCC_ClockConfig fails; running on HSI, 64 MHz";
    }
    return NULL;
}

void clock_fall_back(void)
{
    (void)HAL_RCC_DeInit();
}
