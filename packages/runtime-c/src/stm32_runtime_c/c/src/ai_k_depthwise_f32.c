/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_depthwise_f32.h"

enum { LANES = 4 };

/* The part of the windows that lies inside the image; distances in floats. The assembly reads it in this order. */
typedef struct {
    const float *bias;
    int32_t groups;         /* of 4 channels */
    int32_t rows, taps;     /* may be 0 in `rest` only */
    int32_t x_step, y_step; /* from the window of a pixel, or an output pixel, to the next */
    int32_t x_tap, w_tap;   /* from a tap to the next */
    int32_t x_row, w_row;   /* from the end of a row of the window to the next */
    int32_t relu;
} window;

/* The groups of 4 channels, at least one, of 4 pixels or of one. */
void ai_k_depthwise_f32_x4(const float *x, const float *weights, float *out, const window *inside);
void ai_k_depthwise_f32_x1(const float *x, const float *weights, float *out, const window *inside);

static inline float activated(float value, const window *inside)
{
    return inside->relu && value < 0.0f ? 0.0f : value;
}

/* One output channel of one pixel. */
static float single(const float *x, const float *weights, float sum, const window *inside)
{
    for (int32_t row = 0; row < inside->rows; row++) {
        for (int32_t tap = 0; tap < inside->taps; tap++) {
            sum += *weights * *x;
            x += inside->x_tap;
            weights += inside->w_tap;
        }
        x += inside->x_row;
        weights += inside->w_row;
    }
    return activated(sum, inside);
}

#if AI_K_FPU
/* A product and a sum take 2 cycles on a Cortex-M4, a fused multiply-add 3; Armv8-M's timing is not published.
 * Four channels a b c d += weights s16-s19 * values w x y z; s28-s31 hold products. */
#if __ARM_ARCH >= 8
#define MULTIPLY(a, b, c, d, w, x, y, z)                                                                               \
    " vfma.f32 s" #a ", s16, s" #w "\n"                                                                                \
    " vfma.f32 s" #b ", s17, s" #x "\n"                                                                                \
    " vfma.f32 s" #c ", s18, s" #y "\n"                                                                                \
    " vfma.f32 s" #d ", s19, s" #z "\n"
#else
#define MULTIPLY(a, b, c, d, w, x, y, z)                                                                               \
    " vmul.f32 s28, s16, s" #w "\n"                                                                                    \
    " vmul.f32 s29, s17, s" #x "\n"                                                                                    \
    " vmul.f32 s30, s18, s" #y "\n"                                                                                    \
    " vmul.f32 s31, s19, s" #z "\n"                                                                                    \
    " vadd.f32 s" #a ", s" #a ", s28\n"                                                                                \
    " vadd.f32 s" #b ", s" #b ", s29\n"                                                                                \
    " vadd.f32 s" #c ", s" #c ", s30\n"                                                                                \
    " vadd.f32 s" #d ", s" #d ", s31\n"
#endif

/* Four channels a b c d, negative ones as 0, to [r12]. */
#define STORE_RELU(a, b, c, d)                                                                                         \
    " vmov r0, r1, s" #a ", s" #b "\n"                                                                                 \
    " vmov r2, r3, s" #c ", s" #d "\n"                                                                                 \
    " bic r0, r0, r0, asr #31\n"                                                                                       \
    " bic r1, r1, r1, asr #31\n"                                                                                       \
    " bic r2, r2, r2, asr #31\n"                                                                                       \
    " bic r3, r3, r3, asr #31\n"                                                                                       \
    " stm r12, {r0-r3}\n"

