/* SPDX-License-Identifier: Apache-2.0 */
/* Commands arrive as lines of words, answers leave as lines that begin with a colon; numbers are decimal, bytes
 * hexadecimal digits. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest command: 64 bytes as digits, its name and two numbers. */
#define LINE_SIZE 176u

/* Reads a command without its end; waits for it. The rest of a longer one is dropped. */
void line_read(char *text, size_t size);

/* Whether the next word is `word`; if so, *text goes on to the word behind it. */
bool line_take(const char **text, const char *word);

/* The next word as an unsigned number; false if it is none. */
bool line_number(const char **text, uint32_t *value);

/* The next word as bytes, at most `size`; their count, or -1 if it is no even number of hexadecimal digits. */
int32_t line_bytes(const char **text, uint8_t *bytes, uint32_t size);

/* The next byte of the console; -1 after about `milliseconds` without one. */
int line_byte(uint32_t milliseconds);

void put_bytes(const uint8_t *bytes, uint32_t count);

#endif
