/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly kernels and their C twins give the same bytes: random layers, every count of steps around the unrolled
 * loops. The twins are the same sources compiled with AI_K_PORTABLE and other names (see test_runtime_d8.py). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ai_k_conv_d8.h"
#include "ai_k_dense_d8.h"
#include "check.h"

enum { MOST_STEPS = 40, MOST_CHUNKED = 100, MOST_GROUPS = 3, MOST_DEPTH = 200, LAYERS = 400 };

void twin_columns_s8(int32_t *columns, const int8_t *first, const int8_t *second, int32_t count, int32_t rows,
                     int32_t pitch);
void twin_columns_quad_s8(int32_t *columns, const int8_t *first, const int8_t *second, const int8_t *third,
                          const int8_t *fourth, int32_t count, int32_t rows, int32_t pitch);
void twin_conv_d8_quad_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                          int32_t steps, int32_t groups, int32_t quads, int32_t zero_point);
void twin_conv_d8_quad_linear_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                                 int32_t steps, int32_t groups, int32_t quads, int32_t zero_point);
void twin_conv_d8_quad_deep_s8(int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                               int32_t groups, int32_t quads, int32_t zero_point);
void twin_conv_d8_quad_deep_linear_s8(int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                                      int32_t steps, int32_t groups, int32_t quads, int32_t zero_point);
void twin_columns_clipped_s8(int32_t *columns, int32_t pixels, const int8_t *image, const int32_t *patch, int32_t row,
                             int32_t column);
void twin_conv_d8_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride, int32_t steps,
                     int32_t groups, int32_t zero_point);
void twin_conv_d8_linear_s8(const int32_t *columns, const int32_t *records, int8_t *out, int32_t out_stride,
                            int32_t steps, int32_t groups, int32_t zero_point);
void twin_dense_d8_s8(int32_t *sums, const int32_t *records, const int8_t *in, const int32_t *scales, int8_t *out,
                      int32_t depth, int32_t groups, int32_t per_row, int32_t zero_point);

unsigned check_failures;
static uint32_t state = 20260102u;
static int8_t values[1024];
static int32_t records[MOST_GROUPS * (9 + 2 * MOST_DEPTH)], scales[2 * 8 * MOST_GROUPS];
static int32_t columns[2][3 * (4 * MOST_CHUNKED + 8) + 32 * MOST_STEPS];
static int8_t out[2][96];

/* 0 .. bound - 1 */
static int32_t draw(int32_t bound)
{
    state = state * 1664525u + 1013904223u;
    return (int32_t)((state >> 8) % (uint32_t)bound);
}

/* Two halfwords that each hold a pair of weights. */
static int32_t weight_word(void)
{
    const int32_t low = 256 * (draw(255) - 127) + draw(255) - 127;
    const int32_t high = 256 * (draw(255) - 127) + draw(255) - 127;
    return (int32_t)(((uint32_t)low & 0xffffu) | (uint32_t)high << 16);
}

static int32_t draw_multiplier(void)
{
    return draw(8) == 0 ? 0 : (1 << 30) + draw(1 << 15) * 32768 + draw(32768);
}

/* 256 * odd + even bias; the sums stay below 2^23 in magnitude for the counts of steps here. */
static void draw_bias(int32_t *mixed, int32_t *even)
{
    *even = draw(1 << 20) - (1 << 19);
    *mixed = (int32_t)(256u * (uint32_t)(draw(1 << 20) - (1 << 19)) + (uint32_t)*even);
}

static int32_t draw_zero_point(void)
{
    return draw(2) == 0 ? -128 : draw(256) - 128;
}

static void fill_values(void)
{
    for (size_t i = 0; i < sizeof values; i++) {
        values[i] = (int8_t)(draw(256) - 128);
    }
}

static void start_outputs(void)
{
    memset(columns, 0, sizeof columns);
    memset(out, 0x5a, sizeof out);
}

static void test_columns(void)
{
    const int32_t count = 1 + draw(20), rows = 1 + draw(3), pitch = count + draw(9);
    const int8_t *const second = values + draw(40);
    start_outputs();
    ai_k_columns_s8(columns[0], values, second, count, rows, pitch);
    twin_columns_s8(columns[1], values, second, count, rows, pitch);
    CHECK(memcmp(columns[0], columns[1], sizeof columns[0]) == 0);
}

