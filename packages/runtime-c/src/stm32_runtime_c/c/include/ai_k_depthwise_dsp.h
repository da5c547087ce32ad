/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly of ai_k_depthwise_dsp.c, for cores with the DSP extension. */
#ifndef AI_K_DEPTHWISE_DSP_H
#define AI_K_DEPTHWISE_DSP_H

#include <stdint.h>

/* Sizes of a call; the assembly reads them in this order. */
typedef struct {
    int32_t pitch;      /* bytes from a pair of rows to the next */
    int32_t rows;       /* output rows, at least 1 */
    int32_t columns;    /* output columns, at least 1 */
    int32_t channels;   /* bytes from an output pixel to the next */
    int32_t zero_point; /* of the output */
    int32_t lanes;      /* input channels, each of which has one output channel */
} window_sizes;

typedef void window_kernel(const int32_t *pairs, const int32_t *records, int8_t *out, const window_sizes *sizes);

window_kernel ai_k_depthwise_3x3_lanes, ai_k_depthwise_3x3_relu_lanes;
window_kernel ai_k_depthwise_3x3_s2_lanes, ai_k_depthwise_3x3_s2_relu_lanes;

/* Rows of pixels that ai_k_depthwise_widen reads; the assembly reads them in this order. */
typedef struct {
    const int8_t *first;  /* upper row of the first pair */
    const int8_t *second; /* lower row */
    int32_t first_step;   /* bytes from a pixel to the next */
    int32_t second_step;
    int32_t bytes;   /* that are written for a pair of rows */
    int32_t advance; /* bytes from the end of a row to the row that comes two rows later */
    int32_t skip;    /* bytes that are left alone behind a pair of rows */
    int32_t count;   /* pairs of rows, at least 1 */
} widen_rows;

/* Widens 4 channels of pairs of rows. */
void ai_k_depthwise_widen(int32_t *pairs, const widen_rows *rows);

#endif
