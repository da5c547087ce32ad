/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_conv_block_f32.h"

#include "ai_k_window_f32.h"

#if AI_K_FPU
/* A fused multiply-add takes 3 cycles on a Cortex-M4, a product and a sum take 2: in blocks of four pixels every second
 * product is separate there, which balances cycles against instructions; in the smaller blocks all are. On Armv8-M,
 * whose timing is not published, all are fused.
 * fuse, split: four channels a b c d of a pixel += weights w.. * value x; s28-s31 hold products. */
#define FUSE(a, b, c, d, w0, w1, w2, w3, x)                                                                            \
    " vfma.f32 s" #a ", s" #w0 ", s" #x "\n"                                                                           \
    " vfma.f32 s" #b ", s" #w1 ", s" #x "\n"                                                                           \
    " vfma.f32 s" #c ", s" #w2 ", s" #x "\n"                                                                           \
    " vfma.f32 s" #d ", s" #w3 ", s" #x "\n"
#if __ARM_ARCH >= 8
#define SPLIT FUSE
#else
#define SPLIT(a, b, c, d, w0, w1, w2, w3, x)                                                                           \
    " vmul.f32 s28, s" #w0 ", s" #x "\n"                                                                               \
    " vmul.f32 s29, s" #w1 ", s" #x "\n"                                                                               \
    " vmul.f32 s30, s" #w2 ", s" #x "\n"                                                                               \
    " vmul.f32 s31, s" #w3 ", s" #x "\n"                                                                               \
    " vadd.f32 s" #a ", s" #a ", s28\n"                                                                                \
    " vadd.f32 s" #b ", s" #b ", s29\n"                                                                                \
    " vadd.f32 s" #c ", s" #c ", s30\n"                                                                                \
    " vadd.f32 s" #d ", s" #d ", s31\n"
#endif

/* One position of the window: 4 weights, 4 channels x 4 pixels; p0..p3: registers with the pixels' values. */
#define STEP_4(p0, p1, p2, p3)                                                                                         \
    " vldm r4!, {s24-s27}\n" FUSE(0, 1, 2, 3, 24, 25, 26, 27, p0) SPLIT(4, 5, 6, 7, 24, 25, 26, 27, p1)                \
        FUSE(8, 9, 10, 11, 24, 25, 26, 27, p2) SPLIT(12, 13, 14, 15, 24, 25, 26, 27, p3)

/* Two positions. */
#define PAIR                                                                                                           \
    " vldm r0!, {s16-s17}\n"                                                                                           \
    " vldm r1!, {s18-s19}\n"                                                                                           \
    " vldm r2!, {s20-s21}\n"                                                                                           \
    " vldm r3!, {s22-s23}\n" STEP_4(16, 18, 20, 22) STEP_4(17, 19, 21, 23)

/* All four pixel pointers go on by register `by` floats. */
#define ADVANCE(by)                                                                                                    \
    " add r0, r0, " by ", lsl #2\n"                                                                                    \
    " add r1, r1, " by ", lsl #2\n"                                                                                    \
    " add r2, r2, " by ", lsl #2\n"                                                                                    \
    " add r3, r3, " by ", lsl #2\n"

/* Four channels a b c d of a pixel, negative ones as 0, to [to]. */
#define STORE_RELU(a, b, c, d, to)                                                                                     \
    " vmov r0, r1, s" #a ", s" #b "\n"                                                                                 \
    " vmov r2, r3, s" #c ", s" #d "\n"                                                                                 \
    " bic r0, r0, r0, asr #31\n"                                                                                       \
    " bic r1, r1, r1, asr #31\n"                                                                                       \
    " bic r2, r2, r2, asr #31\n"                                                                                       \
    " bic r3, r3, r3, asr #31\n"                                                                                       \
    " stm " to ", {r0-r3}\n"

/* Enters a function: r4 weights, r9 out, r6 block, r11 bias, r10 groups left. */
#define ENTER(name)                                                                                                    \
    ".pushsection .text." name ", \"ax\", %progbits\n"                                                                 \
    ".p2align 2\n"                                                                                                     \
    ".global " name "\n"                                                                                               \
    ".type " name ", %function\n"                                                                                      \
    ".thumb_func\n" name ":\n"                                                                                         \
    " push {r0, r4-r11, lr}\n"                                                                                         \
    " vpush {s16-s31}\n"                                                                                               \
    " mov r4, r1\n"                                                                                                    \
    " mov r9, r2\n"                                                                                                    \
    " mov r6, r3\n"                                                                                                    \
    " ldrd r11, r10, [r6]\n"

