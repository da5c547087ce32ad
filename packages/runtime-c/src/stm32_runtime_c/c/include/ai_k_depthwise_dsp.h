/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly of ai_k_depthwise_dsp.c, for cores with the DSP extension. */
#ifndef AI_K_DEPTHWISE_DSP_H
#define AI_K_DEPTHWISE_DSP_H

#include <stdint.h>

/* Rows of pixels that ai_k_depthwise_widen_4 and _2 read; the assembly reads them in this order. */
typedef struct {
    const int8_t *first;  /* upper row of the first pair */
    const int8_t *second; /* lower row */
    int32_t first_step;   /* bytes from a pixel to the next */
    int32_t second_step;
    int32_t bytes;   /* that are written for a pair of rows of a channel, at least 4 */
    int32_t advance; /* bytes from the end of a row to the row that comes two rows later */
    int32_t skip;    /* bytes that are left alone behind a pair of rows */
    int32_t count;   /* pairs of rows, at least 1 */
    int32_t plane;   /* bytes from a channel to the next */
} widen_rows;

/* Widens 4 or 2 channels of pairs of rows. */
void ai_k_depthwise_widen_4(int32_t *pairs, const widen_rows *rows);
void ai_k_depthwise_widen_2(int32_t *pairs, const widen_rows *rows);

#endif
