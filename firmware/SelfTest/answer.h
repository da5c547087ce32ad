/* SPDX-License-Identifier: Apache-2.0 */
/* One inference of the linked model on inputs that come over the line. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "ai_runtime_api.h"

/* The first model that is linked, NULL if there is none. */
const ai_model_info *answer_model(void);

/* Makes a fresh instance of the model; NULL, or what is wrong. */
const char *answer_begin(void);

/* Copies bytes into the first input from `offset` on; false if they do not fit it, or there is no instance. */
bool answer_input(uint32_t offset, const uint8_t *bytes, uint32_t count);

/* Runs the instance; NULL, or what is wrong. *count is what board_counter() counted. */
const char *answer_run(uint64_t *count);

/* The bytes of the first output; NULL without an instance. */
const uint8_t *answer_output(uint32_t *count);

#endif
