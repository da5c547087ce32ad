/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RAM_H
#define RAM_H

#include <stdbool.h>
#include <stdint.h>

/* The first word that did not hold what was written to it, and the test that found it. */
typedef struct {
    const char *test;
    uint32_t address, wrote, read;
} ram_fault;

/* Tests RAM that nobody uses, from a word on; its content is lost. Data lines by walking ones and zeros, byte lanes by
 * single bytes, then every word with its own address and with the complement of it, upwards and downwards, so that
 * stuck bits, address lines that are open or shorted and cells that disturb others show up. */
bool ram_test(uint32_t start, uint32_t bytes, ram_fault *fault);

/* CRC-32 of any memory (reflected polynomial EDB88320, as in zlib), as the core reads it. */
uint32_t ram_crc(uint32_t start, uint32_t bytes);

#endif
