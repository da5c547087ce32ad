/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_matmul.h"

enum { ROWS, COLUMNS, DEPTH, A_ROW, A_DEPTH, B_DEPTH, B_COLUMN };
enum { SIDE = 4 };

/* 4 x 4 results at once. */
static void block_4x4(const float *a, const float *b, float *y, const int32_t *layer)
{
    const int32_t down = layer[A_ROW], right = layer[B_COLUMN], a_step = layer[A_DEPTH], b_step = layer[B_DEPTH];
    float sums[SIDE][SIDE] = {{0.0f}};
    for (int32_t k = 0; k < layer[DEPTH]; k++, a += a_step, b += b_step) {
        const float columns[SIDE] = {b[0], b[right], b[2 * right], b[3 * right]};
        for (int32_t m = 0; m < SIDE; m++) {
            const float value = a[m * down];
            for (int32_t n = 0; n < SIDE; n++) {
                sums[m][n] += value * columns[n];
            }
        }
    }
    for (int32_t m = 0; m < SIDE; m++) {
        for (int32_t n = 0; n < SIDE; n++) {
            y[m * layer[COLUMNS] + n] = sums[m][n];
        }
    }
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
    for (int32_t m = 0; m < layer[ROWS]; m += SIDE) {
        const int32_t rows = layer[ROWS] - m < SIDE ? layer[ROWS] - m : SIDE;
        for (int32_t n = 0; n < layer[COLUMNS]; n += SIDE) {
            const int32_t columns = layer[COLUMNS] - n < SIDE ? layer[COLUMNS] - n : SIDE;
            const float *left = a + m * layer[A_ROW], *right = b + n * layer[B_COLUMN];
            float *to = y + m * layer[COLUMNS] + n;
            if (rows == SIDE && columns == SIDE) {
                block_4x4(left, right, to, layer);
            } else {
                block_rest(left, right, to, layer, rows, columns);
            }
        }
    }
}
