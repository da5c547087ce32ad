/* SPDX-License-Identifier: Apache-2.0 */
/* A model in the emitted style whose tensors have the ranks and types that rarely occur: rank 5, rank 0, bool, int64;
 * names that are long or not ASCII. Its second node needs a kilobyte of stack and as much time as it is told. */
#ifndef ODD_H
#define ODD_H

#include "ai_instance.h"

#if AI_API_VERSION_MAJOR != 1
#error "odd needs version 1 of the runtime API"
#endif

#define _ODD_INPUTS_COUNT_ 3
#define _ODD_OUTPUTS_COUNT_ 3
#define _ODD_PLANNED_BYTES_ 96u
#define _ODD_ACTIVATION_BYTES_ (AI_CONTEXT_BYTES(_ODD_INPUTS_COUNT_ + _ODD_OUTPUTS_COUNT_) + _ODD_PLANNED_BYTES_)

extern const ai_model_info odd_network;
extern uint8_t odd_activations[];

ai_status ai_odd_create(ai_ptr activations, ai_handle *handle);
ai_status ai_odd_destroy(ai_handle handle);
ai_status ai_odd_run(ai_handle handle);

#endif
