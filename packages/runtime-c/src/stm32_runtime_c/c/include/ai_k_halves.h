/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of int16 in a word, in C: what SADD16, SSUB16 and SXTB16 compute. */
#ifndef AI_K_HALVES_H
#define AI_K_HALVES_H

#include <stdint.h>

static inline uint32_t halves(uint32_t low, uint32_t high)
{
    return (low & 0xffffu) | high << 16;
}

/* Halves of a + b. */
static inline uint32_t add(uint32_t a, uint32_t b)
{
    return halves(a + b, (a >> 16) + (b >> 16));
}

/* Halves of a - b. */
static inline uint32_t subtract(uint32_t a, uint32_t b)
{
    return halves(a - b, (a >> 16) - (b >> 16));
}

/* Bytes 0 and 2, signed. */
static inline uint32_t even(uint32_t word)
{
    return halves((uint32_t)(int8_t)(uint8_t)word, (uint32_t)(int8_t)(uint8_t)(word >> 16));
}

/* Bytes 1 and 3, signed. */
static inline uint32_t odd(uint32_t word)
{
    return even(word >> 8);
}

static inline uint32_t twice(uint32_t a)
{
    return add(a, a);
}

#endif
