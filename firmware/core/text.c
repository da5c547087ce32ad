/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "board.h"

#define MAX_DIGITS 20u
#define SIGNIFICANT 1000000u /* mantissa digits of put_float: one before, six behind the point */

static uint32_t length(const char *text)
{
    uint32_t count = 0;
    while (text[count] != '\0') {
        count++;
    }
    return count;
}

void put_text(const char *text)
{
    board_console_write((const uint8_t *)text, length(text));
}

void put_line(const char *text)
{
    put_text(text);
    put_text("\r\n");
}

static void put_spaces(uint32_t count)
{
    while (count-- > 0) {
        put_text(" ");
    }
}

void put_column(const char *text, uint32_t width)
{
    const uint32_t used = length(text);
    put_text(text);
    put_spaces(used < width ? width - used : 0);
}

/* Writes at least `minimum` digits; `text` has room for MAX_DIGITS + 1. Returns the first of them. */
static char *digits(uint64_t value, uint32_t minimum, char *text)
{
    char *first = text + MAX_DIGITS;
    *first = '\0';
    for (uint32_t count = 0; value != 0 || count < minimum; count++) {
        *--first = (char)('0' + value % 10u);
        value /= 10u;
    }
    return first;
}

void put_unsigned(uint64_t value, uint32_t width)
{
    char text[MAX_DIGITS + 1u];
    const char *first = digits(value, 1, text);
    const uint32_t used = length(first);
    put_spaces(used < width ? width - used : 0);
    put_text(first);
}

void put_signed(int32_t value)
{
    if (value < 0) {
        put_text("-");
    }
    put_unsigned(value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 0);
}

void put_fixed(uint64_t value, uint32_t decimals)
{
    uint64_t unit = 1;
    for (uint32_t i = 0; i < decimals; i++) {
        unit *= 10u;
    }
    char text[MAX_DIGITS + 1u];
    put_unsigned(value / unit, 0);
    put_text(".");
    put_text(digits(value % unit, decimals, text));
}

void put_hex(uint32_t value)
{
    char text[11] = "0x";
    for (uint32_t i = 0; i < 8; i++) {
        text[2u + i] = "0123456789abcdef"[(value >> (28u - 4u * i)) & 15u];
    }
    text[10] = '\0';
    put_text(text);
}

/* Scales value > 0 to 1 <= value < 10 and returns the power of ten. */
static int32_t normalise(float *value)
{
    int32_t exponent = 0;
    while (*value >= 10.0f) {
        *value /= 10.0f;
        exponent++;
    }
    while (*value < 1.0f) {
        *value *= 10.0f;
        exponent--;
    }
    return exponent;
}

static void put_magnitude(float value)
{
    int32_t exponent = value > 0.0f ? normalise(&value) : 0;
    uint32_t mantissa = (uint32_t)(value * (float)SIGNIFICANT + 0.5f);
    if (mantissa >= 10u * SIGNIFICANT) {
        mantissa /= 10u;
        exponent++;
    }
    put_fixed(mantissa, 6);
    put_text(exponent < 0 ? "e-" : "e+");
    const uint32_t power = (uint32_t)(exponent < 0 ? -exponent : exponent);
    put_text(power < 10u ? "0" : "");
    put_unsigned(power, 0);
}

void put_float(float value)
{
    if (value < 0.0f) {
        put_text("-");
        value = -value;
    }
    if (!(value >= 0.0f)) {
        put_text("nan");
    } else if (value > 3.4028234e38f) {
        put_text("inf");
    } else {
        put_magnitude(value);
    }
}
