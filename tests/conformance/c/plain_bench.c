/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of ai_k_plain.h beside textbook loops, on one layer without padding: a square convolution, a
 * depthwise one, or a matrix product. The layer is chosen by the macros LAYER_*; both run between functions whose
 * addresses a counter knows. */
#include <stdint.h>
#include <string.h>

#include "ai_k_arith.h"
#include "ai_k_plain.h"

enum {
    SIZE = LAYER_SIZE, /* of the image; 1 is a matrix product */
    KERNEL = LAYER_KERNEL,
    INPUTS = LAYER_INPUTS,
    DEPTHWISE = LAYER_DEPTHWISE,
    OUTPUTS = LAYER_OUTPUTS,
    RESULT = SIZE - KERNEL + 1,
    DEPTH = KERNEL * KERNEL * (DEPTHWISE ? 1 : INPUTS),
    ZERO_IN = -7,
    ZERO_OUT = 5
};

static int8_t x[SIZE * SIZE * INPUTS], weights[OUTPUTS * DEPTH];
static int8_t naive_y[RESULT * RESULT * OUTPUTS], y[RESULT * RESULT * OUTPUTS];
static int32_t bias[OUTPUTS], multiplier[OUTPUTS], shift[OUTPUTS], channels[3 * OUTPUTS];

#define MARK(name)                                                                                                     \
    void name(void);                                                                                                   \
    __attribute__((noinline)) void name(void)                                                                          \
    {                                                                                                                  \
        __asm__ volatile("" ::: "memory");                                                                             \
    }
MARK(naive_begin)
MARK(naive_end)
MARK(plain_begin)
MARK(plain_end)

static int32_t scaled(int32_t sum, int32_t channel)
{
    return SIZE == 1 ? ai_k_requantize_once(sum, multiplier[channel], shift[channel])
                     : ai_k_requantize(sum, multiplier[channel], shift[channel]);
}

/* One result, as in a textbook. */
static int8_t naive(int32_t row, int32_t column, int32_t channel)
{
    int32_t sum = bias[channel];
    for (int32_t ky = 0; ky < KERNEL; ky++) {
        for (int32_t kx = 0; kx < KERNEL; kx++) {
            for (int32_t c = 0; c < INPUTS; c++) {
                const int32_t value = x[((row + ky) * SIZE + column + kx) * INPUTS + c] - ZERO_IN;
                sum += value * weights[((channel * KERNEL + ky) * KERNEL + kx) * INPUTS + c];
            }
        }
    }
    return (int8_t)ai_k_clamp(scaled(sum, channel) + ZERO_OUT, -128, 127);
}

static int8_t naive_depthwise(int32_t row, int32_t column, int32_t channel)
{
    int32_t sum = bias[channel];
    for (int32_t ky = 0; ky < KERNEL; ky++) {
        for (int32_t kx = 0; kx < KERNEL; kx++) {
            const int32_t value = x[((row + ky) * SIZE + column + kx) * INPUTS + channel] - ZERO_IN;
            sum += value * weights[(ky * KERNEL + kx) * OUTPUTS + channel];
        }
    }
    return (int8_t)ai_k_clamp(scaled(sum, channel) + ZERO_OUT, -128, 127);
}

static void run_naive(void)
{
    for (int32_t row = 0; row < RESULT; row++) {
        for (int32_t column = 0; column < RESULT; column++) {
            for (int32_t channel = 0; channel < OUTPUTS; channel++) {
                naive_y[(row * RESULT + column) * OUTPUTS + channel] =
                    DEPTHWISE ? naive_depthwise(row, column, channel) : naive(row, column, channel);
            }
        }
    }
}

static void run_plain(void)
{
    static const int32_t window[] = {KERNEL * INPUTS, KERNEL, SIZE * INPUTS, OUTPUTS, ZERO_OUT, -128, 127};
    if (SIZE == 1) {
        ai_k_dense_plain_s8(x, weights, channels, y, DEPTH, OUTPUTS, ZERO_OUT, -128, 127);
        return;
    }
    if (DEPTHWISE) {
        static const int32_t taps[] = {KERNEL, KERNEL, SIZE * INPUTS, INPUTS, OUTPUTS, ZERO_OUT, -128, 127};
        for (int32_t pixel = 0; pixel < RESULT * RESULT; pixel++) {
            ai_k_depthwise_plain_s8(&x[(pixel / RESULT * SIZE + pixel % RESULT) * INPUTS], taps, weights, channels,
                                    &y[pixel * OUTPUTS]);
        }
        return;
    }
    for (int32_t pixel = 0; pixel + 2 <= RESULT * RESULT; pixel += 2) {
        const int32_t next = pixel + 1;
        ai_k_conv_plain_s8(&x[(pixel / RESULT * SIZE + pixel % RESULT) * INPUTS],
                           &x[(next / RESULT * SIZE + next % RESULT) * INPUTS], window, weights, channels,
                           &y[pixel * OUTPUTS], OUTPUTS);
    }
}

static void fill(void)
{
    uint32_t state = 20260903u;
    for (size_t i = 0; i < sizeof x + sizeof weights; i++) {
        state = state * 1664525u + 1013904223u;
        (i < sizeof x ? x : weights)[i < sizeof x ? i : i - sizeof x] = (int8_t)((int32_t)(state >> 24) - 128);
    }
    for (int32_t channel = 0; channel < OUTPUTS; channel++) {
        bias[channel] = 100 * channel - 300;
        multiplier[channel] = (1 << 30) + channel * 1234567;
        shift[channel] = -9 - channel % 2;
        channels[3 * channel] = bias[channel];
        for (int32_t k = 0; k < DEPTH; k++) {
            channels[3 * channel] -= ZERO_IN * weights[DEPTHWISE ? k * OUTPUTS + channel : channel * DEPTH + k];
        }
        channels[3 * channel + 1] = multiplier[channel];
        channels[3 * channel + 2] = shift[channel];
    }
}

int main(void)
{
    fill();
    naive_begin();
    run_naive();
    naive_end();
    plain_begin();
    run_plain();
    plain_end();
    return memcmp(y, naive_y, sizeof y) != 0;
}