/* Two pixels side by side, three taps. */
static void test_columns_beside(void)
{
    const int32_t depth = 4 * (1 + draw(8)), rows = 1 + draw(3), pitch = 3 * depth + draw(40);
    const int8_t *const first = values + draw(40);
    start_outputs();
    ai_k_columns_s8(columns[0], first, first + depth, 3 * depth, rows, pitch);
    twin_columns_s8(columns[1], first, first + depth, 3 * depth, rows, pitch);
    CHECK(memcmp(columns[0], columns[1], sizeof columns[0]) == 0);
}

static void test_quad_columns(void)
{
    const int32_t count = 1 + draw(12), rows = 1 + draw(3), pitch = count + draw(9);
    const int8_t *const second = values + draw(40), *const third = values + draw(40);
    start_outputs();
    ai_k_columns_quad_s8(columns[0], values, second, third, values + 5, count, rows, pitch);
    twin_columns_quad_s8(columns[1], values, second, third, values + 5, count, rows, pitch);
    CHECK(memcmp(columns[0], columns[1], sizeof columns[0]) == 0);
}

/* The value of a patch at a tap's channel, by definition. */
static int32_t patch_value(const int32_t *patch, int32_t row, int32_t column, int32_t channel)
{
    const int inside = row >= 0 && row < patch[AI_K_HEIGHT] && column >= 0 && column < patch[AI_K_WIDTH];
    return inside ? values[(row * patch[AI_K_WIDTH] + column) * patch[AI_K_CHANNELS] + channel]
                  : patch[AI_K_ZERO_POINT];
}

/* Counts the values of a kernel row that do not stand where ai_k_conv_d8.h says. */
static int32_t misplaced(const int32_t *steps, int32_t n, const int32_t *patch, int32_t row, int32_t column)
{
    const int32_t depth = patch[AI_K_DEPTH], count = patch[AI_K_TAPS] * depth;
    int32_t wrong = 0;
    for (int32_t k = 0; k < count; k++) {
        const int32_t left = count - k / 4 * 4, of_two = left == 2;
        const int32_t step = k / 4 * 2 + (of_two ? 0 : k % 2), half = of_two ? k % 2 : k % 4 / 2;
        const int32_t value = patch_value(patch, row, column + k / depth * patch[AI_K_TAP_DILATION], k % depth);
        wrong += (int16_t)(uint16_t)((uint32_t)steps[step * n] >> (16 * half)) != value;
    }
    return wrong;
}

static void test_clipped_columns(void)
{
    const int32_t channels = draw(3) == 0 ? 4 * (1 + draw(6)) : 1 + draw(6),
                  depth = draw(2) == 0 ? channels : 1 + draw(channels);
    const int32_t patch[] = {1 + draw(6), 1 + draw(6), channels,    depth,          1 + draw(5),
                             1 + draw(4), 1 + draw(2), 1 + draw(2), draw(256) - 128};
    const int32_t row = draw(9) - 4, column = draw(9) - 4, pixels = 2 + 2 * draw(2);
    start_outputs();
    ai_k_columns_clipped_s8(columns[0], pixels, values, patch, row, column);
    twin_columns_clipped_s8(columns[1], pixels, values, patch, row, column);
    CHECK(memcmp(columns[0], columns[1], sizeof columns[0]) == 0);
    for (int32_t i = 0; i < patch[AI_K_ROWS]; i++) {
        const int32_t *const steps = columns[0] + i * pixels * AI_K_STEPS(patch[AI_K_TAPS] * depth);
        CHECK(misplaced(steps, pixels, patch, row + i * patch[AI_K_ROW_DILATION], column) == 0);
    }
}

