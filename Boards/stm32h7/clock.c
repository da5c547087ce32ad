/* SPDX-License-Identifier: Apache-2.0 */
/* Supply and clock tree of an STM32H747 at voltage scale 1: crystal, PLL1; the buses run at half the core's clock, the
 * peripherals at a quarter. */
#include "board.h"
#include "board_chip.h"
#include "chip.h"
#include "stm32h7.h"
#include "wait.h"

#define HSI_HZ 64000000u

#if CLOCK_HSE_HZ / CLOCK_DIVM1 * CLOCK_DIVN1 / CLOCK_DIVP1 != BOARD_CLOCK_HZ
#error "clock_hz of board.toml is not what the factors of board_chip.h give"
#endif

/* The core's voltage comes from the step-down converter alone, as the board is wired. The choice is taken once after
 * power-on and survives every reset: where it stands already, there is nothing to write. */
static bool choose_supply(void)
{
    const uint32_t mask = PWR_CR3_BYPASS | PWR_CR3_LDOEN | PWR_CR3_SDEN | PWR_CR3_SDEXTHP | PWR_CR3_SDLEVEL;
    if ((PWR_CR3 & mask) != PWR_CR3_SDEN) {
        PWR_CR3 = (PWR_CR3 & ~mask) | PWR_CR3_SDEN;
    }
    return wait_for_clock(&PWR_CSR1, PWR_CSR1_ACTVOSRDY, PWR_CSR1_ACTVOSRDY);
}

/* The ready flag of the scale before stands a little longer, so the scale in force is looked at first. */
static bool choose_voltage(void)
{
    PWR_D3CR = (PWR_D3CR & ~PWR_D3CR_VOS) | PWR_D3CR_VOS_SCALE1;
    return wait_for_clock(&PWR_CSR1, PWR_CSR1_ACTVOS, PWR_D3CR_VOS_SCALE1) &&
           wait_for_clock(&PWR_D3CR, PWR_D3CR_VOSRDY, PWR_D3CR_VOSRDY);
}

static void set_pll(void)
{
    RCC_PLLCKSELR = (RCC_PLLCKSELR & ~(RCC_PLLCKSELR_PLLSRC | RCC_PLLCKSELR_DIVM1(0x3F))) | RCC_PLLCKSELR_PLLSRC_HSE |
                    RCC_PLLCKSELR_DIVM1(CLOCK_DIVM1);
    RCC_PLLCFGR = (RCC_PLLCFGR & ~(RCC_PLLCFGR_PLL1FRACEN | RCC_PLLCFGR_PLL1VCOSEL | RCC_PLLCFGR_PLL1RGE |
                                   RCC_PLLCFGR_DIVQ1EN | RCC_PLLCFGR_DIVR1EN)) |
                  RCC_PLLCFGR_PLL1RGE_4_8_MHZ | RCC_PLLCFGR_DIVP1EN;
    RCC_PLL1DIVR = (RCC_PLL1DIVR & ~RCC_PLL1DIVR_FIELDS) | RCC_PLL1DIVR_N1(CLOCK_DIVN1) | RCC_PLL1DIVR_P1(CLOCK_DIVP1);
}

static const char *start_oscillators(void)
{
    RCC_CR |= RCC_CR_HSEON;
    if (!wait_for_clock(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY)) {
        return "the 25 MHz crystal does not start (RCC_CR.HSERDY); running on HSI, 64 MHz";
    }
    set_pll();
    RCC_CR |= RCC_CR_PLL1ON;
    if (!wait_for_clock(&RCC_CR, RCC_CR_PLL1RDY, RCC_CR_PLL1RDY)) {
        return "the PLL does not lock (RCC_CR.PLL1RDY); running on HSI, 64 MHz";
    }
    return NULL;
}

/* Two wait states suffice to 210 MHz at scale 1. Reset has set seven, so the flash is never read too fast. */
static bool set_wait_states(void)
{
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_FIELDS) | CLOCK_FLASH_ACR;
    return wait_for_clock(&FLASH_ACR, FLASH_ACR_FIELDS, CLOCK_FLASH_ACR);
}

/* Buses are divided before the clock rises: none ever exceeds its limit (200 and 100 MHz). */
static bool change_to_pll(void)
{
    RCC_D1CFGR = (RCC_D1CFGR & ~(RCC_D1CFGR_HPRE | RCC_D1CFGR_D1PPRE | RCC_D1CFGR_D1CPRE)) | RCC_D1CFGR_HPRE_HALF |
                 RCC_D1CFGR_D1PPRE_HALF;
    RCC_D2CFGR =
        (RCC_D2CFGR & ~(RCC_D2CFGR_D2PPRE1 | RCC_D2CFGR_D2PPRE2)) | RCC_D2CFGR_D2PPRE1_HALF | RCC_D2CFGR_D2PPRE2_HALF;
    RCC_D3CFGR = (RCC_D3CFGR & ~RCC_D3CFGR_D3PPRE) | RCC_D3CFGR_D3PPRE_HALF;
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL1;
    return wait_for_clock(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL1);
}

const char *clock_start(void)
{
    if (!choose_supply()) {
        return "the supply is not valid (PWR_CSR1.ACTVOSRDY): another program has chosen another one, which holds "
               "until "
               "the board is without power; unplug it. Running on HSI, 64 MHz";
    }
    if (!choose_voltage()) {
        return "the core voltage is not reached (PWR_D3CR.VOSRDY); running on HSI, 64 MHz";
    }
    const char *failure = start_oscillators();
    if (failure != NULL) {
        return failure;
    }
    if (!set_wait_states()) {
        return "the flash takes no wait states (FLASH_ACR.LATENCY); running on HSI, 64 MHz";
    }
    if (!change_to_pll()) {
        return "the core does not change to the PLL (RCC_CFGR.SWS); running on HSI, 64 MHz";
    }
    return NULL;
}

void clock_fall_back(void)
{
    RCC_CR |= RCC_CR_HSION;
    (void)wait_for_clock(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY);
    RCC_CFGR &= ~RCC_CFGR_SW;
    (void)wait_for_clock(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_HSI);
    RCC_D1CFGR &= ~(RCC_D1CFGR_HPRE | RCC_D1CFGR_D1PPRE | RCC_D1CFGR_D1CPRE);
    RCC_D2CFGR &= ~(RCC_D2CFGR_D2PPRE1 | RCC_D2CFGR_D2PPRE2);
    RCC_D3CFGR &= ~RCC_D3CFGR_D3PPRE;
}

/* USART1 is on the second peripheral bus and takes its clock, which comes from the crystal, for its precision. */
uint32_t clock_console_hz(void)
{
    return (RCC_CFGR & RCC_CFGR_SWS) == RCC_CFGR_SWS_PLL1 ? BOARD_CLOCK_HZ / 4u : HSI_HZ;
}
