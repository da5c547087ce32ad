/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYERS_H
#define LAYERS_H

#include "ai_runtime_api.h"

/* Runs once more and prints what each node took; without AI_OBSERVER (PER_LAYER=OFF) does nothing. */
void report_layers(ai_handle handle);

#endif
