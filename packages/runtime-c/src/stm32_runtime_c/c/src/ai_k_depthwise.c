/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_depthwise.h"

#include "ai_k_arith.h"
#include "ai_k_depthwise_dsp.h"

#define LANES 4
#define RECORD 5

static inline int32_t pair_of(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)low & 0xffffu) | ((uint32_t)high << 16));
}

void ai_k_depthwise_clear_s8(int32_t *pairs, int32_t count, int32_t zero_point)
{
    for (int32_t i = 0; i < count; i++) {
        pairs[i] = pair_of(zero_point, zero_point);
    }
}

/* ai_k_depthwise_widen for 1 to 4 channels. */
static void widen_lanes(int32_t *pairs, const widen_rows *rows, int32_t lanes)
{
    const int8_t *first = rows->first, *second = rows->second;
    const int32_t columns = rows->bytes / (LANES * (int32_t)sizeof *pairs);
    for (int32_t pair = 0; pair < rows->count; pair++) {
        for (int32_t column = 0; column < columns; column++) {
            for (int32_t lane = 0; lane < lanes; lane++) {
                pairs[lane] = pair_of(first[lane], second[lane]);
            }
            pairs += LANES;
            first += rows->first_step;
            second += rows->second_step;
        }
        first += rows->advance;
        second += rows->advance;
        pairs += rows->skip / (int32_t)sizeof *pairs;
    }
}

static inline void widen(int32_t *pairs, const widen_rows *rows, int32_t lanes)
{
#if AI_K_DSP
    if (lanes == LANES) {
        ai_k_depthwise_widen(pairs, rows);
        return;
    }
#endif
    widen_lanes(pairs, rows, lanes);
}

void ai_k_depthwise_pairs_s8(int32_t *pairs, const int8_t *x, int32_t row, int32_t count, int32_t height, int32_t width,
                             int32_t channels, int32_t lanes, int32_t left, int32_t columns, int32_t zero_point)
{
    const int8_t zero = (int8_t)zero_point;
    const int8_t outside[LANES] = {zero, zero, zero, zero};
    const int32_t taken = width < columns - left ? width : columns - left;
    const int32_t line = width * channels;
    const int32_t word = (int32_t)sizeof *pairs;
    widen_rows rows = {
        outside, outside, 0, 0, taken * LANES * word, 2 * line - taken * channels, (columns - taken) * LANES * word, 1};
    pairs += left * LANES;
    while (count > 0 && taken > 0) {
        const int inside = row >= 0 && row < height, next_inside = row >= -1 && row + 1 < height;
        const int32_t run = (height - row) / 2;
        rows.first = inside ? x + row * line : outside;
        rows.first_step = inside ? channels : 0;
        rows.second = next_inside ? x + (row + 1) * line : outside;
        rows.second_step = next_inside ? channels : 0;
        rows.count = !(inside && next_inside) ? 1 : run < count ? run : count;
        widen(pairs, &rows, lanes);
        pairs += rows.count * columns * LANES;
        row += 2 * rows.count;
        count -= rows.count;
    }
}

#if AI_K_DSP
#define KERNEL(suffix, stride) ai_k_depthwise_3x3_##suffix##lanes
#else
#define KERNEL(suffix, stride) stride_##stride

static inline int32_t lower_half(int32_t pair)
{
    return (int16_t)(pair & 0xffff);
}

/* Doubled sum of a window whose upper left pair is at window; odd: its first row is the second one of the pairs. */
static inline int32_t window_sum(const int32_t *window, const int32_t *next, const int32_t *record, int32_t odd)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < 3; i++) {
        const int32_t upper = window[i * LANES], lower = next[i * LANES];
        const int32_t a = odd ? upper >> 16 : lower_half(upper);
        const int32_t b = odd ? lower_half(lower) : upper >> 16;
        const int32_t c = odd ? lower >> 16 : lower_half(lower);
        int8_t w[4];
        memcpy(w, &record[i], sizeof w);
        sum += a * w[0] + b * w[1] + c * w[2];
    }
    return (int32_t)(2u * (uint32_t)sum + (uint32_t)record[3]);
}

