/* SPDX-License-Identifier: Apache-2.0 */
/* What an STM32H7 says of itself, its memory map and its caches. */
#include "board.h"
#include "chip.h"
#include "external.h"
#include "mpu.h"
#include "stm32h7.h"
#include "wait.h"

#define EVERYTHING_LOG2 32u
/* Of eight parts of 512 MB, all but 0x60000000 to 0xDFFFFFFF. */
#define WITHOUT_EXTERNAL 0x87u

/* The core may read ahead wherever memory could be; where a controller is not started, that can hang the bus. So all
 * external ranges are closed until what is behind them works. The cycle counter is unlocked for the port. */
void chip_protect(void)
{
    mpu_region(1, 0, MPU_RASR_NO_EXECUTE | MPU_RASR_SRD(WITHOUT_EXTERNAL) | MPU_RASR_SIZE(EVERYTHING_LOG2));
    SCB_DEMCR |= SCB_DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_KEY;
}

#if defined(BOARD_USES_SDRAM) && BOARD_USES_SDRAM
#define USES_SDRAM 1
#else
#define USES_SDRAM 0
#endif
#if defined(BOARD_USES_QSPI) && BOARD_USES_QSPI
#define USES_QSPI 1
#else
#define USES_QSPI 0
#endif

#if USES_SDRAM || USES_QSPI
/* The pins' drivers adapt to process, voltage and temperature, for which the data sheet gives the timing of fast
 * interfaces. The cell that measures these is clocked by the CSI. */
static const char *compensate_pins(void)
{
    RCC_CR |= RCC_CR_CSION;
    if (!wait_for(&RCC_CR, RCC_CR_CSIRDY, RCC_CR_CSIRDY)) {
        return "the internal oscillator CSI does not start (RCC_CR.CSIRDY)";
    }
    RCC_APB4ENR |= RCC_APB4ENR_SYSCFGEN;
    (void)RCC_APB4ENR;
    SYSCFG_CCCSR |= SYSCFG_CCCSR_EN;
    return wait_for(&SYSCFG_CCCSR, SYSCFG_CCCSR_READY, SYSCFG_CCCSR_READY)
               ? NULL
               : "the I/O compensation cell does not get ready (SYSCFG_CCCSR.READY)";
}
#endif

/* Their regions are opened by the functions that start them. */
const char *memories_start(void)
{
    const char *failure = NULL;
#if USES_SDRAM || USES_QSPI
    failure = compensate_pins();
#endif
#if USES_SDRAM
    if (failure == NULL) {
        failure = sdram_start();
    }
#endif
#if USES_QSPI
    if (failure == NULL) {
        failure = qspi_start();
    }
#endif
    return failure;
}

static void start_instruction_cache(void)
{
    SCB_ICIALLU = 0;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    SCB_CCR |= SCB_CCR_IC;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

/* What the lines hold after power-on is random: each is invalidated, by set and way (Arm DDI 0403, B2.2.7). */
static void start_data_cache(void)
{
    SCB_CSSELR = 0;
    __asm__ volatile("dsb" ::: "memory");
    const uint32_t sets = (SCB_CCSIDR >> 13 & 0x7FFFu) + 1u, ways = (SCB_CCSIDR >> 3 & 0x3FFu) + 1u;
    for (uint32_t set = 0; set < sets; set++) {
        for (uint32_t way = 0; way < ways; way++) {
            SCB_DCISW = way << 30 | set << 5;
        }
    }
    __asm__ volatile("dsb" ::: "memory");
    SCB_CCR |= SCB_CCR_DC;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void chip_accelerate(void)
{
    start_instruction_cache();
    start_data_cache();
}

const char *board_caches(void)
{
    static const char *const texts[4] = {"none", "dcache", "icache", "icache, dcache"};
    return texts[SCB_CCR / SCB_CCR_DC % 4u];
}

uint32_t board_device_id(void)
{
    return DBGMCU_IDCODE & DBGMCU_IDCODE_DEV_ID;
}
