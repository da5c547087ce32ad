/* SPDX-License-Identifier: Apache-2.0 */
#include "ram.h"

typedef volatile uint32_t word;

static word *at(uint32_t address)
{
    return (word *)(uintptr_t)address;
}

/* Whether the word at `address` reads as `wrote`. */
static bool holds(uint32_t address, uint32_t wrote, const char *test, ram_fault *fault)
{
    const uint32_t read = *at(address);
    if (read == wrote) {
        return true;
    }
    *fault = (ram_fault){test, address, wrote, read};
    return false;
}

static bool data_lines(uint32_t address, ram_fault *fault)
{
    for (uint32_t bit = 0; bit < 32u; bit++) {
        *at(address) = 1u << bit;
        if (!holds(address, 1u << bit, "walking one", fault)) {
            return false;
        }
        *at(address) = ~(1u << bit);
        if (!holds(address, ~(1u << bit), "walking zero", fault)) {
            return false;
        }
    }
    return true;
}

static bool byte_lanes(uint32_t address, ram_fault *fault)
{
    for (uint32_t lane = 0; lane < 4u; lane++) {
        *at(address) = 0;
        *(volatile uint8_t *)(uintptr_t)(address + lane) = 0xFFu;
        if (!holds(address, 0xFFu << 8u * lane, "byte lane", fault)) {
            return false;
        }
    }
    return true;
}

/* Each word is its address, or the complement of it: `flip` is 0 or all ones. */
static bool upwards(uint32_t start, uint32_t end, uint32_t flip, ram_fault *fault)
{
    for (uint32_t address = start; address != end; address += 4u) {
        *at(address) = address ^ flip;
    }
    for (uint32_t address = start; address != end; address += 4u) {
        if (!holds(address, address ^ flip, "own address", fault)) {
            return false;
        }
    }
    return true;
}

/* From the last word on: reads what `upwards` left and writes its complement, then reads that. */
static bool downwards(uint32_t start, uint32_t end, uint32_t flip, ram_fault *fault)
{
    for (uint32_t address = end; address != start;) {
        address -= 4u;
        if (!holds(address, address ^ flip, "disturbed address", fault)) {
            return false;
        }
        *at(address) = ~(address ^ flip);
    }
    for (uint32_t address = end; address != start;) {
        address -= 4u;
        if (!holds(address, ~(address ^ flip), "complement of address", fault)) {
            return false;
        }
    }
    return true;
}

bool ram_test(uint32_t start, uint32_t bytes, ram_fault *fault)
{
    const uint32_t end = start + bytes;
    return data_lines(start, fault) && data_lines(end - 4u, fault) && byte_lanes(start, fault) &&
           upwards(start, end, 0, fault) && downwards(start, end, 0, fault);
}

uint32_t ram_crc(uint32_t start, uint32_t bytes)
{
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < bytes; i++) {
        crc ^= *(const volatile uint8_t *)(uintptr_t)(start + i);
        for (uint32_t bit = 0; bit < 8u; bit++) {
            crc = crc >> 1 ^ ((0u - (crc & 1u)) & 0xEDB88320u);
        }
    }
    return ~crc;
}
