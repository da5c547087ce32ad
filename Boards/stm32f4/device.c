/* SPDX-License-Identifier: Apache-2.0 */
/* What an STM32F4 says of itself, and its flash accelerator. */
#include "board.h"
#include "chip.h"
#include "stm32f4.h"

void chip_protect(void)
{
}

const char *memories_start(void)
{
    return NULL;
}

/* The ART accelerator: both caches in front of the flash, and prefetch. Reset has left them empty and off. */
void chip_accelerate(void)
{
    FLASH_ACR |= FLASH_ACR_ICEN | FLASH_ACR_DCEN | FLASH_ACR_PRFTEN;
}

const char *board_caches(void)
{
    static const char *const texts[8] = {
        "none",
        "prefetch",
        "flash instruction",
        "flash instruction, prefetch",
        "flash data",
        "flash data, prefetch",
        "flash instruction, flash data",
        "flash instruction, flash data, prefetch",
    };
    return texts[FLASH_ACR / FLASH_ACR_PRFTEN % 8u];
}

uint32_t board_device_id(void)
{
    return BOARD_EMULATED ? BOARD_DEVICE_ID : DBGMCU_IDCODE & DBGMCU_IDCODE_DEV_ID;
}