#define LEAVE(name)                                                                                                    \
    " adds r9, r9, #16\n"                                                                                              \
    " subs r10, r10, #1\n"                                                                                             \
    " bne.w 1b\n"                                                                                                      \
    " vpop {s16-s31}\n"                                                                                                \
    " pop {r0, r4-r11, pc}\n"                                                                                          \
    ".size " name ", . - " name "\n"                                                                                   \
    ".popsection\n"

/* Four pixels.
 *   s0-s15   sums, 4 channels of pixel 0, of pixel 1, ...    s24-s27  weights
 *   s16-s23  values, 2 of pixel 0, 2 of pixel 1, ...         s28-s31  products
 *   r0-r3    values of pixel 0, 1, 2, 3      r4  weights     r5  end of the pairs of pixel 0
 *   r6 block   r7 rows left   r8 pieces left   r9 out   r10 groups left   r11 bias   r12 lr  scratch
 * Stack: 64 bytes of s16-s31, x */
/* clang-format off */
__asm__(
    ".syntax unified\n"
    ENTER("ai_k_conv_f32_x4")
    "1:\n" /* group: sums start with the bias */
    " vldm r11!, {s0-s3}\n"
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
    " ldr r0, [sp, #64]\n"
    " ldr r12, [r6, #20]\n" /* x_step */
    " ldr r7, [r6, #8]\n"   /* rows */
    " add r1, r0, r12, lsl #2\n"
    " add r2, r1, r12, lsl #2\n"
    " add r3, r2, r12, lsl #2\n"
    "2:\n" /* row */
    " ldr r8, [r6, #12]\n" /* pieces */
    "3:\n" /* piece: an odd number of pairs enters in the middle */
    " ldr r12, [r6, #16]\n" /* length */
    " bic lr, r12, #1\n"
    " add r5, r0, lr, lsl #2\n"
    " lsls lr, r12, #31\n" /* carry: bit 1, zero: bit 0 is clear */
    " bcs 5f\n"
    " cmp r0, r5\n"
    " beq 6f\n"
    ".p2align 2\n"
    "4:\n"
    PAIR
    "5:\n"
    PAIR
    " cmp r0, r5\n"
    " bne.w 4b\n"
    " lsls lr, r12, #31\n"
    " beq 7f\n"
    "6:\n" /* the last of an odd length */
    " vldm r0!, {s16}\n"
    " vldm r1!, {s18}\n"
    " vldm r2!, {s20}\n"
    " vldm r3!, {s22}\n"
    STEP_4(16, 18, 20, 22)
    "7:\n"
    " subs r8, r8, #1\n"
    " beq 8f\n"
    " ldr r12, [r6, #28]\n" /* piece_skip */
    ADVANCE("r12")
    " b.w 3b\n"
    "8:\n"
    " ldrd r12, lr, [r6, #32]\n" /* row_skip, weights_skip */
    ADVANCE("r12")
    " add r4, r4, lr, lsl #4\n"
    " subs r7, r7, #1\n"
    " bne.w 2b\n"
    " ldrd r12, lr, [r6, #40]\n" /* weights_advance, relu */
    " add r4, r4, r12, lsl #4\n"
    " ldr r12, [r6, #24]\n" /* y_step */
    " cmp lr, #0\n"
    " mov lr, r9\n"
    " bne 9f\n"
    " vstm lr, {s0-s3}\n"
    " add lr, lr, r12, lsl #2\n"
    " vstm lr, {s4-s7}\n"
    " add lr, lr, r12, lsl #2\n"
    " vstm lr, {s8-s11}\n"
    " add lr, lr, r12, lsl #2\n"
    " vstm lr, {s12-s15}\n"
    " b 10f\n"
    "9:\n"
    STORE_RELU(0, 1, 2, 3, "lr")
    " add lr, lr, r12, lsl #2\n"
    STORE_RELU(4, 5, 6, 7, "lr")
    " add lr, lr, r12, lsl #2\n"
    STORE_RELU(8, 9, 10, 11, "lr")
    " add lr, lr, r12, lsl #2\n"
    STORE_RELU(12, 13, 14, 15, "lr")
    "10:\n"
    LEAVE("ai_k_conv_f32_x4"));

/* Two pixels: s0-s3 and s4-s7 sums, s8-s11 and s12-s15 values, s16-s23 weights of 2 positions;
 * r0 r1 values, r5 count of what is left of a piece, else as above. */
