/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of two int8 tensors as one linear form. */
#ifndef AI_K_ADD_H
#define AI_K_ADD_H

#include <stdint.h>

/* out[i] = saturate((constant + floor(left * a[i] / 256) + floor(right * b[i] / 256)) >> q), i = 0 .. count - 1, where
 * q is 22, 21 or 20 as the name says; no partial sum may leave 32 bits. Goes forward, four elements at a time, each
 * read before it is written: out may be a or b, or begin before them. */
void ai_k_add_q22_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t left, int32_t right,
                     int32_t constant);
void ai_k_add_q21_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t left, int32_t right,
                     int32_t constant);
void ai_k_add_q20_s8(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t left, int32_t right,
                     int32_t constant);

#endif
