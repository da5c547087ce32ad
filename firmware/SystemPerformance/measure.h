/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "ai_runtime_api.h"

/* Runs a model `runs` times on random inputs and prints the results; false (with the reason printed) if it failed. */
bool measure_model(const ai_model_info *model, uint32_t runs, uint32_t *random_state);

#endif
