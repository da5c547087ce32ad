/* SPDX-License-Identifier: Apache-2.0 */
/* Random inputs for the fixture models, and what must come out, computed apart from them. */
#ifndef FIXTURES_H
#define FIXTURES_H

#include "ranks.h"
#include "tiny.h"

typedef struct {
    int16_t products[12];
    int32_t sum;
} tiny_expectation;

/* The external memory of an instance of ranks. */
typedef struct {
    int8_t r0;
    uint8_t r1[2];
    int16_t r2[2];
    int32_t r3[2];
    float r4[2];
    int64_t r5[2];
    bool r6[2];
    int64_t sum;
} ranks_io;

/* malloc with the alignment of a pool. */
void *aligned_heap(size_t bytes);
void fill_noise(uint8_t *data, size_t bytes);

tiny_expectation fill_tiny(ai_handle handle);
bool tiny_is(ai_handle handle, const tiny_expectation *expected);
/* Fills the inputs, runs with `run`, and tells whether all was well. */
bool run_tiny(ai_handle handle, ai_status (*run)(ai_handle handle));

void bind_ranks(ai_handle handle, ranks_io *io);
/* Gives the sum that must come out. */
int64_t fill_ranks(ranks_io *io);

#endif
