/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_table.h"

#include <string.h>

void ai_k_table_8(const void *in, const void *table, void *out, int32_t count)
{
    const uint8_t *from = in, *entries = table;
    uint8_t *to = out;
    const uint8_t *const end = from + (count & ~3);
    while (from != end) {
        uint32_t word;
        memcpy(&word, from, sizeof word);
        const uint32_t first = entries[word & 255u], second = entries[(word >> 8) & 255u];
        const uint32_t third = entries[(word >> 16) & 255u], fourth = entries[word >> 24];
        word = first | (second << 8) | (third << 16) | (fourth << 24);
        memcpy(to, &word, sizeof word);
        from += 4;
        to += 4;
    }
    for (int32_t i = 0; i < (count & 3); i++) {
        to[i] = entries[from[i]];
    }
}

void ai_k_invert_8(const void *in, void *out, int32_t count)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    const uint8_t *const end = from + (count & ~3);
    while (from != end) {
        uint32_t word;
        memcpy(&word, from, sizeof word);
        word ^= 0x80808080u;
        memcpy(to, &word, sizeof word);
        from += 4;
        to += 4;
    }
    for (int32_t i = 0; i < (count & 3); i++) {
        to[i] = (uint8_t)(from[i] ^ 0x80u);
    }
}
