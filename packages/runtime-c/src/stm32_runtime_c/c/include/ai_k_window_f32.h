/* SPDX-License-Identifier: Apache-2.0 */
/* Windows over float32 images [height][width][channels], clipped to the image: what float convolutions share. */
#ifndef AI_K_WINDOW_F32_H
#define AI_K_WINDOW_F32_H

#include <stdint.h>

#if defined(AI_K_PORTABLE) && AI_K_PORTABLE /* the C forms on any core */
#define AI_K_FPU 0
#elif defined(__ARM_FP) && (__ARM_FP & 4) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define AI_K_FPU 1
#else
#define AI_K_FPU 0
#endif

/* A layer is an array of words with these indices. */
enum {
    AI_K_F32_HEIGHT,       /* of the image */
    AI_K_F32_WIDTH,        /* of the image */
    AI_K_F32_CHANNELS,     /* floats from a pixel of the image to the next */
    AI_K_F32_DEPTH,        /* channels that are read */
    AI_K_F32_ROWS,         /* of the window */
    AI_K_F32_TAPS,         /* in a row of the window */
    AI_K_F32_ROW_DILATION, /* rows of the image from a row of the window to the next */
    AI_K_F32_TAP_DILATION, /* columns of the image from a tap to the next */
    AI_K_F32_STRIDE,       /* columns of the image from a window to the next */
    AI_K_F32_OUT_CHANNELS, /* floats from an output pixel to the next */
    AI_K_F32_OUTPUTS,      /* channels that are written */
    AI_K_F32_RELU,         /* 1: negative results become 0; else 0 */
    AI_K_F32_LAYER_WORDS
};

/* The part of a window that lies inside the image, along one axis: first <= index < last. */
typedef struct {
    int32_t first, last;
} ai_k_range;

static inline ai_k_range ai_k_f32_inside(int32_t start, int32_t size, int32_t taps, int32_t dilation)
{
    ai_k_range range = {0, taps};
    if (start < 0) {
        range.first = (dilation - 1 - start) / dilation;
    }
    if (start + (taps - 1) * dilation >= size) {
        range.last = size > start ? (size - start + dilation - 1) / dilation : 0;
    }
    return range;
}

/* How many of `pixels` windows of a row, the first of which starts at `column`, are clipped alike. */
static inline int32_t ai_k_f32_alike(const int32_t *layer, int32_t column, int32_t pixels)
{
    const int32_t reach = (layer[AI_K_F32_TAPS] - 1) * layer[AI_K_F32_TAP_DILATION];
    const int32_t spare = layer[AI_K_F32_WIDTH] - 1 - reach - column;
    if (column < 0 || spare < layer[AI_K_F32_STRIDE] || pixels == 1) {
        return 1;
    }
    const int32_t whole = spare / layer[AI_K_F32_STRIDE] + 1;
    return whole < pixels ? whole : pixels;
}

#endif
