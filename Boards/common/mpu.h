/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of the Armv7-M memory protection unit (Arm DDI 0403, B3.5). Where regions overlap, the one with the higher
 * number holds. */
#ifndef MPU_H
#define MPU_H

#include "cortex_m.h"

/* `base` is a multiple of the region's size; `attributes` are MPU_RASR_* with MPU_RASR_SIZE. */
static inline void mpu_region(uint32_t number, uint32_t base, uint32_t attributes)
{
    MPU_RNR = number;
    MPU_RBAR = base;
    MPU_RASR = attributes | MPU_RASR_ENABLE;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

#endif
