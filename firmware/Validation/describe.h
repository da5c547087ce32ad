/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors and models as messages. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "session.h"

/* A tensor's description. data: its address, may be NULL. flags: stm32_ai_TensorFlag bits. */
void describe_tensor(stm32_ai_aiTensorDescMsg *desc, const ai_tensor *tensor, const char *name, const void *data,
                     uint32_t flags);

/* A block of memory: rank 1, uint8. */
void describe_memory(stm32_ai_aiTensorDescMsg *desc, const char *name, uint32_t bytes, const void *data,
                     uint32_t flags);

/* Bytes to be encoded by reference; must outlive the message. */
typedef struct {
    const void *data;
    uint32_t size;
} byte_range;

/* Makes the message carry `range`, straight from where it is. */
void describe_data(stm32_ai_aiDataMsg *message, const byte_range *range);

/* An instance and its model. */
typedef struct {
    const ai_model_info *model;
    ai_handle handle;
} model_view;

/* An output of a node, read piece by piece; must outlive the message. */
typedef struct {
    ai_handle handle;
    uint32_t node, output;
    uint32_t size;
} node_data;

/* Makes the message carry it, in the layout of the original model. */
void describe_node_data(stm32_ai_aiDataMsg *message, const node_data *data);

/* Fills a model information message; *view must outlive it. */
void describe_model(stm32_ai_aiModelInfoMsg *info, const model_view *view);

/* "major.minor.patch" as major << 24 | minor << 16 | patch << 8. */
uint32_t describe_version(const char *text);

/* What a device says it runs: TVM runtime, GCC. */
uint32_t describe_runtime(void);

#endif
