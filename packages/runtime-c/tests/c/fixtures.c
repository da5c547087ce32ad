/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"

#include <stdlib.h>
#include <string.h>

void *aligned_heap(size_t bytes)
{
    void *const memory = malloc(bytes);
    if (memory == NULL || (uintptr_t)memory % AI_POOL_ALIGNMENT != 0u) {
        abort();
    }
    return memory;
}

void fill_noise(uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (uint8_t)(rand() & 0xff);
    }
}

tiny_expectation fill_tiny(ai_handle handle)
{
    static const int16_t weights[3] = {2, 3, -4};
    tiny_expectation expected = {{0}, 0};
    int8_t *const image = (int8_t *)get_dltensor(ai_get_input(handle, 0))->data;
    float *const bias = (float *)get_dltensor(ai_get_input(handle, 1))->data;
    for (int32_t i = 0; i < 12; i++) {
        const int16_t pixel = (int16_t)(rand() % 256 - 128);
        image[i] = (int8_t)pixel;
        expected.products[i] = (int16_t)(pixel * weights[i % 3]);
        expected.sum += expected.products[i];
    }
    for (int32_t i = 0; i < 3; i++) {
        const int32_t value = rand() % 1000;
        bias[i] = (float)value;
        expected.sum += value;
    }
    return expected;
}

bool tiny_is(ai_handle handle, const tiny_expectation *expected)
{
    const void *const products = get_dltensor(ai_get_output(handle, 0))->data;
    const void *const sum = get_dltensor(ai_get_output(handle, 1))->data;
    return memcmp(products, expected->products, sizeof expected->products) == 0 &&
           memcmp(sum, &expected->sum, sizeof expected->sum) == 0;
}

bool run_tiny(ai_handle handle, ai_status (*run)(ai_handle handle))
{
    const tiny_expectation expected = fill_tiny(handle);
    return run(handle) == AI_STATUS_OK && tiny_is(handle, &expected);
}

void bind_ranks(ai_handle handle, ranks_io *io)
{
    void *const data[7] = {&io->r0, io->r1, io->r2, io->r3, io->r4, io->r5, io->r6};
    memset(io, 0, sizeof *io);
    for (int32_t i = 0; i < 7; i++) {
        get_dltensor(ai_get_input(handle, i))->data = data[i];
    }
    get_dltensor(ai_get_output(handle, 0))->data = &io->sum;
}

int64_t fill_ranks(ranks_io *io)
{
    io->r0 = (int8_t)(rand() % 256 - 128);
    int64_t sum = io->r0;
    for (int32_t i = 0; i < 2; i++) {
        io->r1[i] = (uint8_t)(rand() % 256);
        io->r2[i] = (int16_t)(rand() % 65536 - 32768);
        io->r3[i] = rand();
        const int32_t whole = rand() % 1000000;
        io->r4[i] = (float)whole;
        io->r5[i] = (int64_t)rand() * 4 - 3;
        io->r6[i] = rand() % 2 == 1;
        sum += (int64_t)io->r1[i] + io->r2[i] + io->r3[i] + whole + io->r5[i] + (io->r6[i] ? 1 : 0);
    }
    return sum;
}