static inline int8_t window_result(int32_t sum, const int32_t *record, int32_t zero_point)
{
    int8_t w[4];
    memcpy(w, record, sizeof w);
    const int32_t shift = w[3];
    const int32_t high = (int32_t)(((int64_t)sum * record[4] + (INT64_C(1) << 31)) >> 32);
    const int32_t offset = ai_k_shift_left(zero_point, shift) + ai_k_shift_left(1, shift - 1);
    return (int8_t)ai_k_clamp((high + (high >> 31) + offset) >> shift, -128, 127);
}

static inline void one_lane(const int32_t *pairs, const int32_t *record, int8_t *out, const window_sizes *sizes,
                            int32_t stride)
{
    const int32_t pitch = sizes->pitch / (int32_t)sizeof *pairs;
    for (int32_t row = 0; row < sizes->rows; row++) {
        const int32_t *window = pairs + row * stride / 2 * pitch;
        for (int32_t column = 0; column < sizes->columns; column++) {
            const int32_t sum = window_sum(window, window + pitch, record, row * stride % 2);
            *out = window_result(sum, record, sizes->zero_point);
            out += sizes->channels;
            window += stride * LANES;
        }
    }
}

static void stride_1(const int32_t *pairs, const int32_t *records, int8_t *out, const window_sizes *sizes)
{
    for (int32_t lane = 0; lane < sizes->lanes; lane++) {
        one_lane(pairs + lane, records + lane * RECORD, out + lane, sizes, 1);
    }
}

static void stride_2(const int32_t *pairs, const int32_t *records, int8_t *out, const window_sizes *sizes)
{
    for (int32_t lane = 0; lane < sizes->lanes; lane++) {
        one_lane(pairs + lane, records + lane * RECORD, out + lane, sizes, 2);
    }
}
#endif

/* All output channels of the lanes: at once where each lane has one, else one by one. */
static inline void each_channel(window_kernel *kernel, const int32_t *pairs, int32_t pitch, const int32_t *records,
                                int8_t *out, int32_t lanes, int32_t multiplier, window_sizes sizes)
{
    sizes.pitch = pitch * (int32_t)sizeof *pairs;
    sizes.lanes = multiplier == 1 ? lanes : 1;
    for (int32_t lane = 0; lane < lanes; lane += sizes.lanes) {
        for (int32_t i = 0; i < multiplier; i++) {
            kernel(pairs + lane, records, out, &sizes);
            records += RECORD;
            out++;
        }
    }
}

void ai_k_depthwise_3x3_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                           int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point)
{
    const window_sizes sizes = {0, rows, columns, channels, zero_point, 0};
    each_channel(KERNEL(, 1), pairs, pitch, records, out, lanes, multiplier, sizes);
}

void ai_k_depthwise_3x3_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                                int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point)
{
    const window_sizes sizes = {0, rows, columns, channels, zero_point, 0};
    each_channel(KERNEL(relu_, 1), pairs, pitch, records, out, lanes, multiplier, sizes);
}

void ai_k_depthwise_3x3_s2_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                              int32_t multiplier, int32_t rows, int32_t columns, int32_t channels, int32_t zero_point)
{
    const window_sizes sizes = {0, rows, columns, channels, zero_point, 0};
    each_channel(KERNEL(s2_, 2), pairs, pitch, records, out, lanes, multiplier, sizes);
}

void ai_k_depthwise_3x3_s2_relu_s8(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out,
                                   int32_t lanes, int32_t multiplier, int32_t rows, int32_t columns, int32_t channels,
                                   int32_t zero_point)
{
    const window_sizes sizes = {0, rows, columns, channels, zero_point, 0};
    each_channel(KERNEL(s2_relu_, 2), pairs, pitch, records, out, lanes, multiplier, sizes);
}

void ai_k_clamp_s8(int8_t *values, int32_t count, int32_t low, int32_t high)
{
    for (int32_t i = 0; i < count; i++) {
        values[i] = (int8_t)ai_k_clamp(values[i], low, high);
    }
}
