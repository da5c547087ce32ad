/* SPDX-License-Identifier: Apache-2.0 */
/* Random tensors that every run and every board repeats. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

#include "ai_runtime_api.h"

/* The next value of the sequence (xorshift32, Marsaglia 2003: 13, 17, 5). *state is never 0. */
uint32_t random_next(uint32_t *state);

/* Fills a tensor: 8- and 16-bit integers with any value, wider ones with 0..127 (they are often indices), bool with 0
 * or 1, float with [-1, 1). A tensor without memory is left alone. */
void random_fill(const ai_tensor *tensor, uint32_t *state);

#endif
