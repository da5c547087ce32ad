/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_k_detections.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* float32, or int8 that stands for (bytes[i] - zero) * scale. */
typedef struct {
    const float *reals;
    const int8_t *bytes;
    int32_t zero;
    float scale;
} numbers_view;

typedef struct {
    numbers_view codes, scores;
    const float *anchors, *numbers;
    const int32_t *layer;
} detection_layer;

static numbers_view view_of(const void *data, int32_t zero, float scale)
{
    const bool real = zero == AI_K_DETECTIONS_FLOAT;
    const numbers_view view = {real ? (const float *)data : NULL, real ? NULL : (const int8_t *)data, zero, scale};
    return view;
}

static detection_layer layer_of(const void *codes, const void *scores, const float *anchors, const int32_t *layer,
                                const float *numbers)
{
    const detection_layer d = {
        view_of(codes, layer[AI_K_DETECTIONS_CODE_ZERO], numbers[AI_K_DETECTIONS_CODE_SCALE]),
        view_of(scores, layer[AI_K_DETECTIONS_SCORE_ZERO], numbers[AI_K_DETECTIONS_SCORE_SCALE]),
        anchors,
        numbers,
        layer,
    };
    return d;
}

static float element(const numbers_view *view, int32_t i)
{
    return view->reals != NULL ? view->reals[i] : (float)(view->bytes[i] - view->zero) * view->scale;
}

/* A place is an index into the scores, which names an anchor and a class. A heap has on top the place that no other one
 * precedes: the least score (RANKING), or the greatest score, of equal ones the first place (QUEUE). */
typedef enum { RANKING, QUEUE } heap_kind;

/* Whether a belongs below b. */
static bool below(const numbers_view *scores, heap_kind kind, int32_t a, int32_t b)
{
    const float first = element(scores, a), second = element(scores, b);
    return kind == RANKING ? first > second : first < second || (first == second && a > b);
}

/* Fills the hole of a heap with `place`. The hole sinks to the leaves before the place rises from there: which one of
 * equal scores is found first depends on that, and it is how the reference's sort does it. */
static void settle(const numbers_view *scores, heap_kind kind, int32_t *heap, int32_t count, int32_t hole,
                   int32_t place)
{
    const int32_t top = hole;
    while (2 * hole + 1 < count) {
        int32_t child = 2 * hole + 2;
        if (child == count || below(scores, kind, heap[child], heap[child - 1])) {
            child--;
        }
        heap[hole] = heap[child];
        hole = child;
    }
    while (hole > top && below(scores, kind, heap[(hole - 1) / 2], place)) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = place;
}

static void make_heap(const numbers_view *scores, heap_kind kind, int32_t *heap, int32_t count)
{
    for (int32_t i = count / 2 - 1; i >= 0; i--) {
        settle(scores, kind, heap, count, i, heap[i]);
    }
}

/* Brings the `first` places of greatest score to the front, in falling order. */
static void rank(const numbers_view *scores, int32_t *places, int32_t count, int32_t first)
{
    if (first == 1) { /* of equal ones the first */
        for (int32_t i = 1; i < count; i++) {
            places[0] = element(scores, places[i]) > element(scores, places[0]) ? places[i] : places[0];
        }
        return;
    }
    make_heap(scores, RANKING, places, first);
    for (int32_t i = first; first > 0 && i < count; i++) {
        if (below(scores, RANKING, places[i], places[0])) {
            const int32_t place = places[i];
            places[i] = places[0];
            settle(scores, RANKING, places, first, 0, place);
        }
    }
    for (int32_t end = first - 1; end > 0; end--) {
        const int32_t place = places[end];
        places[end] = places[0];
        settle(scores, RANKING, places, end, 0, place);
    }
}

