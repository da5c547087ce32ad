/* SPDX-License-Identifier: Apache-2.0 */
/* Products that no compiler fuses with a sum; no part of the interface. */
#ifndef AI_K_ALONE_H
#define AI_K_ALONE_H

#include "ai_k_window_f32.h"

/* The value as it is stored in 32 bits: no compiler fuses what made it with what comes. */
static inline float ai_k_alone(float value)
{
#if AI_K_FPU
    __asm__("" : "+t"(value));
    return value;
#else
    const volatile float stored = value;
    return stored;
#endif
}

/* a * b, rounded. */
static inline float ai_k_product(float a, float b)
{
    return ai_k_alone(a * b);
}

#endif
