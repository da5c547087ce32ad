/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include "board.h"

void line_read(char *text, size_t size)
{
    size_t used = 0;
    for (;;) {
        const int byte = board_console_read();
        if (byte < 0) {
            board_idle();
        } else if (byte == '\r' || byte == '\n') {
            if (used > 0) {
                text[used] = '\0';
                return;
            }
        } else if (used + 1u < size) {
            text[used++] = (char)byte;
        }
    }
}

int line_byte(uint32_t milliseconds)
{
    const uint32_t start = board_milliseconds();
    for (;;) {
        const int byte = board_console_read();
        if (byte >= 0 || board_milliseconds() - start > milliseconds) {
            return byte;
        }
        board_idle();
    }
}

static void skip_spaces(const char **text)
{
    while (**text == ' ') {
        (*text)++;
    }
}

bool line_take(const char **text, const char *word)
{
    const char *rest = *text;
    while (*word != '\0' && *rest == *word) {
        rest++;
        word++;
    }
    if (*word != '\0' || (*rest != ' ' && *rest != '\0')) {
        return false;
    }
    *text = rest;
    skip_spaces(text);
    return true;
}

bool line_number(const char **text, uint32_t *value)
{
    uint32_t number = 0;
    const char *digit = *text;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        const uint32_t add = (uint32_t)(*digit - '0');
        if (number > (UINT32_MAX - add) / 10u) {
            return false;
        }
        number = number * 10u + add;
    }
    if (digit == *text || (*digit != ' ' && *digit != '\0')) {
        return false;
    }
    *value = number;
    *text = digit;
    skip_spaces(text);
    return true;
}

static int32_t nibble(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int32_t line_bytes(const char **text, uint8_t *bytes, uint32_t size)
{
    uint32_t count = 0;
    for (const char *digit = *text; *digit != '\0'; digit += 2) {
        const int32_t high = nibble(digit[0]), low = digit[1] == '\0' ? -1 : nibble(digit[1]);
        if (high < 0 || low < 0 || count == size) {
            return -1;
        }
        bytes[count++] = (uint8_t)(high * 16 + low);
    }
    return (int32_t)count;
}

void put_bytes(const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t text[2] = {(uint8_t) "0123456789abcdef"[bytes[i] >> 4],
                                 (uint8_t) "0123456789abcdef"[bytes[i] & 15u]};
        board_console_write(text, sizeof text);
    }
}
