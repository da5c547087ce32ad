/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_depthwise.h"

#include "ai_k_arith.h"
#include "ai_k_depthwise_dsp.h"

#define RECORD 5 /* words */

#if !AI_K_DSP
static inline int32_t pair_of(int32_t low, int32_t high)
{
    return (int32_t)(((uint32_t)low & 0xffffu) | ((uint32_t)high << 16));
}

void ai_k_depthwise_clear_s8(int32_t *pairs, int32_t count, int32_t zero_point)
{
    const int32_t pair = pair_of(zero_point, zero_point);
    for (int32_t i = 0; i < count; i += 4) {
        pairs[i] = pair;
        pairs[i + 1] = pair;
        pairs[i + 2] = pair;
        pairs[i + 3] = pair;
    }
}

/* ai_k_depthwise_widen_4 and _2. */
static void widen_lanes(int32_t *pairs, const widen_rows *rows, int32_t lanes)
{
    const int32_t word = (int32_t)sizeof *pairs;
    const int32_t columns = rows->bytes / word, plane = rows->plane / word;
    const int8_t *first = rows->first, *second = rows->second;
    for (int32_t pair = 0; pair < rows->count; pair++) {
        for (int32_t column = 0; column < columns; column++) {
            for (int32_t lane = 0; lane < lanes; lane++) {
                pairs[lane * plane] = pair_of(first[lane], second[lane]);
            }
            pairs++;
            first += rows->first_step;
            second += rows->second_step;
        }
        first += rows->advance;
        second += rows->advance;
        pairs += rows->skip / word;
    }
}
#endif

static inline void widen(int32_t *pairs, const widen_rows *rows, int32_t lanes)
{
#if AI_K_DSP
    if (lanes == 4) {
        ai_k_depthwise_widen_4(pairs, rows);
    } else {
        ai_k_depthwise_widen_2(pairs, rows);
    }
#else
    widen_lanes(pairs, rows, lanes);
#endif
}

void ai_k_depthwise_pairs_s8(int32_t *pairs, const int8_t *x, int32_t row, int32_t count, int32_t pitch, int32_t lanes,
                             const int16_t *sizes)
{
    const ai_k_depthwise_rows *s = ai_k_depthwise_rows_of(sizes);
    const int8_t zero = (int8_t)s->input_zero_point;
    const int8_t outside[4] = {zero, zero, zero, zero};
    const int32_t odd = lanes & 1; /* the channel before comes along */
    const int32_t taken = s->width < s->columns - s->left ? s->width : s->columns - s->left;
    const int32_t line = s->width * s->channels;
    const int32_t word = (int32_t)sizeof *pairs;
    widen_rows rows = {
        outside, outside,        0, 0, taken * word, 2 * line - taken * s->channels, (pitch - taken) * word,
        1,       s->plane * word};
    x -= odd;
    pairs += s->left;
    while (count > 0 && taken > 0) {
        const int inside = row >= 0 && row < s->height, next_inside = row >= -1 && row + 1 < s->height;
        const int32_t run = (s->height - row) / 2;
        rows.first = inside ? x + row * line : outside;
        rows.first_step = inside ? s->channels : 0;
        rows.second = next_inside ? x + (row + 1) * line : outside;
        rows.second_step = next_inside ? s->channels : 0;
        rows.count = !(inside && next_inside) ? 1 : run < count ? run : count;
        widen(pairs, &rows, lanes + odd);
        pairs += rows.count * pitch;
        row += 2 * rows.count;
        count -= rows.count;
    }
}

#if !AI_K_DSP
static inline int32_t lower_half(int32_t pair)
{
    return (int16_t)(pair & 0xffff);
}

/* Weights and requantization of one output channel. */
typedef struct {
    int32_t weights[3][3]; /* [window column][window row] */
    int32_t scale, bias, multiplier, offset, shift;
    int relu;
} window;

static inline window window_of(const int32_t *record, int32_t zero_point, int relu)
{
    window w = {{{0}}, 0, record[3], record[4], 0, 0, relu};
    int8_t bytes[3][4];
    memcpy(bytes, record, sizeof bytes);
    for (int32_t i = 0; i < 3; i++) {
        for (int32_t j = 0; j < 3; j++) {
            w.weights[i][j] = bytes[i][j];
        }
    }
    w.shift = bytes[0][3];
    w.scale = bytes[1][3];
    w.offset =
        ai_k_shift_left(zero_point, w.shift) + ai_k_shift_left(1, w.shift) / 2 + ai_k_shift_left(1, bytes[2][3]) / 2;
    return w;
}

/* Sum of a window whose first column of pairs is upper and lower; odd: its first row is the second one of the pairs. */
static inline int32_t window_sum(const window *w, const int32_t *upper, const int32_t *lower, int32_t odd)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < 3; i++) {
        const int32_t a = odd ? upper[i] >> 16 : lower_half(upper[i]);
        const int32_t b = odd ? lower_half(lower[i]) : upper[i] >> 16;
        const int32_t c = odd ? lower[i] >> 16 : lower_half(lower[i]);
        sum += a * w->weights[i][0] + b * w->weights[i][1] + c * w->weights[i][2];
    }
    return (int32_t)(((uint32_t)sum << (uint32_t)w->scale) + (uint32_t)w->bias);
}

static inline int8_t window_result(const window *w, int32_t sum)
{
    const int64_t product = (int64_t)sum * w->multiplier;
    const int32_t high = (int32_t)((product + (w->relu ? 0 : INT64_C(1) << 31)) >> 32);
    const int32_t away = w->relu ? 0 : high >> 31;
    return (int8_t)ai_k_clamp((high + away + w->offset) >> w->shift, -128, 127);
}

static inline void each_lane(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out, int32_t lanes,
                             int32_t rows, const int16_t *sizes, int32_t stride, int relu)
{
    const ai_k_depthwise_rows *s = ai_k_depthwise_rows_of(sizes);
    for (int32_t lane = 0; lane < lanes; lane++) {
        const window w = window_of(records + lane * s->multiplier * RECORD, s->zero_point, relu);
        int8_t *to = out + lane * s->multiplier;
        for (int32_t row = 0; row < rows; row++) {
            const int32_t *upper = pairs + lane * s->plane + row * stride / 2 * pitch;
            for (int32_t column = 0; column < s->out_width; column++) {
                *to = window_result(&w, window_sum(&w, upper, upper + pitch, row * stride % 2));
                to += s->out_channels;
                upper += stride;
            }
        }
    }
}

#define WINDOWS(name, stride, relu)                                                                                    \
    void ai_k_depthwise_3x3_##name(const int32_t *pairs, int32_t pitch, const int32_t *records, int8_t *out,           \
                                   int32_t lanes, int32_t rows, const int16_t *sizes)                                  \
    {                                                                                                                  \
        each_lane(pairs, pitch, records, out, lanes, rows, sizes, stride, relu);                                       \
    }

WINDOWS(s8, 1, 0)
WINDOWS(relu_s8, 1, 1)
WINDOWS(s2_s8, 2, 0)
WINDOWS(s2_relu_s8, 2, 1)
#endif

void ai_k_clamp_s8(int8_t *values, int32_t count, int32_t low, int32_t high)
{
    for (int32_t i = 0; i < count; i++) {
        values[i] = (int8_t)ai_k_clamp(values[i], low, high);
    }
}