/* Enters a function: lr bias, r10 groups left, r9 out, r6 block, r8 x_tap * 4, r11 w_tap * 4. */
#define ENTER(name)                                                                                                    \
    ".syntax unified\n"                                                                                                \
    ".pushsection .text." name ", \"ax\", %progbits\n"                                                                 \
    ".p2align 2\n"                                                                                                     \
    ".global " name "\n"                                                                                               \
    ".type " name ", %function\n"                                                                                      \
    ".thumb_func\n" name ":\n"                                                                                         \
    " push {r0, r1, r4-r11, lr}\n"                                                                                     \
    " vpush {s16-s31}\n"                                                                                               \
    " mov r9, r2\n"                                                                                                    \
    " mov r6, r3\n"                                                                                                    \
    " ldrd lr, r10, [r6]\n"                                                                                            \
    " ldrd r8, r11, [r6, #24]\n"                                                                                       \
    " lsl r8, r8, #2\n"                                                                                                \
    " lsl r11, r11, #2\n"

/* A group: r0 and r4 its values and weights, r7 rows left; the stack keeps the next group's. */
#define GROUP                                                                                                          \
    " ldrd r0, r4, [sp, #64]\n"                                                                                        \
    " add r1, r0, #16\n"                                                                                               \
    " add r2, r4, #16\n"                                                                                               \
    " strd r1, r2, [sp, #64]\n"                                                                                        \
    " ldr r7, [r6, #8]\n"

/* r12 where the results go, r5 y_step; relu or not in the flags. */
#define RESULTS                                                                                                        \
    " ldr r5, [r6, #20]\n"                                                                                             \
    " ldr r4, [r6, #40]\n"                                                                                             \
    " mov r12, r9\n"                                                                                                   \
    " cmp r4, #0\n"

#define LEAVE(name)                                                                                                    \
    " adds r9, r9, #16\n"                                                                                              \
    " subs r10, r10, #1\n"                                                                                             \
    " bne.w 1b\n"                                                                                                      \
    " vpop {s16-s31}\n"                                                                                                \
    " pop {r0, r1, r4-r11, pc}\n"                                                                                      \
    ".size " name ", . - " name "\n"                                                                                   \
    ".popsection\n"

/* Four pixels.
 *   s0-s15   sums, 4 channels of pixel 0, of pixel 1, ...   s16-s19  weights   s20-s27  values   s28-s31  products
 *   r0-r3    values of pixel 0, 1, 2, 3   r4 weights   r5 taps left   r6 block   r7 rows left
 *   r8 x_tap * 4   r9 out   r10 groups left   r11 w_tap * 4   r12 scratch   lr bias
 * Stack: 64 bytes of s16-s31, x and weights of the next group */
/* clang-format off */
__asm__(
    ENTER("ai_k_depthwise_f32_x4")
    "1:\n" /* group: sums start with the bias */
    " vldm lr!, {s0-s3}\n"
    " vmov.f32 s4, s0\n"
    " vmov.f32 s5, s1\n"
    " vmov.f32 s6, s2\n"
    " vmov.f32 s7, s3\n"
    " vmov.f32 s8, s0\n"
    " vmov.f32 s9, s1\n"
    " vmov.f32 s10, s2\n"
    " vmov.f32 s11, s3\n"
    " vmov.f32 s12, s0\n"
    " vmov.f32 s13, s1\n"
    " vmov.f32 s14, s2\n"
    " vmov.f32 s15, s3\n"
    GROUP
    " ldr r12, [r6, #16]\n" /* x_step */
    " add r1, r0, r12, lsl #2\n"
    " add r2, r1, r12, lsl #2\n"
    " add r3, r2, r12, lsl #2\n"
    "2:\n" /* row */
    " ldr r5, [r6, #12]\n" /* taps */
    ".p2align 2\n"
    "3:\n" /* tap */
    " vldm r4, {s16-s19}\n"
    " vldm r0, {s20-s23}\n"
    " vldm r1, {s24-s27}\n"
    " add r4, r4, r11\n"
    " add r0, r0, r8\n"
    MULTIPLY(0, 1, 2, 3, 20, 21, 22, 23)
    " add r1, r1, r8\n"
    " vldm r2, {s20-s23}\n"
    MULTIPLY(4, 5, 6, 7, 24, 25, 26, 27)
    " add r2, r2, r8\n"
    " vldm r3, {s24-s27}\n"
    MULTIPLY(8, 9, 10, 11, 20, 21, 22, 23)
    " add r3, r3, r8\n"
    MULTIPLY(12, 13, 14, 15, 24, 25, 26, 27)
    " subs r5, r5, #1\n"
    " bne.w 3b\n"
    " ldrd r12, r5, [r6, #32]\n" /* x_row, w_row: from the end of a row */
    " add r0, r0, r12, lsl #2\n"
    " add r1, r1, r12, lsl #2\n"
    " add r2, r2, r12, lsl #2\n"
    " add r3, r3, r12, lsl #2\n"
    " add r4, r4, r5, lsl #2\n"
    " subs r7, r7, #1\n"
    " bne.w 2b\n"
    RESULTS
    " bne 4f\n"
    " vstm r12, {s0-s3}\n"
    " add r12, r12, r5, lsl #2\n"
    " vstm r12, {s4-s7}\n"
    " add r12, r12, r5, lsl #2\n"
    " vstm r12, {s8-s11}\n"
    " add r12, r12, r5, lsl #2\n"
    " vstm r12, {s12-s15}\n"
    " b 5f\n"
    "4:\n"
    STORE_RELU(0, 1, 2, 3)
    " add r12, r12, r5, lsl #2\n"
    STORE_RELU(4, 5, 6, 7)
    " add r12, r12, r5, lsl #2\n"
    STORE_RELU(8, 9, 10, 11)
    " add r12, r12, r5, lsl #2\n"
    STORE_RELU(12, 13, 14, 15)
    "5:\n"
    LEAVE("ai_k_depthwise_f32_x4"));