static void test_convolution(void)
{
    const int32_t steps = 1 + draw(MOST_STEPS), groups = 1 + draw(MOST_GROUPS), words = 9 + 2 * steps;
    for (int32_t group = 0; group < groups; group++) {
        int32_t *const record = records + group * words;
        draw_bias(record, record + 2);
        draw_bias(record + 1, record + 3);
        for (int32_t i = 0; i < 2 * steps; i++) {
            record[4 + i] = weight_word();
        }
        int32_t *const tail = record + 4 + 2 * steps;
        tail[0] = draw(23) | draw(23) << 8 | draw(23) << 16 | draw(23) << 24;
        for (int32_t i = 1; i <= 4; i++) {
            tail[i] = draw_multiplier();
        }
    }
    start_outputs();
    ai_k_columns_s8(columns[0], values + draw(64), values + draw(64), 2 * steps, 1, 0);
    const int32_t zero_point = draw_zero_point(), stride = 4 * groups + draw(5);
    ai_k_conv_d8_s8(columns[0], records, out[0], stride, steps, groups, zero_point);
    twin_conv_d8_s8(columns[0], records, out[1], stride, steps, groups, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
    memset(out[0], 0x5a, sizeof out[0]);
    ai_k_conv_d8_m4_s8(columns[0], records, out[0], stride, steps, groups, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
    twin_conv_d8_linear_s8(columns[0], records, out[1], stride, steps, groups, zero_point);
    ai_k_conv_d8_linear_s8(columns[0], records, out[0], stride, steps, groups, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
    memset(out[0], 0x5a, sizeof out[0]);
    ai_k_conv_d8_linear_m4_s8(columns[0], records, out[0], stride, steps, groups, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

static void draw_pairs(int32_t steps, int32_t groups)
{
    for (int32_t group = 0; group < groups; group++) {
        int32_t *const record = records + group * (5 + steps);
        draw_bias(record, record + 1);
        record[2] = draw_multiplier();
        record[3] = draw_multiplier();
        record[4] = draw(16) | draw(16) << 8;
        for (int32_t i = 0; i < steps; i++) {
            record[5 + i] = weight_word();
        }
    }
}

static void test_quads(void)
{
    const int32_t steps = 1 + draw(AI_K_QUAD_STEPS), groups = 1 + draw(MOST_GROUPS), quads = 1 + draw(3);
    draw_pairs(steps, groups);
    start_outputs();
    ai_k_columns_quad_s8(columns[0], values, values + draw(64), values + 7, values + draw(64), 2 * steps, quads, 100);
    const int32_t zero_point = draw_zero_point(), stride = 2 * groups + draw(2);
    ai_k_conv_d8_quad_s8(columns[0], records, out[0], stride, steps, groups, quads, zero_point);
    twin_conv_d8_quad_s8(columns[0], records, out[1], stride, steps, groups, quads, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
    ai_k_conv_d8_quad_linear_s8(columns[0], records, out[0], stride, steps, groups, quads, zero_point);
    twin_conv_d8_quad_linear_s8(columns[0], records, out[1], stride, steps, groups, quads, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

static void test_chunks(void)
{
    const int32_t steps = AI_K_QUAD_STEPS + 1 + draw(MOST_CHUNKED - AI_K_QUAD_STEPS), groups = 1 + draw(MOST_GROUPS),
                  quads = 1 + draw(3);
    draw_pairs(steps, groups);
    start_outputs();
    ai_k_columns_quad_s8(columns[0], values, values + draw(64), values + 7, values + draw(64), 2 * steps, quads, 200);
    const int32_t zero_point = draw_zero_point(), stride = 2 * groups + draw(2);
    ai_k_conv_d8_quad_deep_s8(columns[0], records, out[0], stride, steps, groups, quads, zero_point);
    twin_conv_d8_quad_deep_s8(columns[0], records, out[1], stride, steps, groups, quads, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
    ai_k_conv_d8_quad_deep_linear_s8(columns[0], records, out[0], stride, steps, groups, quads, zero_point);
    twin_conv_d8_quad_deep_linear_s8(columns[0], records, out[1], stride, steps, groups, quads, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

static void test_dense(void)
{
    const int32_t depth = 4 * (1 + draw(MOST_DEPTH / 4)), groups = 1 + draw(MOST_GROUPS);
    for (int32_t i = 0; i < 8 * groups; i += 8) {
        for (int32_t pair = 0; pair < 4; pair++) {
            draw_bias(records + i + pair, records + i + 4 + pair);
        }
    }
    for (int32_t i = 8 * groups; i < (8 + 2 * depth) * groups; i++) {
        records[i] = weight_word();
    }
    for (int32_t i = 0; i < 8 * groups; i++) {
        scales[2 * i] = draw(22);
        scales[2 * i + 1] = draw_multiplier();
    }
    const int8_t *const in = values + draw(64);
    const int32_t per_row = draw(2), zero_point = draw_zero_point();
    int32_t *const sums = columns[0];
    start_outputs();
    ai_k_dense_d8_s8(sums, records, in, scales, out[0], depth, groups, per_row, zero_point);
    twin_dense_d8_s8(sums, records, in, scales, out[1], depth, groups, per_row, zero_point);
    CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
}

int main(void)
{
    for (int i = 0; i < LAYERS; i++) {
        fill_values();
        test_columns();
        test_columns_beside();
        test_quad_columns();
        test_clipped_columns();
        test_convolution();
        test_quads();
        test_chunks();
        test_dense();
    }
    (void)printf("%u failures\n", check_failures);
    return check_failures == 0 ? 0 : 1;
}
