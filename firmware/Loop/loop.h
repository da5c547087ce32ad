/* SPDX-License-Identifier: Apache-2.0 */
/* What the program without a console leaves for a debugger. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

#include "ai_runtime_api.h"

/* Results of the first models in link order; others run, too, but nobody sees it. */
#define LOOP_RESULTS 8

typedef struct {
    const ai_model_info *model; /* NULL: there is no such model */
    uint32_t runs;              /* inferences since reset */
    uint32_t failures;          /* of them, those that did not end with AI_STATUS_OK */
    uint32_t output_hash;       /* of all outputs of the last inference, see loop_hash() */
    uint32_t changes;           /* inferences whose outputs were not those of the first; the inputs are the same */
    uint64_t count;             /* of board_counter() for the last inference */
    const char *error;          /* of the last failure, NULL if there was none */
} loop_result;

extern volatile loop_result loop_results[LOOP_RESULTS];

/* FNV-1a (32 bit) of `size` bytes, continued from `hash`; begins with LOOP_HASH_START. */
#define LOOP_HASH_START 0x811C9DC5u
uint32_t loop_hash(uint32_t hash, const uint8_t *data, uint32_t size);

#endif