/* One pixel: s0-s3 sums, s16-s19 weights, s20-s23 values; r0 values, else as above. */
__asm__(
    ENTER("ai_k_depthwise_f32_x1")
    "1:\n" /* group */
    " vldm lr!, {s0-s3}\n"
    GROUP
    "2:\n" /* row */
    " ldr r5, [r6, #12]\n" /* taps */
    "3:\n" /* tap */
    " vldm r4, {s16-s19}\n"
    " vldm r0, {s20-s23}\n"
    " add r4, r4, r11\n"
    " add r0, r0, r8\n"
    MULTIPLY(0, 1, 2, 3, 20, 21, 22, 23)
    " subs r5, r5, #1\n"
    " bne 3b\n"
    " ldrd r12, r5, [r6, #32]\n" /* x_row, w_row: from the end of a row */
    " add r0, r0, r12, lsl #2\n"
    " add r4, r4, r5, lsl #2\n"
    " subs r7, r7, #1\n"
    " bne 2b\n"
    RESULTS
    " bne 4f\n"
    " vstm r12, {s0-s3}\n"
    " b 5f\n"
    "4:\n"
    STORE_RELU(0, 1, 2, 3)
    "5:\n"
    LEAVE("ai_k_depthwise_f32_x1"));
/* clang-format on */
#else
/* Four channels of one pixel. */
static void lanes(const float *x, const float *weights, const float *bias, float *sums, const window *inside)
{
    float a = bias[0], b = bias[1], c = bias[2], d = bias[3];
    for (int32_t row = 0; row < inside->rows; row++) {
        for (int32_t tap = 0; tap < inside->taps; tap++) {
            a += weights[0] * x[0];
            b += weights[1] * x[1];
            c += weights[2] * x[2];
            d += weights[3] * x[3];
            x += inside->x_tap;
            weights += inside->w_tap;
        }
        x += inside->x_row;
        weights += inside->w_row;
    }
    sums[0] = activated(a, inside);
    sums[1] = activated(b, inside);
    sums[2] = activated(c, inside);
    sums[3] = activated(d, inside);
}

/* All groups of up to 4 pixels; the windows of all of them are read before a group's results are written. */
static void block_of(const float *x, const float *weights, float *out, const window *inside, int32_t pixels)
{
    for (int32_t channel = 0; channel < LANES * inside->groups; channel += LANES) {
        float sums[4 * LANES];
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            lanes(x + pixel * inside->x_step + channel, weights + channel, inside->bias + channel, sums + LANES * pixel,
                  inside);
        }
        for (int32_t i = 0; i < LANES * pixels; i++) {
            out[i / LANES * inside->y_step + channel + i % LANES] = sums[i];
        }
    }
}

