/* SPDX-License-Identifier: Apache-2.0 */
#include "ranks.h"

#include "ranks_data.h"

int64_t ranks_sum_0(const int8_t *a, const uint8_t *b, const int16_t *c, const int32_t *d, const float *e,
                    const int64_t *f, const bool *g);

static const int64_t shape1[1] = {2};
static const int64_t shape2[2] = {1, 2};
static const int64_t shape3[3] = {1, 2, 1};
static const int64_t shape4[4] = {1, 1, 2, 1};
static const int64_t shape5[5] = {1, 1, 1, 1, 2};
static const int64_t shape6[6] = {1, 1, 1, 1, 1, 2};

static const ai_tensor inputs[_RANKS_INPUTS_COUNT_] = {
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 8, 1}}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLUInt, 8, 1}, .shape = shape1}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 2, .dtype = {kDLInt, 16, 1}, .shape = shape2}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 3, .dtype = {kDLInt, 32, 1}, .shape = shape3}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 4, .dtype = {kDLFloat, 32, 1}, .shape = shape4}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 5, .dtype = {kDLInt, 64, 1}, .shape = shape5}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 6, .dtype = {kDLBool, 8, 1}, .shape = shape6}},
};
static const ai_tensor outputs[_RANKS_OUTPUTS_COUNT_] = {
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 64, 1}}},
    {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 64, 1}}},
};
static const uint32_t io_offsets[9] = {AI_OFFSET_EXTERNAL, AI_OFFSET_EXTERNAL, AI_OFFSET_EXTERNAL,
                                       AI_OFFSET_EXTERNAL, AI_OFFSET_EXTERNAL, AI_OFFSET_EXTERNAL,
                                       AI_OFFSET_EXTERNAL, AI_OFFSET_EXTERNAL, 0};
static const char *const io_names[9] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "sum", "negated"};

#ifdef AI_OBSERVER
static const uint16_t node0_ops[2] = {0, 1};
static const ai_node_tensor node0_outputs[2] = {
    {.name = "sum",
     .tensor = {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 64, 1}}},
     .pool_offset = AI_OFFSET_EXTERNAL,
     .io_index = 0},
    {.name = "negated",
     .tensor = {.dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 64, 1}}},
     .pool_offset = 0,
     .io_index = 1},
};
static const ai_node_info nodes[1] = {{"1:SUM", node0_ops, node0_outputs, 0, 2, 2}};
#endif

static ai_status run_nodes(ai_handle handle)
{
    uint8_t *const pool = (uint8_t *)handle + AI_CONTEXT_BYTES(_RANKS_INPUTS_COUNT_ + _RANKS_OUTPUTS_COUNT_);
    const ai_tensor *const io = ai_instance_io(handle);
    int64_t *const sum = (int64_t *)io[7].dltensor.data;
    AI_NODE_BEGIN(handle, 0);
    *sum = ranks_sum_0((const int8_t *)io[0].dltensor.data, (const uint8_t *)io[1].dltensor.data,
                       (const int16_t *)io[2].dltensor.data, (const int32_t *)io[3].dltensor.data,
                       (const float *)io[4].dltensor.data, (const int64_t *)io[5].dltensor.data,
                       (const bool *)io[6].dltensor.data);
    *(int64_t *)(void *)(pool + 0) = -*sum;
    AI_NODE_END(handle, 0);
    return AI_STATUS_OK;
}

const ai_model_info ranks_network = {
    .name = "ranks",
    .datetime = "2026-01-02T03:04:05Z",
    .revision = "1",
    .tool_version = "0.1.0",
    .api_version = "1.0.0",
    .n_nodes = 1,
    .n_inputs = _RANKS_INPUTS_COUNT_,
    .n_outputs = _RANKS_OUTPUTS_COUNT_,
    .signature = 0x9abcdef0u,
    .activations_size = _RANKS_ACTIVATION_BYTES_,
    .params_size = 0,
    .n_macc = 0,
    .activations = NULL,
    .inputs = inputs,
    .outputs = outputs,
    .io_offsets = io_offsets,
    .io_names = io_names,
#ifdef AI_OBSERVER
    .nodes = nodes,
#endif
    .get_params = ranks_get_params,
    .create = ai_ranks_create,
    .destroy = ai_ranks_destroy,
    .run = run_nodes,
};

AI_SECTION(".nn_models") AI_USED static const ai_model_info *const ranks_network_entry = &ranks_network;

ai_status ai_ranks_create(ai_ptr activations, ai_handle *handle)
{
    return ai_instance_create(&ranks_network, activations, handle);
}

ai_status ai_ranks_destroy(ai_handle handle)
{
    return ai_instance_destroy(handle);
}

ai_status ai_ranks_run(ai_handle handle)
{
    return ai_instance_run(&ranks_network, handle);
}
