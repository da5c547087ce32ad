/* SPDX-License-Identifier: Apache-2.0 */
/* Prints values with each function of text.h, one a line. */
#include <string.h>

#include "text.h"

#include "board.h"

static void put_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    put_hex(bits);
    put_text(" ");
    put_float(value);
    put_line("");
}

static void put_integers(void)
{
    static const uint64_t values[] = {0, 9, 10, 4294967295u, 4294967296u, UINT64_MAX};
    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        put_unsigned(values[i], 0);
        put_text("|");
        put_unsigned(values[i], 12);
        put_text("|");
        put_fixed(values[i], 3);
        put_line("");
    }
    put_signed(INT32_MIN);
    put_text("|");
    put_signed(-1);
    put_text("|");
    put_signed(INT32_MAX);
    put_text("|");
    put_column("ab", 4);
    put_line("|");
}

int app_main(void)
{
    put_integers();
    uint32_t bits = 1;
    for (uint32_t i = 0; i < 400; i++) {
        put_bits(bits);
        bits = bits * 1664525u + 1013904223u;
    }
    put_bits(0);
    put_bits(0x80000000u);
    put_bits(0x7F800000u);
    put_bits(0xFF800000u);
    put_bits(0x7F7FFFFFu);
    put_bits(0x7FC00000u);
    return 0;
}
