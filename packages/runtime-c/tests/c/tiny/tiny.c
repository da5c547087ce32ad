/* SPDX-License-Identifier: Apache-2.0 */
#include "tiny.h"

#include "tiny_data.h"

void tiny_mul_0(const int8_t *x, int16_t *y, const int8_t *w);
void tiny_sum_1(const int16_t *x, const float *bias, int32_t *y);

static const int64_t image_shape[4] = {1, 2, 2, 3};
static const int64_t bias_shape[1] = {3};
static const float in0_scale[1] = {0.5f};
static const int32_t in0_zero_point[1] = {-1};
static const ai_quantization_info in0_quant = {in0_scale, in0_zero_point, -1};
static const float out0_scale[3] = {0.25f, 0.125f, 2.0f};
static const int32_t out0_zero_point[3] = {0, 3, -5};
static const ai_quantization_info out0_quant = {out0_scale, out0_zero_point, 3};

static const ai_tensor inputs[_TINY_INPUTS_COUNT_] = {
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 4, .dtype = {kDLInt, 8, 1}, .shape = image_shape},
     .quant = &in0_quant},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLFloat, 32, 1}, .shape = bias_shape}},
};
static const ai_tensor outputs[_TINY_OUTPUTS_COUNT_] = {
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 4, .dtype = {kDLInt, 16, 1}, .shape = image_shape},
     .quant = &out0_quant},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 32, 1}}},
};
static const uint32_t io_offsets[4] = {0, 16, 32, 56};
static const char *const io_names[4] = {"serving/image:0", "bias", "Identity", "Identity_1"};

#ifdef AI_OBSERVER
static const uint16_t node0_ops[1] = {0};
static const uint16_t node1_ops[2] = {1, 2};
static const ai_node_tensor node0_outputs[1] = {
    {.name = "Identity",
     .tensor = {.dltensor = {.device = {kDLCPU, 0}, .ndim = 4, .dtype = {kDLInt, 16, 1}, .shape = image_shape},
                .quant = &out0_quant},
     .pool_offset = 32,
     .io_index = 0},
};
static const ai_node_tensor node1_outputs[1] = {
    {.name = "Identity_1",
     .tensor = {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 32, 1}}},
     .pool_offset = 56,
     .io_index = 1},
};
static const ai_node_info nodes[2] = {
    {"0:MUL", node0_ops, node0_outputs, 12, 1, 1},
    {"2:SUM", node1_ops, node1_outputs, 0, 2, 1},
};
#endif

AI_SECTION(".tiny.nn_data_act") AI_ALIGNED(AI_POOL_ALIGNMENT) uint8_t tiny_activations[_TINY_ACTIVATION_BYTES_];

static ai_status run_nodes(ai_handle handle)
{
    uint8_t *const pool = (uint8_t *)handle + AI_CONTEXT_BYTES(_TINY_INPUTS_COUNT_ + _TINY_OUTPUTS_COUNT_);
    AI_NODE_BEGIN(handle, 0);
    tiny_mul_0((const int8_t *)(pool + 0), (int16_t *)(void *)(pool + 32), tiny_w0);
    AI_NODE_END(handle, 0);
    AI_NODE_BEGIN(handle, 1);
    tiny_sum_1((const int16_t *)(void *)(pool + 32), (const float *)(void *)(pool + 16),
               (int32_t *)(void *)(pool + 56));
    AI_NODE_END(handle, 1);
    return AI_STATUS_OK;
}

const ai_model_info tiny_network = {
    .name = "tiny",
    .datetime = "",
    .revision = "1",
    .tool_version = "0.1.0",
    .api_version = "1.0.0",
    .n_nodes = 2,
    .n_inputs = _TINY_INPUTS_COUNT_,
    .n_outputs = _TINY_OUTPUTS_COUNT_,
    .signature = 0x12345678u,
    .activations_size = _TINY_ACTIVATION_BYTES_,
    .params_size = sizeof tiny_w0,
    .n_macc = 12,
    .activations = tiny_activations,
    .inputs = inputs,
    .outputs = outputs,
    .io_offsets = io_offsets,
    .io_names = io_names,
#ifdef AI_OBSERVER
    .nodes = nodes,
#endif
    .get_params = tiny_get_params,
    .create = ai_tiny_create,
    .destroy = ai_tiny_destroy,
    .run = run_nodes,
};

AI_SECTION(".nn_models") AI_USED static const ai_model_info *const tiny_network_entry = &tiny_network;

ai_status ai_tiny_create(ai_ptr activations, ai_handle *handle)
{
    return ai_instance_create(&tiny_network, activations, handle);
}

ai_status ai_tiny_destroy(ai_handle handle)
{
    return ai_instance_destroy(handle);
}

ai_status ai_tiny_run(ai_handle handle)
{
    return ai_instance_run(&tiny_network, handle);
}
