/* SPDX-License-Identifier: Apache-2.0 */
/* SDRAM on bank 2 of the flexible memory controller (RM0399, chapter FMC, "SDRAM initialization"). Clocks are those of
 * the SDRAM, half the bus's. */
#include "external.h"

#include "board_chip.h"
#include "gpio.h"
#include "mpu.h"
#include "stm32h7.h"
#include "wait.h"

/* FMC_SDCRx */
#define SDCR_NC(columns) (((uint32_t)(columns)-8u) << 0)
#define SDCR_NR(rows) (((uint32_t)(rows)-11u) << 2)
#define SDCR_MWID_32 (2u << 4)
#define SDCR_NB_4 (1u << 6)
#define SDCR_CAS(clocks) ((uint32_t)(clocks) << 7)
#define SDCR_WP (1u << 9)
#define SDCR_SDCLK_HALF (2u << 10)
#define SDCR_RBURST (1u << 12)
#define SDCR_RPIPE (3u << 13)
#define SDCR_SHARED (3u << 10 | SDCR_RBURST | SDCR_RPIPE) /* of both banks, in SDCR1 */
#define SDCR_OWN 0x3FFu

/* FMC_SDTRx: clocks, 1 to 16 */
#define SDTR_TMRD(clocks) (((uint32_t)(clocks)-1u) << 0)
#define SDTR_TXSR(clocks) (((uint32_t)(clocks)-1u) << 4)
#define SDTR_TRAS(clocks) (((uint32_t)(clocks)-1u) << 8)
#define SDTR_TRC(clocks) (((uint32_t)(clocks)-1u) << 12)
#define SDTR_TWR(clocks) (((uint32_t)(clocks)-1u) << 16)
#define SDTR_TRP(clocks) (((uint32_t)(clocks)-1u) << 20)
#define SDTR_TRCD(clocks) (((uint32_t)(clocks)-1u) << 24)
#define SDTR_SHARED (0xFu << 12 | 0xFu << 20) /* of both banks, in SDTR1: TRC, TRP */
#define SDTR_OWN (0xFFFu | 0xFu << 16 | 0xFu << 24)

/* FMC_SDCMR */
#define SDCMR_CLOCK_ENABLE 1u
#define SDCMR_PRECHARGE_ALL 2u
#define SDCMR_AUTO_REFRESH 3u
#define SDCMR_LOAD_MODE 4u
#define SDCMR_CTB2 (1u << 3) /* to bank 2 */
#define SDCMR_NRFS(count) (((uint32_t)(count)-1u) << 5)
#define SDCMR_MRD(mode) ((uint32_t)(mode) << 9)

/* FMC_SDRTR */
#define SDRTR_COUNT (0x1FFFu << 1)

/* The memory's own mode register: bursts of 1, sequential, write bursts as single words. */
#define MODE_CAS(clocks) ((uint32_t)(clocks) << 4)
#define MODE_SINGLE_WRITES (1u << 9)

#define POWER_UP_MICROSECONDS 100u
#define REFRESH_MARGIN 20u /* clocks, which the controller may be late */

static const gpio_group pins[] = {SDRAM_PINS};

static void set_fields(volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    *reg = (*reg & ~mask) | value;
}

/* Reset leaves bank 1 of the controller's other half open, whose slow accesses would hold up the SDRAM: it is closed.
 */
static void describe_memory(void)
{
    set_fields(&FMC_SDCR1, SDCR_SHARED, SDCR_SDCLK_HALF | SDCR_RBURST);
    set_fields(&FMC_SDCR2, SDCR_OWN,
               SDCR_NC(SDRAM_COLUMN_BITS) | SDCR_NR(SDRAM_ROW_BITS) | SDCR_MWID_32 | SDCR_NB_4 | SDCR_CAS(SDRAM_CAS));
    set_fields(&FMC_SDTR1, SDTR_SHARED, SDTR_TRC(SDRAM_TRC) | SDTR_TRP(SDRAM_TRP));
    set_fields(&FMC_SDTR2, SDTR_OWN,
               SDTR_TMRD(SDRAM_TMRD) | SDTR_TXSR(SDRAM_TXSR) | SDTR_TRAS(SDRAM_TRAS) | SDTR_TWR(SDRAM_TWR) |
                   SDTR_TRCD(SDRAM_TRCD));
    FMC_BCR1 = (FMC_BCR1 & ~FMC_BCR1_MBKEN) | FMC_BCR1_FMCEN;
}

/* Commands follow at a distance: the controller has no flag for the end of one. */
static void command(uint32_t value)
{
    FMC_SDCMR = value | SDCMR_CTB2;
    pause_microseconds(2);
}

static void wake_memory(void)
{
    command(SDCMR_CLOCK_ENABLE);
    pause_microseconds(POWER_UP_MICROSECONDS);
    command(SDCMR_PRECHARGE_ALL);
    command(SDCMR_AUTO_REFRESH | SDCMR_NRFS(8));
    command(SDCMR_LOAD_MODE | SDCMR_MRD(MODE_CAS(SDRAM_CAS) | MODE_SINGLE_WRITES));
    set_fields(&FMC_SDRTR, SDRTR_COUNT, (SDRAM_REFRESH_CLOCKS - REFRESH_MARGIN) << 1);
}

/* A word at each power of two, holding its own address: a line that is not connected makes two of them one. */
static bool holds_data(void)
{
    volatile uint32_t *const words = (volatile uint32_t *)SDRAM_BASE;
    words[0] = SDRAM_BASE;
    for (uint32_t step = 1; step < SDRAM_BYTES / 4u; step *= 2u) {
        words[step] = ~step;
    }
    __asm__ volatile("dsb" ::: "memory");
    bool good = words[0] == SDRAM_BASE;
    for (uint32_t step = 1; step < SDRAM_BYTES / 4u; step *= 2u) {
        good = good && words[step] == ~step;
    }
    return good;
}

const char *sdram_start(void)
{
    gpio_connect(pins, sizeof pins / sizeof pins[0], GPIO_VERY_FAST);
    RCC_D1CCIPR &= ~RCC_D1CCIPR_FMCSEL;
    RCC_AHB3ENR |= RCC_AHB3ENR_FMCEN;
    (void)RCC_AHB3ENR;
    describe_memory();
    wake_memory();
    if (!wait_for(&FMC_SDSR, FMC_SDSR_MODES2, 0)) {
        return "the SDRAM controller does not get ready (FMC_SDSR.MODES2)";
    }
    mpu_region(2, SDRAM_BASE,
               MPU_RASR_NORMAL_WRITE_BACK | MPU_RASR_READ_WRITE | MPU_RASR_NO_EXECUTE | MPU_RASR_SIZE(SDRAM_LOG2));
    return holds_data() ? NULL : "the SDRAM does not hold what is written to it";
}
