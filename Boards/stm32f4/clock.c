/* SPDX-License-Identifier: Apache-2.0 */
/* Clock tree of an STM32F4: internal 16 MHz oscillator, PLL, AHB undivided; factors and wait states are the board's. */
#include "board.h"
#include "board_chip.h"
#include "chip.h"
#include "stm32f4.h"
#include "wait.h"

#define HSI_HZ 16000000u

#if HSI_HZ / CLOCK_PLLM * CLOCK_PLLN / CLOCK_PLLP != BOARD_CLOCK_HZ
#error "clock_hz of board.toml is not what the factors of board_chip.h give"
#endif

/* The voltage range that the speed needs can be set while the PLL is off. */
static void choose_voltage(void)
{
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR; /* two clocks pass before the peripheral listens */
    PWR_CR |= POWER_VOS;
}

/* Wait states first: the flash may never be read faster than they allow. */
static bool slow_flash(void)
{
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY) | CLOCK_FLASH_LATENCY;
    return wait_for_clock(&FLASH_ACR, FLASH_ACR_LATENCY, CLOCK_FLASH_LATENCY);
}

static void start_pll(void)
{
    RCC_PLLCFGR = (RCC_PLLCFGR & ~RCC_PLLCFGR_FIELDS) | RCC_PLLCFGR_PLLM(CLOCK_PLLM) | RCC_PLLCFGR_PLLN(CLOCK_PLLN) |
                  RCC_PLLCFGR_PLLP(CLOCK_PLLP) | RCC_PLLCFGR_PLLQ(CLOCK_PLLQ);
    RCC_CR |= RCC_CR_PLLON;
}

const char *clock_start(void)
{
    choose_voltage();
    start_pll();
    if (!wait_for_clock(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return "the PLL does not lock (RCC_CR.PLLRDY); running on HSI, 16 MHz";
    }
    if (!wait_for_clock(&PWR_CSR, PWR_CSR_VOSRDY, PWR_CSR_VOSRDY)) {
        return "the core voltage is not reached (PWR_CSR.VOSRDY); running on HSI, 16 MHz";
    }
    if (!slow_flash()) {
        return "the flash takes no wait states (FLASH_ACR.LATENCY); running on HSI, 16 MHz";
    }
    RCC_CFGR |= RCC_CFGR_PPRE1(CLOCK_PPRE1) | RCC_CFGR_PPRE2(CLOCK_PPRE2); /* from 1: buses never exceed their limit */
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    if (!wait_for_clock(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL)) {
        return "the core does not change to the PLL (RCC_CFGR.SWS); running on HSI, 16 MHz";
    }
    return NULL;
}

/* Wait states stay: too many do no harm. */
void clock_fall_back(void)
{
    RCC_CR |= RCC_CR_HSION;
    (void)wait_for_clock(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY);
    RCC_CFGR &= ~RCC_CFGR_SW;
    (void)wait_for_clock(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_HSI);
    RCC_CFGR &= ~(RCC_CFGR_HPRE | RCC_CFGR_PPRE1(7) | RCC_CFGR_PPRE2(7));
}

uint32_t clock_console_hz(void)
{
    return (RCC_CFGR & RCC_CFGR_SWS) == RCC_CFGR_SWS_PLL ? CONSOLE_CLOCK_HZ : HSI_HZ;
}
