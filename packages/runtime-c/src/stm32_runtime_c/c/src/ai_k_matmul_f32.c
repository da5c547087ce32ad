/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_matmul.h"

enum { ROWS, COLUMNS, DEPTH, A_ROW, A_DEPTH, B_DEPTH, B_COLUMN };
enum { HEIGHT = 2, WIDTH = 4 };

/* 2 x 4 results at once. */
static void block_2x4(const float *a, const float *b, float *y, const int32_t *layer)
{
    const int32_t down = layer[A_ROW], right = layer[B_COLUMN], a_step = layer[A_DEPTH], b_step = layer[B_DEPTH];
    const float *b1 = b + right, *b2 = b1 + right, *b3 = b2 + right, *below = a + down;
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f, t0 = 0.0f, t1 = 0.0f, t2 = 0.0f, t3 = 0.0f;
    for (int32_t k = layer[DEPTH]; k > 0; k--) {
        const float first = *a, second = *below;
        s0 += first * *b;
        t0 += second * *b;
        s1 += first * *b1;
        t1 += second * *b1;
        s2 += first * *b2;
        t2 += second * *b2;
        s3 += first * *b3;
        t3 += second * *b3;
        a += a_step;
        below += a_step;
        b += b_step;
        b1 += b_step;
        b2 += b_step;
        b3 += b_step;
    }
    float *under = y + layer[COLUMNS];
    y[0] = s0;
    y[1] = s1;
    y[2] = s2;
    y[3] = s3;
    under[0] = t0;
    under[1] = t1;
    under[2] = t2;
    under[3] = t3;
}

/* One result after the other, for what is left over at the edges. */
static void block_rest(const float *a, const float *b, float *y, const int32_t *layer, int32_t rows, int32_t columns)
{
    for (int32_t m = 0; m < rows; m++) {
        for (int32_t n = 0; n < columns; n++) {
            const float *left = a + m * layer[A_ROW], *right = b + n * layer[B_COLUMN];
            float sum = 0.0f;
            for (int32_t k = 0; k < layer[DEPTH]; k++) {
                sum += left[k * layer[A_DEPTH]] * right[k * layer[B_DEPTH]];
            }
            y[m * layer[COLUMNS] + n] = sum;
        }
    }
}

void ai_k_matmul_f32(const float *a, const float *b, float *y, const int32_t *layer)
{
    for (int32_t m = 0; m < layer[ROWS]; m += HEIGHT) {
        const int32_t rows = layer[ROWS] - m < HEIGHT ? layer[ROWS] - m : HEIGHT;
        for (int32_t n = 0; n < layer[COLUMNS]; n += WIDTH) {
            const int32_t columns = layer[COLUMNS] - n < WIDTH ? layer[COLUMNS] - n : WIDTH;
            const float *left = a + m * layer[A_ROW], *right = b + n * layer[B_COLUMN];
            float *to = y + m * layer[COLUMNS] + n;
            if (rows == HEIGHT && columns == WIDTH) {
                block_2x4(left, right, to, layer);
            } else {
                block_rest(left, right, to, layer, rows, columns);
            }
        }
    }
}
