/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_arith.h"
#include "ai_k_depthwise.h"

/* The taps of a window that lie inside the image. */
typedef struct {
    const int8_t *x;
    const int8_t *weights;
    int32_t rows, columns;
    int32_t x_row, x_column; /* steps to the next row and column, in elements */
    int32_t weights_row, weights_column;
    int32_t zero_point;
} taps;

static int32_t sum_1(const taps *t, int32_t sum)
{
    for (int32_t row = 0; row < t->rows; row++) {
        const int8_t *x = t->x + row * t->x_row, *w = t->weights + row * t->weights_row;
        for (int32_t column = 0; column < t->columns; column++) {
            sum += (*x - t->zero_point) * *w;
            x += t->x_column;
            w += t->weights_column;
        }
    }
    return sum;
}

#if AI_K_DSP
/* sum += low halves, sum += high halves */
static inline int32_t mac_low(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

static inline int32_t mac_high(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* Bytes 0, 2 and 1, 3 of a word, sign-extended, plus the halfwords of offset. */
static inline uint32_t even_plus(uint32_t offset, uint32_t word)
{
    uint32_t halves;
    __asm__("sxtab16 %0, %1, %2" : "=r"(halves) : "r"(offset), "r"(word));
    return halves;
}

static inline uint32_t odd_plus(uint32_t offset, uint32_t word)
{
    uint32_t halves;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(halves) : "r"(offset), "r"(word));
    return halves;
}

/* Four neighbouring channels at once. */
static inline void sum_4(const taps *t, int32_t sums[4])
{
    const uint32_t offset = ((uint32_t)-t->zero_point & 0xffffu) * 0x10001u;
    const int32_t x_column = t->x_column, weights_column = t->weights_column;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t row = 0; row < t->rows; row++) {
        const int8_t *x = t->x + row * t->x_row, *w = t->weights + row * t->weights_row;
        for (int32_t column = t->columns; column > 0; column--) {
            const uint32_t values = ai_k_load_word(x), factors = ai_k_load_word(w);
            x += x_column;
            w += weights_column;
            const uint32_t x02 = even_plus(offset, values), w02 = ai_k_even_bytes(factors);
            s0 = mac_low(x02, w02, s0);
            s2 = mac_high(x02, w02, s2);
            const uint32_t x13 = odd_plus(offset, values), w13 = ai_k_odd_bytes(factors);
            s1 = mac_low(x13, w13, s1);
            s3 = mac_high(x13, w13, s3);
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static inline int32_t high_word(int32_t a, int32_t b)
{
    int32_t result;
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

static inline int8_t saturate(int32_t value)
{
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return (int8_t)result;
}
#else
static inline void sum_4(const taps *t, int32_t sums[4])
{
    taps one = *t;
    for (int32_t i = 0; i < 4; i++) {
        sums[i] = sum_1(&one, sums[i]);
        one.x++;
        one.weights++;
    }
}

static inline int32_t high_word(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
}

static inline int8_t saturate(int32_t value)
{
    return (int8_t)ai_k_clamp(value, -128, 127);
}
#endif

/* The reference's two roundings in the short form that ai_k_depthwise_sizes.doubled allows. */
static inline int8_t finish_doubled(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    const int32_t high = high_word(2 * sum, multiplier);
    return saturate(((((high + (high >> 31)) >> shift) + 1) >> 1) + zero_point);
}

static inline void finish_4(const int32_t sums[4], const int32_t *multiplier, const int8_t *shift, int8_t *out,
                            int32_t zero_point)
{
    out[0] = finish_doubled(sums[0], multiplier[0], shift[0], zero_point);
    out[1] = finish_doubled(sums[1], multiplier[1], shift[1], zero_point);
    out[2] = finish_doubled(sums[2], multiplier[2], shift[2], zero_point);
    out[3] = finish_doubled(sums[3], multiplier[3], shift[3], zero_point);
}

static int8_t finish(int32_t sum, int32_t multiplier, int32_t shift, const ai_k_depthwise_sizes *s)
{
    if (s->doubled) {
        return finish_doubled(sum, multiplier, shift, s->zero_point);
    }
    return saturate(ai_k_requantize(sum, multiplier, shift) + s->zero_point);
}

/* Window elements [*first, returned) are inside of 0 .. size - 1 when the window starts at start. */
static inline int32_t inside(int32_t start, int32_t count, int32_t dilation, int32_t size, int32_t *first)
{
    int32_t from = start < 0 ? -start : 0, reach = size - start;
    if (dilation != 1) {
        from = (from + dilation - 1) / dilation;
        reach = reach > 0 ? (reach + dilation - 1) / dilation : 0;
    }
    *first = from;
    return reach < count ? reach : count;
}

static taps clip(const int8_t *x, const int8_t *weights, const ai_k_depthwise_sizes *s, int32_t row, int32_t column)
{
    const int32_t outputs = s->channels * s->multiplier;
    int32_t first_row, first_column;
    const int32_t rows = inside(row, s->rows, s->row_dilation, s->height, &first_row) - first_row;
    const int32_t columns = inside(column, s->columns, s->column_dilation, s->width, &first_column) - first_column;
    const taps none = {x, weights, 0, 0, 0, 0, 0, 0, s->input_zero_point};
    if (rows <= 0 || columns <= 0) {
        return none;
    }
    row += first_row * s->row_dilation;
    column += first_column * s->column_dilation;
    const taps t = {x + (row * s->width + column) * s->channels,
                    weights + (first_row * s->columns + first_column) * outputs,
                    rows,
                    columns,
                    s->row_dilation * s->width * s->channels,
                    s->column_dilation * s->channels,
                    s->columns * outputs,
                    outputs,
                    s->input_zero_point};
    return t;
}

void ai_k_depthwise_pixel_s8(const int8_t *x, const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                             const int8_t *shift, int8_t *out, const int32_t *sizes, int32_t row, int32_t column)
{
    const ai_k_depthwise_sizes *s = (const ai_k_depthwise_sizes *)(const void *)sizes;
    taps t = clip(x, weights, s, row, column);
    int32_t channel = 0;
    if (s->multiplier == 1) {
        for (; channel + 4 <= s->channels; channel += 4) {
            int32_t sums[4] = {bias[channel], bias[channel + 1], bias[channel + 2], bias[channel + 3]};
            sum_4(&t, sums);
            if (s->doubled) {
                finish_4(sums, multiplier + channel, shift + channel, out + channel, s->zero_point);
            } else {
                for (int32_t i = 0; i < 4; i++) {
                    out[channel + i] = finish(sums[i], multiplier[channel + i], shift[channel + i], s);
                }
            }
            t.x += 4;
            t.weights += 4;
        }
    }
    const int8_t *first = t.x;
    const int32_t done = channel, outputs = s->channels * s->multiplier;
    for (; channel < outputs; channel++) {
        t.x = first + (channel - done) / s->multiplier;
        out[channel] = finish(sum_1(&t, bias[channel]), multiplier[channel], shift[channel], s);
        t.weights++;
    }
}
