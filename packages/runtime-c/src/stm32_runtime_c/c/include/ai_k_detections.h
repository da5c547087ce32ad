/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a detection model: boxes that stand for an object each are chosen from those of all anchors. */
#ifndef AI_K_DETECTIONS_H
#define AI_K_DETECTIONS_H

#include <stdint.h>

/* Elements of `layer`. A zero point is -1000 where the tensor is float32; else it is int8. */
enum {
    AI_K_DETECTIONS_ANCHORS,    /* number of anchors */
    AI_K_DETECTIONS_CODE,       /* elements of a box code, of which the first 4 are y, x, h, w */
    AI_K_DETECTIONS_DEPTH,      /* scores of an anchor */
    AI_K_DETECTIONS_BACKGROUND, /* how many of them, the first ones, are no class */
    AI_K_DETECTIONS_LIMIT,      /* boxes that are chosen at most */
    AI_K_DETECTIONS_CLASSES,    /* classes that are told of each box (fast) */
    AI_K_DETECTIONS_PER_CLASS,  /* boxes that are chosen of each class at most (regular) */
    AI_K_DETECTIONS_CODE_ZERO,  /* zero point of the box codes */
    AI_K_DETECTIONS_SCORE_ZERO  /* zero point of the scores */
};
#define AI_K_DETECTIONS_FLOAT (-1000)

/* Elements of `numbers`. */
enum {
    AI_K_DETECTIONS_LEAST,    /* least score of a box */
    AI_K_DETECTIONS_OVERLAP,  /* largest intersection over union of two chosen boxes */
    AI_K_DETECTIONS_DIVISORS, /* by which y, x, h, w of a code are divided */
    AI_K_DETECTIONS_CODE_SCALE = AI_K_DETECTIONS_DIVISORS + 4,
    AI_K_DETECTIONS_SCORE_SCALE
};

/* codes [anchors][code], scores [anchors][depth], anchors [anchors][4] = y, x, h, w of the center. What is not filled
 * of out_boxes [..][4] = ymin, xmin, ymax, xmax, out_classes [..] and out_scores [..] is 0; out_count [1] is the number
 * of chosen boxes.
 *
 * Fast: every anchor counts with its best class; limit * classes results. places: anchors + limit + depth elements.
 */
void ai_k_detections_fast(const void *codes, const void *scores, const float *anchors, const int32_t *layer,
                          const float *numbers, float *out_boxes, float *out_classes, float *out_scores,
                          float *out_count, int32_t *places);

/* Regular: boxes of each class are chosen by themselves, then the best of all classes; limit results.
 * places: anchors + limit + per_class elements; kept: per_class * 4 elements. */
void ai_k_detections_regular(const void *codes, const void *scores, const float *anchors, const int32_t *layer,
                             const float *numbers, float *out_boxes, float *out_classes, float *out_scores,
                             float *out_count, int32_t *places, float *kept);

#endif