/* The corners ymin, xmin, ymax, xmax of an anchor's box; in double precision, as the reference computes them. */
static void decode(const detection_layer *d, int32_t anchor, float *box)
{
    const float *from = &d->anchors[4 * anchor], *divisors = &d->numbers[AI_K_DETECTIONS_DIVISORS];
    for (int32_t axis = 0; axis < 2; axis++) {
        const int32_t at = anchor * d->layer[AI_K_DETECTIONS_CODE] + axis;
        const double shift = (double)element(&d->codes, at) / (double)divisors[axis];
        const double growth = exp((double)element(&d->codes, at + 2) / (double)divisors[axis + 2]);
        const double size = (double)from[axis + 2];
        const float center = (float)(shift * size + (double)from[axis]), half = (float)(0.5 * growth * size);
        box[axis] = center - half;
        box[axis + 2] = center + half;
    }
}

static float area(const float *box)
{
    return (box[2] - box[0]) * (box[3] - box[1]);
}

static float common(const float *a, const float *b, int32_t axis)
{
    const float low = a[axis] < b[axis] ? b[axis] : a[axis];
    const float high = b[axis + 2] < a[axis + 2] ? b[axis + 2] : a[axis + 2];
    return high - low < 0.0f ? 0.0f : high - low;
}

/* Whether a box covers too much of one of `count` others. */
static bool is_covered(const detection_layer *d, const float *box, const float *others, int32_t count, int32_t stride)
{
    const float size = area(box);
    for (int32_t i = 0; i < count; i++, others += stride) {
        const float other = area(others);
        if (size <= 0.0f || other <= 0.0f) {
            continue;
        }
        const float both = common(others, box, 0) * common(others, box, 1);
        if (both / (other + size - both) > d->numbers[AI_K_DETECTIONS_OVERLAP]) {
            return true;
        }
    }
    return false;
}

/* Chooses boxes in falling order of score that do not cover each other; returns how many.
 * queue: `count` places, used up; boxes: room for `limit` of them, each `stride` elements behind the one before. */
static int32_t choose(const detection_layer *d, int32_t *queue, int32_t count, int32_t limit, int32_t *chosen,
                      float *boxes, int32_t stride)
{
    int32_t found = 0;
    make_heap(&d->scores, QUEUE, queue, count);
    while (count > 0 && found < limit) {
        float *const box = &boxes[found * stride];
        chosen[found] = queue[0];
        count--;
        settle(&d->scores, QUEUE, queue, count, 0, queue[count]);
        decode(d, chosen[found] / d->layer[AI_K_DETECTIONS_DEPTH], box);
        found += is_covered(d, box, boxes, found, stride) ? 0 : 1;
    }
    return found;
}

/* Puts a place behind those of at least its score in a list of at most `limit`; returns the list's length. */
static int32_t insert(const numbers_view *scores, int32_t *list, int32_t length, int32_t limit, int32_t place)
{
    const float score = element(scores, place);
    int32_t at = length < limit ? length : limit;
    while (at > 0 && element(scores, list[at - 1]) < score) {
        if (at < limit) {
            list[at] = list[at - 1];
        }
        at--;
    }
    if (at < limit) {
        list[at] = place;
    }
    return length < limit ? length + 1 : limit;
}

static int32_t best_class(const detection_layer *d, int32_t anchor)
{
    const int32_t begin = anchor * d->layer[AI_K_DETECTIONS_DEPTH], end = begin + d->layer[AI_K_DETECTIONS_DEPTH];
    int32_t best = begin + d->layer[AI_K_DETECTIONS_BACKGROUND];
    for (int32_t place = best + 1; place < end; place++) {
        best = element(&d->scores, place) > element(&d->scores, best) ? place : best;
    }
    return best;
}

/* Class and score of a place. */
static void tell(const detection_layer *d, int32_t place, float *out_class, float *out_score)
{
    *out_class = (float)(place % d->layer[AI_K_DETECTIONS_DEPTH] - d->layer[AI_K_DETECTIONS_BACKGROUND]);
    *out_score = element(&d->scores, place);
}

