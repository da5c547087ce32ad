/* SPDX-License-Identifier: Apache-2.0 */
/* Text on the console: what printf would be needed for, in a few hundred bytes. Lines end with CR LF. */
#ifndef TEXT_H
#define TEXT_H

#include <stdint.h>

void put_text(const char *text);
void put_line(const char *text);

/* Text in a column of `width` characters, left-aligned. */
void put_column(const char *text, uint32_t width);

/* Decimal, right-aligned in at least `width` characters. */
void put_unsigned(uint64_t value, uint32_t width);
void put_signed(int32_t value);

/* value / 10^decimals, e.g. (12345, 3) is 12.345. decimals: 1..9. */
void put_fixed(uint64_t value, uint32_t decimals);

/* 0x and 8 digits. */
void put_hex(uint32_t value);

/* Six significant digits with an exponent, e.g. 3.906250e-03; "inf", "nan". */
void put_float(float value);

#endif