__asm__(
    ENTER("ai_k_conv_f32_x2")
    "1:\n" /* group */
    " vldm r11!, {s0-s3}\n"
    " vmov.f32 s4, s0\n"
    " vmov.f32 s5, s1\n"
    " vmov.f32 s6, s2\n"
    " vmov.f32 s7, s3\n"
    " ldr r0, [sp, #64]\n"
    " ldr r12, [r6, #20]\n" /* x_step */
    " ldr r7, [r6, #8]\n"   /* rows */
    " add r1, r0, r12, lsl #2\n"
    "2:\n" /* row */
    " ldr r8, [r6, #12]\n" /* pieces */
    "3:\n" /* piece */
    " ldr r5, [r6, #16]\n" /* length */
    " subs r5, r5, #4\n"
    " blt 5f\n"
    ".p2align 2\n"
    "4:\n" /* four positions */
    " vldm r0!, {s8-s11}\n"
    " vldm r1!, {s12-s15}\n"
    " vldm r4!, {s16-s23}\n"
    SPLIT(0, 1, 2, 3, 16, 17, 18, 19, 8)
    SPLIT(4, 5, 6, 7, 16, 17, 18, 19, 12)
    SPLIT(0, 1, 2, 3, 20, 21, 22, 23, 9)
    SPLIT(4, 5, 6, 7, 20, 21, 22, 23, 13)
    " vldm r4!, {s16-s23}\n"
    SPLIT(0, 1, 2, 3, 16, 17, 18, 19, 10)
    SPLIT(4, 5, 6, 7, 16, 17, 18, 19, 14)
    SPLIT(0, 1, 2, 3, 20, 21, 22, 23, 11)
    SPLIT(4, 5, 6, 7, 20, 21, 22, 23, 15)
    " subs r5, r5, #4\n"
    " bge.w 4b\n"
    "5:\n"
    " adds r5, r5, #4\n"
    " beq 7f\n"
    "6:\n" /* one position */
    " vldm r0!, {s8}\n"
    " vldm r1!, {s12}\n"
    " vldm r4!, {s16-s19}\n"
    SPLIT(0, 1, 2, 3, 16, 17, 18, 19, 8)
    SPLIT(4, 5, 6, 7, 16, 17, 18, 19, 12)
    " subs r5, r5, #1\n"
    " bne 6b\n"
    "7:\n"
    " subs r8, r8, #1\n"
    " beq 8f\n"
    " ldr r12, [r6, #28]\n" /* piece_skip */
    " add r0, r0, r12, lsl #2\n"
    " add r1, r1, r12, lsl #2\n"
    " b.w 3b\n"
    "8:\n"
    " ldrd r12, lr, [r6, #32]\n" /* row_skip, weights_skip */
    " add r0, r0, r12, lsl #2\n"
    " add r1, r1, r12, lsl #2\n"
    " add r4, r4, lr, lsl #4\n"
    " subs r7, r7, #1\n"
    " bne.w 2b\n"
    " ldrd r12, lr, [r6, #40]\n" /* weights_advance, relu */
    " add r4, r4, r12, lsl #4\n"
    " ldr r12, [r6, #24]\n" /* y_step */
    " add r12, r9, r12, lsl #2\n"
    " cmp lr, #0\n"
    " bne 9f\n"
    " vstm r9, {s0-s3}\n"
    " vstm r12, {s4-s7}\n"
    " b 10f\n"
    "9:\n"
    STORE_RELU(0, 1, 2, 3, "r9")
    STORE_RELU(4, 5, 6, 7, "r12")
    "10:\n"
    LEAVE("ai_k_conv_f32_x2"));

/* One pixel: s0-s3 sums, s4-s7 values, s8-s23 weights of 4 positions; r0 values, r5 their count, else as above. */
__asm__(
    ENTER("ai_k_conv_f32_x1")
    "1:\n" /* group */
    " vldm r11!, {s0-s3}\n"
    " ldr r0, [sp, #64]\n"
    " ldr r7, [r6, #8]\n" /* rows */
    "2:\n" /* row */
    " ldr r8, [r6, #12]\n" /* pieces */
    "3:\n" /* piece */
    " ldr r5, [r6, #16]\n" /* length */
    " subs r5, r5, #4\n"
    " blt 5f\n"
    ".p2align 2\n"
    "4:\n" /* four positions */
    " vldm r0!, {s4-s7}\n"
    " vldm r4!, {s8-s23}\n"
    SPLIT(0, 1, 2, 3, 8, 9, 10, 11, 4)
    SPLIT(0, 1, 2, 3, 12, 13, 14, 15, 5)
    SPLIT(0, 1, 2, 3, 16, 17, 18, 19, 6)
    SPLIT(0, 1, 2, 3, 20, 21, 22, 23, 7)
    " subs r5, r5, #4\n"
    " bge 4b\n"
    "5:\n"
    " adds r5, r5, #4\n"
    " beq 7f\n"
    "6:\n" /* one position */
    " vldm r0!, {s4}\n"
    " vldm r4!, {s8-s11}\n"
    SPLIT(0, 1, 2, 3, 8, 9, 10, 11, 4)
    " subs r5, r5, #1\n"
    " bne 6b\n"
    "7:\n"
    " subs r8, r8, #1\n"
    " ittt ne\n"
    " ldrne r12, [r6, #28]\n" /* piece_skip */
    " addne r0, r0, r12, lsl #2\n"
    " bne.w 3b\n"
    " ldrd r12, lr, [r6, #32]\n" /* row_skip, weights_skip */
    " add r0, r0, r12, lsl #2\n"
    " add r4, r4, lr, lsl #4\n"
    " subs r7, r7, #1\n"
    " bne.w 2b\n"
    " ldrd r12, lr, [r6, #40]\n" /* weights_advance, relu */
    " add r4, r4, r12, lsl #4\n"
    " cmp lr, #0\n"
    " bne 8f\n"
    " vstm r9, {s0-s3}\n"
    " b 9f\n"
    "8:\n"
    STORE_RELU(0, 1, 2, 3, "r9")
    "9:\n"
    LEAVE("ai_k_conv_f32_x1"));