void ai_k_depthwise_f32_x1(const float *x, const float *weights, float *out, const window *inside)
{
    block_of(x, weights, out, inside, 1);
}

void ai_k_depthwise_f32_x4(const float *x, const float *weights, float *out, const window *inside)
{
    block_of(x, weights, out, inside, 4);
}
#endif

/* The channels that make no group of 4. */
static __attribute__((noinline)) void rest(const float *x, const float *weights, float *out, const window *inside,
                                           int32_t pixels, const int32_t *layer)
{
    const int32_t outputs = layer[AI_K_F32_OUTPUTS], multiplier = outputs / layer[AI_K_F32_DEPTH];
    for (int32_t pixel = 0; pixel < pixels; pixel++) {
        for (int32_t channel = LANES * inside->groups; channel < outputs; channel++) {
            out[channel] = single(x + channel / multiplier, weights + channel, inside->bias[channel], inside);
        }
        x += inside->x_step;
        out += inside->y_step;
    }
}

/* Pixels that are clipped alike. */
static void run(const float *x, const float *weights, float *out, const window *inside, int32_t pixels,
                const int32_t *layer)
{
    while (pixels > 0) {
        const int32_t count = pixels >= 4 ? 4 : 1;
        if (inside->groups > 0) {
            (count == 4 ? ai_k_depthwise_f32_x4 : ai_k_depthwise_f32_x1)(x, weights, out, inside);
        }
        if (LANES * inside->groups < layer[AI_K_F32_OUTPUTS]) {
            rest(x, weights, out, inside, count, layer);
        }
        x += count * inside->x_step;
        out += count * inside->y_step;
        pixels -= count;
    }
}

void ai_k_depthwise_f32(const float *image, const float *weights, const float *bias, float *out, const int32_t *layer,
                        int32_t row, int32_t column, int32_t pixels)
{
    const int32_t width = layer[AI_K_F32_WIDTH], channels = layer[AI_K_F32_CHANNELS], stride = layer[AI_K_F32_STRIDE];
    const int32_t row_dilation = layer[AI_K_F32_ROW_DILATION], tap_dilation = layer[AI_K_F32_TAP_DILATION];
    const int32_t outputs = layer[AI_K_F32_OUTPUTS];
    const int32_t groups = outputs == layer[AI_K_F32_DEPTH] ? outputs / LANES : 0;
    const ai_k_range rows = ai_k_f32_inside(row, layer[AI_K_F32_HEIGHT], layer[AI_K_F32_ROWS], row_dilation);
    window inside = {.bias = bias, .rows = rows.last - rows.first, .relu = layer[AI_K_F32_RELU]};
    inside.x_step = stride * channels;
    inside.y_step = layer[AI_K_F32_OUT_CHANNELS];
    inside.x_tap = tap_dilation * channels;
    inside.w_tap = outputs;
    image += (row + rows.first * row_dilation) * width * channels;
    weights += rows.first * layer[AI_K_F32_TAPS] * outputs;
    while (pixels > 0) {
        const int32_t count = ai_k_f32_alike(layer, column, pixels);
        const ai_k_range taps = ai_k_f32_inside(column, width, layer[AI_K_F32_TAPS], tap_dilation);
        inside.taps = taps.last - taps.first;
        inside.groups = inside.rows > 0 && inside.taps > 0 ? groups : 0;
        inside.x_row = row_dilation * width * channels - inside.taps * inside.x_tap;
        inside.w_row = (layer[AI_K_F32_TAPS] - inside.taps) * outputs;
        run(image + (column + taps.first * tap_dilation) * channels, weights + taps.first * outputs, out, &inside,
            count, layer);
        out += count * inside.y_step;
        column += count * stride;
        pixels -= count;
    }
}
