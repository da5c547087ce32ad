/* SPDX-License-Identifier: Apache-2.0 */
/* The table of models as a host build makes it; with NO_MODELS the one of a program without a model. */
#include "ai_instance.h"

#ifdef NO_MODELS
const ai_model_info *const ai_host_models[] = {NULL};
const size_t ai_host_models_count = 0;
#else
#include "ranks.h"
#include "tiny.h"

const ai_model_info *const ai_host_models[] = {&tiny_network, &ranks_network};
const size_t ai_host_models_count = 2;
#endif
