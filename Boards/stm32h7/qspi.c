/* SPDX-License-Identifier: Apache-2.0 */
/* Two serial flash memories of Micron's MT25Q family, read in parallel through QUADSPI in its dual-flash mode, as
 * memory at 0x90000000 (RM0399, chapter QUADSPI; MT25TL01G data sheet). In this mode each command goes to both
 * memories, and bytes alternate between them. */
#include "external.h"

#include "board_chip.h"
#include "gpio.h"
#include "mpu.h"
#include "stm32h7.h"
#include "wait.h"

/* QUADSPI_CR, QUADSPI_DCR */
#define CR_EN (1u << 0)
#define CR_SSHIFT (1u << 4) /* data are sampled half a clock later */
#define CR_DFM (1u << 6)    /* dual flash */
#define CR_PRESCALER(divider) (((uint32_t)(divider)-1u) << 24)
#define CR_FIELDS (CR_EN | CR_SSHIFT | CR_DFM | 0xFFu << 24)
#define DCR_CSHT(clocks) (((uint32_t)(clocks)-1u) << 8) /* chip select high between commands */
#define DCR_FSIZE(log2) (((uint32_t)(log2)-1u) << 16)
#define DCR_FIELDS (1u | 7u << 8 | 0x1Fu << 16)

/* QUADSPI_CCR */
#define CCR_IMODE_1 (1u << 8) /* lines for the instruction */
#define CCR_IMODE_4 (3u << 8)
#define CCR_ADMODE_4 (3u << 10)
#define CCR_ADSIZE_32 (3u << 12)
#define CCR_DCYC(clocks) ((uint32_t)(clocks) << 18)
#define CCR_DMODE_1 (1u << 24)
#define CCR_DMODE_4 (3u << 24)
#define CCR_FMODE_WRITE (0u << 26)
#define CCR_FMODE_READ (1u << 26)
#define CCR_FMODE_MAPPED (3u << 26)

/* Instructions of the memory */
#define READ_STATUS 0x05u
#define WRITE_ENABLE 0x06u
#define RESET_ENABLE 0x66u
#define WRITE_VOLATILE_CONFIGURATION 0x81u
#define READ_VOLATILE_CONFIGURATION 0x85u
#define RESET_MEMORY 0x99u
#define READ_ID 0x9Fu
#define QUAD_IO_FAST_READ_4_BYTE 0xECu

#define STATUS_WRITE_IN_PROGRESS 0x0101u              /* of either memory */
#define CONFIGURATION (QSPI_DUMMY_CLOCKS << 4 | 0xBu) /* no execution in place, no wrapping */
#define CONFIGURATION_OF_BOTH (CONFIGURATION << 8 | CONFIGURATION)
#define ID_BYTES 3u
#define RESET_MICROSECONDS 50u
#define BUSY_TURNS 10000u

static const gpio_group pins[] = {QSPI_PINS};

static bool finish(void)
{
    if (!wait_for(&QUADSPI_SR, QUADSPI_SR_TCF, QUADSPI_SR_TCF)) {
        return false;
    }
    QUADSPI_FCR = QUADSPI_FCR_CTCF;
    return wait_for(&QUADSPI_SR, QUADSPI_SR_BUSY, 0);
}

/* An instruction alone, on one line or four. */
static bool instruct(uint32_t instruction, uint32_t lines)
{
    QUADSPI_CCR = instruction | lines | CCR_FMODE_WRITE;
    return finish();
}

static bool write_pair(uint32_t instruction, uint32_t pair)
{
    QUADSPI_DLR = 1; /* two bytes, one for each memory */
    QUADSPI_CCR = instruction | CCR_IMODE_1 | CCR_DMODE_1 | CCR_FMODE_WRITE;
    QUADSPI_DR_HALF = (uint16_t)pair;
    return finish();
}

static bool read_pair(uint32_t instruction, uint32_t *pair)
{
    QUADSPI_DLR = 1;
    QUADSPI_CCR = instruction | CCR_IMODE_1 | CCR_DMODE_1 | CCR_FMODE_READ;
    if (!wait_for(&QUADSPI_SR, QUADSPI_SR_TCF, QUADSPI_SR_TCF)) {
        return false;
    }
    *pair = QUADSPI_DR_HALF;
    return finish();
}