/* Elements from `begin` on up to `end` are 0. */
static void clear(int32_t begin, int32_t end, float *out_boxes, float *out_classes, float *out_scores)
{
    const size_t size = (size_t)(end - begin) * sizeof(float);
    memset(&out_boxes[4 * begin], 0, 4 * size);
    memset(&out_classes[begin], 0, size);
    memset(&out_scores[begin], 0, size);
}

void ai_k_detections_fast(const void *codes, const void *scores, const float *anchors, const int32_t *layer,
                          const float *numbers, float *out_boxes, float *out_classes, float *out_scores,
                          float *out_count, int32_t *places)
{
    const detection_layer d = layer_of(codes, scores, anchors, layer, numbers);
    const int32_t count = layer[AI_K_DETECTIONS_ANCHORS], each = layer[AI_K_DETECTIONS_CLASSES];
    const int32_t classes = layer[AI_K_DETECTIONS_DEPTH] - layer[AI_K_DETECTIONS_BACKGROUND];
    const int32_t told = each < classes ? each : classes, limit = layer[AI_K_DETECTIONS_LIMIT];
    int32_t *const chosen = &places[count], *const ranked = &chosen[limit];
    int32_t waiting = 0;
    for (int32_t anchor = 0; anchor < count; anchor++) {
        const int32_t place = best_class(&d, anchor);
        if (element(&d.scores, place) >= numbers[AI_K_DETECTIONS_LEAST]) {
            places[waiting++] = place;
        }
    }
    const int32_t found = choose(&d, places, waiting, limit, chosen, out_boxes, 4 * each);
    for (int32_t i = 0; i < found; i++) {
        const int32_t row = chosen[i] - chosen[i] % layer[AI_K_DETECTIONS_DEPTH] + layer[AI_K_DETECTIONS_BACKGROUND];
        for (int32_t k = 0; k < classes; k++) {
            ranked[k] = row + k;
        }
        rank(&d.scores, ranked, classes, told);
        clear(i * each + told, (i + 1) * each, out_boxes, out_classes, out_scores);
        for (int32_t k = 0; k < told; k++) {
            tell(&d, ranked[k], &out_classes[i * each + k], &out_scores[i * each + k]);
            if (k > 0) {
                memcpy(&out_boxes[4 * (i * each + k)], &out_boxes[4 * i * each], 4 * sizeof(float));
            }
        }
    }
    clear(found * each, limit * each, out_boxes, out_classes, out_scores);
    out_count[0] = (float)found;
}

void ai_k_detections_regular(const void *codes, const void *scores, const float *anchors, const int32_t *layer,
                             const float *numbers, float *out_boxes, float *out_classes, float *out_scores,
                             float *out_count, int32_t *places, float *kept)
{
    const detection_layer d = layer_of(codes, scores, anchors, layer, numbers);
    const int32_t count = layer[AI_K_DETECTIONS_ANCHORS], depth = layer[AI_K_DETECTIONS_DEPTH];
    const int32_t limit = layer[AI_K_DETECTIONS_LIMIT], each = layer[AI_K_DETECTIONS_PER_CLASS];
    int32_t *const best = &places[count], *const chosen = &best[limit];
    int32_t found = 0;
    for (int32_t column = layer[AI_K_DETECTIONS_BACKGROUND]; column < depth; column++) {
        int32_t waiting = 0;
        for (int32_t place = column; place < count * depth; place += depth) {
            if (element(&d.scores, place) >= numbers[AI_K_DETECTIONS_LEAST]) {
                places[waiting++] = place;
            }
        }
        const int32_t more = choose(&d, places, waiting, each, chosen, kept, 4);
        for (int32_t i = 0; i < more; i++) {
            found = insert(&d.scores, best, found, limit, chosen[i]);
        }
    }
    for (int32_t i = 0; i < found; i++) {
        decode(&d, best[i] / depth, &out_boxes[4 * i]);
        tell(&d, best[i], &out_classes[i], &out_scores[i]);
    }
    clear(found, limit, out_boxes, out_classes, out_scores);
    out_count[0] = (float)found;
}
