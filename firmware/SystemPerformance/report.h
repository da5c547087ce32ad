/* SPDX-License-Identifier: Apache-2.0 */
/* What SystemPerformance prints about the system and the models. */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

#include "ai_runtime_api.h"
#include "text.h"

/* Results of the inferences of one model in one round. */
typedef struct {
    uint64_t sum, min, max; /* of board_counter() */
    uint32_t runs;
    uint32_t stack_used; /* bytes, the most that one inference took */
} measurement;

/* Starts a line: a name in its column, then ": ". */
void put_name(const char *name);

void report_system(void);
void report_model(const ai_model_info *model);
void report_measurement(const ai_model_info *model, const measurement *result);

#endif
