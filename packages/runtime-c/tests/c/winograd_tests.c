/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly of ai_k_conv_winograd.c and its C twin give the same numbers on random layers (see d8_tests.c). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ai_k_conv_winograd.h"
#include "check.h"

enum { MOST_DEPTH = 32, MOST_ROWS = 3, MOST_KEPT = 5, MOST_PIXELS = 60, LAYERS = 300 };

void twin_winograd_weights_s8(int32_t *weights, const int8_t *from, const int32_t *layer);
void twin_winograd_values_s8(int32_t *values, const int8_t *image, const int32_t *layer, int8_t *columns, int32_t kept,
                             int32_t row, int32_t column);
void twin_winograd_multiply(int32_t *products, const int32_t *weights, const int32_t *values, int32_t kept,
                            int32_t first, int32_t rows, int32_t depth, int32_t weight_rows);
void twin_winograd_output_s8(int8_t *out, const int32_t *products, const int32_t *record, int32_t out_stride,
                             int32_t count, int32_t zero_point);

unsigned check_failures;
static uint32_t state = 20261125u;
static int8_t image[MOST_PIXELS * MOST_DEPTH], raw[4 * MOST_ROWS * 3 * MOST_DEPTH], columns[10 * MOST_DEPTH];
static int32_t weights[2][6 * MOST_ROWS * MOST_DEPTH * 2], values[2][6 * MOST_KEPT * MOST_DEPTH], products[2][48];
static int8_t out[2][80];

/* 0 .. bound - 1 */
static int32_t draw(int32_t bound)
{
    state = state * 1664525u + 1013904223u;
    return (int32_t)((state >> 8) % (uint32_t)bound);
}

static void fill(int8_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = (int8_t)(draw(256) - 128);
    }
}

static void test_products(void)
{
    const int32_t depth = 16 * (1 + draw(MOST_DEPTH / 16)), rows = 1 + draw(MOST_ROWS);
    const int32_t height = rows + draw(MOST_KEPT + 1 - rows), width = 1 + draw(MOST_PIXELS / height);
    const int32_t layer[] = {height, width, depth, rows, draw(256) - 128};
    const int32_t column = draw(width + 2) - 2;
    ai_k_winograd_weights_s8(weights[0], raw, layer);
    twin_winograd_weights_s8(weights[1], raw, layer);
    for (int32_t row = 0; row <= height; row++) {
        ai_k_winograd_values_s8(values[0], image, layer, columns, MOST_KEPT, row, column);
        twin_winograd_values_s8(values[1], image, layer, columns, MOST_KEPT, row, column);
    }
    CHECK(memcmp(weights[0], weights[1], sizeof weights[0]) == 0);
    CHECK(memcmp(values[0], values[1], sizeof values[0]) == 0);
    const int32_t first = draw(MOST_KEPT), taken = 1 + draw(rows);
    ai_k_winograd_multiply(products[0], weights[0], values[0], MOST_KEPT, first, taken, depth, rows);
    twin_winograd_multiply(products[1], weights[0], values[0], MOST_KEPT, first, taken, depth, rows);
    CHECK(memcmp(products[0], products[1], sizeof products[0]) == 0);
}

/* Products of small sums: 8 tiles of the numbers that give outputs below 2^23. */
static void test_outputs(void)
{
    int32_t record[9], made[48];
    for (int32_t i = 0; i < 48; i++) {
        made[i] = 12 * (draw(1 << 16) - (1 << 15));
    }
    for (int32_t i = 0; i < 4; i++) {
        record[i] = draw(1 << 20) - (1 << 19);
        record[5 + i] = (1 << 30) + draw(1 << 15) * 32768 + draw(32768);
    }
    record[4] = draw(23) | draw(23) << 8 | draw(23) << 16 | draw(23) << 24;
    const int32_t stride = 4 + draw(5), count = 1 + draw(8), zero_point = draw(2) == 0 ? -128 : draw(256) - 128;
    memset(out, 0x5a, sizeof out);
    ai_k_winograd_output_s8(out[0], made, record, stride, count, zero_point);
    twin_winograd_output_s8(out[1], made, record, stride, count, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

int main(void)
{
    for (int i = 0; i < LAYERS; i++) {
        fill(image, sizeof image);
        fill(raw, sizeof raw);
        test_products();
        test_outputs();
    }
    (void)printf("%u failures\n", check_failures);
    return check_failures == 0 ? 0 : 1;
}