/* clang-format on */

float ai_k_dot_f32(const float *x, const float *weights, int32_t count, float sum)
{
    register float total __asm__("s0") = sum;
    /* clang-format off */
    /* s0-s3 sums, s4-s7 values, s8-s11 weights, s12 s13 products. */
    __asm__ volatile(
        " vmov s1, %[zero]\n"
        " vmov s2, %[zero]\n"
        " vmov s3, %[zero]\n"
        " subs %[count], %[count], #4\n"
        " blt 2f\n"
        "1:\n"
        " vldm %[x]!, {s4-s7}\n"
        " vldm %[weights]!, {s8-s11}\n"
        " vmul.f32 s12, s5, s9\n"
        " vmul.f32 s13, s7, s11\n"
        " vfma.f32 s0, s4, s8\n"
        " vadd.f32 s1, s1, s12\n"
        " vfma.f32 s2, s6, s10\n"
        " vadd.f32 s3, s3, s13\n"
        " subs %[count], %[count], #4\n"
        " bge 1b\n"
        "2:\n"
        " adds %[count], %[count], #4\n"
        " beq 4f\n"
        "3:\n"
        " vldm %[x]!, {s4}\n"
        " vldm %[weights]!, {s8}\n"
        " vfma.f32 s0, s4, s8\n"
        " subs %[count], %[count], #1\n"
        " bne 3b\n"
        "4:\n"
        " vadd.f32 s0, s0, s1\n"
        " vadd.f32 s2, s2, s3\n"
        " vadd.f32 s0, s0, s2\n"
        : "+t"(total), [x] "+r"(x), [weights] "+r"(weights), [count] "+r"(count)
        : [zero] "r"(0)
        : "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "cc", "memory");
    /* clang-format on */
    return total;
}
#else
/* Adds the products of the rows of the window to four sums. */
static const float *window(const float *x, const float *weights, float *sums, const ai_k_f32_block *block)
{
    float a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (int32_t row = 0; row < block->rows; row++) {
        for (int32_t piece = 0; piece < block->pieces; piece++) {
            for (int32_t i = 0; i < block->length; i++, weights += 4) {
                const float value = *x++;
                a += weights[0] * value;
                b += weights[1] * value;
                c += weights[2] * value;
                d += weights[3] * value;
            }
            x += piece + 1 < block->pieces ? block->piece_skip : block->row_skip;
        }
        weights += 4 * block->weights_skip;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    return weights + 4 * block->weights_advance;
}

/* All groups of up to 4 pixels; the windows of all of them are read before a group's results are written. */
static void block_of(const float *x, const float *weights, float *out, const ai_k_f32_block *block, int32_t pixels)
{
    for (int32_t channel = 0; channel < 4 * block->groups; channel += 4) {
        const float *next = weights;
        float sums[16];
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            for (int32_t i = 0; i < 4; i++) {
                sums[4 * pixel + i] = block->bias[channel + i];
            }
            next = window(x + pixel * block->x_step, weights, sums + 4 * pixel, block);
        }
        for (int32_t i = 0; i < 4 * pixels; i++) {
            out[i / 4 * block->y_step + channel + i % 4] = block->relu && sums[i] < 0.0f ? 0.0f : sums[i];
        }
        weights = next;
    }
}

void ai_k_conv_f32_x1(const float *x, const float *weights, float *out, const ai_k_f32_block *block)
{
    block_of(x, weights, out, block, 1);
}

void ai_k_conv_f32_x2(const float *x, const float *weights, float *out, const ai_k_f32_block *block)
{
    block_of(x, weights, out, block, 2);
}

void ai_k_conv_f32_x4(const float *x, const float *weights, float *out, const ai_k_f32_block *block)
{
    block_of(x, weights, out, block, 4);
}

float ai_k_dot_f32(const float *x, const float *weights, int32_t count, float sum)
{
    for (int32_t i = 0; i < count; i++) {
        sum += x[i] * weights[i];
    }
    return sum;
}
#endif
