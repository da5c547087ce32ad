/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <string.h>

uint32_t random_next(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}

static void store_float(uint8_t *to, uint32_t size, uint32_t bits)
{
    const float value = (float)(bits >> 8) * (2.0f / 16777216.0f) - 1.0f;
    if (size == sizeof(value)) {
        memcpy(to, &value, sizeof(value));
    }
}

static void store_element(uint8_t *to, DLDataType dtype, uint32_t bits)
{
    const uint32_t size = ((uint32_t)dtype.bits * dtype.lanes + 7u) / 8u;
    if (dtype.code == kDLFloat) {
        store_float(to, size, bits);
        return;
    }
    if (dtype.code == kDLBool) {
        bits &= 1u;
    } else if (size > 2u) {
        bits &= 127u;
    }
    for (uint32_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(i < 4u ? bits >> (8u * i) : 0u);
    }
}

void random_fill(const ai_tensor *tensor, uint32_t *state)
{
    const uint32_t elements = get_tensor_elts(tensor);
    const uint32_t size = elements > 0 ? get_tensor_size(tensor) / elements : 0;
    uint8_t *to = tensor->dltensor.data;
    for (uint32_t i = 0; to != NULL && i < elements; i++, to += size) {
        store_element(to, tensor->dltensor.dtype, random_next(state));
    }
}
