/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of one byte as tables. */
#ifndef AI_K_TABLE_H
#define AI_K_TABLE_H

#include <stdint.h>

/* out[i] = table[in[i]], i = 0 .. count - 1; in, out and the 256 entries are bytes without a sign, whatever they stand
 * for. Goes forward, four elements at a time, each read before it is written: out may be in or begin before it. */
void ai_k_table_8(const void *in, const void *table, void *out, int32_t count);

/* out[i] = in[i] with the other top bit, i = 0 .. count - 1: uint8 x as int8 x - 128, or back. Order as above. */
void ai_k_invert_8(const void *in, void *out, int32_t count);

#endif
