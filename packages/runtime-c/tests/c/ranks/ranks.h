/* SPDX-License-Identifier: Apache-2.0 */
/* Fixture in the emitted style: one input of every rank from 0 to 6, each of another dtype, and an output, all outside
 * the pool, and an output in the pool; no parameters and no activations of its own. */
#ifndef RANKS_H
#define RANKS_H

#include "ai_instance.h"

#if AI_API_VERSION_MAJOR != 1
#error "ranks was emitted for version 1 of the runtime API (ai_runtime_api.h): emit it again for this runtime"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define _RANKS_INPUTS_COUNT_ 7
#define _RANKS_OUTPUTS_COUNT_ 2
#define _RANKS_PLANNED_BYTES_ 8u
#define _RANKS_ACTIVATION_BYTES_                                                                                       \
    (AI_CONTEXT_BYTES(_RANKS_INPUTS_COUNT_ + _RANKS_OUTPUTS_COUNT_) + _RANKS_PLANNED_BYTES_)

extern const ai_model_info ranks_network;

ai_status ai_ranks_create(ai_ptr activations, ai_handle *handle);
ai_status ai_ranks_destroy(ai_handle handle);
ai_status ai_ranks_run(ai_handle handle);

#ifdef __cplusplus
}
#endif

#endif
