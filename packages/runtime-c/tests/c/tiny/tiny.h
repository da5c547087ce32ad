/* SPDX-License-Identifier: Apache-2.0 */
/* Fixture in the emitted style: two inputs, two outputs, all in the pool, with its own activations. */
#ifndef TINY_H
#define TINY_H

#include "ai_instance.h"

#if AI_API_VERSION_MAJOR != 1
#error "tiny was emitted for version 1 of the runtime API (ai_runtime_api.h): emit it again for this runtime"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define _TINY_INPUTS_COUNT_ 2
#define _TINY_OUTPUTS_COUNT_ 2
#define _TINY_PLANNED_BYTES_ 64u
#define _TINY_ACTIVATION_BYTES_ (AI_CONTEXT_BYTES(_TINY_INPUTS_COUNT_ + _TINY_OUTPUTS_COUNT_) + _TINY_PLANNED_BYTES_)

extern const ai_model_info tiny_network;
extern uint8_t tiny_activations[];

ai_status ai_tiny_create(ai_ptr activations, ai_handle *handle);
ai_status ai_tiny_destroy(ai_handle handle);
ai_status ai_tiny_run(ai_handle handle);

#ifdef __cplusplus
}
#endif

#endif
