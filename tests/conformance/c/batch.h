/* SPDX-License-Identifier: Apache-2.0 */
/* The models of a batch; the table is written by batch.py. */
#ifndef BATCH_H
#define BATCH_H

#include "ai_runtime_api.h"

extern const ai_model_info *const batch_models[];
extern const uint32_t batch_models_count;

#endif