/* Another program may have left the memories with four lines for instructions: in that state they ignore what comes on
 * one line, and in the other state what comes on four. */
static bool reset_memories(void)
{
    for (uint32_t turn = 0; turn < 2; turn++) {
        const uint32_t lines = turn == 0 ? CCR_IMODE_4 : CCR_IMODE_1;
        if (!instruct(RESET_ENABLE, lines) || !instruct(RESET_MEMORY, lines)) {
            return false;
        }
        pause_microseconds(RESET_MICROSECONDS);
    }
    return true;
}

static bool wait_while_busy(void)
{
    uint32_t status = STATUS_WRITE_IN_PROGRESS;
    for (uint32_t turn = 0; turn < BUSY_TURNS && (status & STATUS_WRITE_IN_PROGRESS) != 0; turn++) {
        if (!read_pair(READ_STATUS, &status)) {
            return false;
        }
    }
    return (status & STATUS_WRITE_IN_PROGRESS) == 0;
}

static bool has_id(void)
{
    static const uint8_t id[ID_BYTES] = {0x20, 0xBA, 0x20}; /* Micron, 3 V, 512 Mbit */
    QUADSPI_DLR = 2u * ID_BYTES - 1u;
    QUADSPI_CCR = READ_ID | CCR_IMODE_1 | CCR_DMODE_1 | CCR_FMODE_READ;
    if (!wait_for(&QUADSPI_SR, QUADSPI_SR_TCF, QUADSPI_SR_TCF)) {
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < 2u * ID_BYTES; i++) {
        const uint8_t byte = QUADSPI_DR_BYTE;
        good = good && byte == id[i / 2u];
    }
    return finish() && good;
}

static bool set_dummy_clocks(void)
{
    uint32_t pair = 0;
    return instruct(WRITE_ENABLE, CCR_IMODE_1) && write_pair(WRITE_VOLATILE_CONFIGURATION, CONFIGURATION_OF_BOTH) &&
           wait_while_busy() && read_pair(READ_VOLATILE_CONFIGURATION, &pair) && pair == CONFIGURATION_OF_BOTH;
}

static void start_controller(void)
{
    gpio_connect(pins, sizeof pins / sizeof pins[0], GPIO_VERY_FAST);
    RCC_D1CCIPR &= ~RCC_D1CCIPR_QSPISEL;
    RCC_AHB3ENR |= RCC_AHB3ENR_QSPIEN;
    (void)RCC_AHB3ENR;
    QUADSPI_DCR = (QUADSPI_DCR & ~DCR_FIELDS) | DCR_FSIZE(QSPI_LOG2) | DCR_CSHT(QSPI_DESELECT_CLOCKS);
    QUADSPI_CR = (QUADSPI_CR & ~CR_FIELDS) | CR_PRESCALER(QSPI_DIVIDER) | CR_SSHIFT | CR_DFM | CR_EN;
}

/* No command before used an address, so the erratum of mapped reads after indirect ones (ES0445) does not apply. */
static void map_memories(void)
{
    QUADSPI_CCR = QUAD_IO_FAST_READ_4_BYTE | CCR_IMODE_1 | CCR_ADMODE_4 | CCR_ADSIZE_32 | CCR_DCYC(QSPI_DUMMY_CLOCKS) |
                  CCR_DMODE_4 | CCR_FMODE_MAPPED;
    mpu_region(3, QSPI_BASE,
               MPU_RASR_NORMAL_WRITE_BACK | MPU_RASR_READ_ONLY | MPU_RASR_NO_EXECUTE | MPU_RASR_SIZE(QSPI_LOG2));
}

const char *qspi_start(void)
{
    start_controller();
    if (!reset_memories()) {
        return "QUADSPI does not finish a command (QUADSPI_SR.TCF)";
    }
    if (!wait_while_busy()) {
        return "the QSPI flash stays busy (its status register)";
    }
    if (!has_id()) {
        return "the QSPI flash is not two MT25Q of 512 Mbit (identification 20 BA 20)";
    }
    if (!set_dummy_clocks()) {
        return "the QSPI flash takes no setting (volatile configuration register)";
    }
    map_memories();
    return NULL;
}
