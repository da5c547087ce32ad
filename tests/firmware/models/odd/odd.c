/* SPDX-License-Identifier: Apache-2.0 */
#include "odd.h"

#include "odd_data.h"

void odd_scale_0(const uint8_t *x, float *y, const float *w);
void odd_sum_1(const uint8_t *x, const int64_t *turns, int64_t *y);
void odd_not_2(const uint8_t *x, uint8_t *y);

#define BLOCK                                                                                                          \
    {                                                                                                                  \
        .dltensor = {.device = {kDLCPU, 0}, .ndim = 5, .dtype = {kDLUInt, 8, 1}, .shape = block_shape},                \
        .quant = &block_quant                                                                                          \
    }
#define TURNS                                                                                                          \
    {                                                                                                                  \
        .dltensor = {.device = {kDLCPU, 0}, .ndim = 0, .dtype = {kDLInt, 64, 1} }                                      \
    }
#define FLAGS                                                                                                          \
    {                                                                                                                  \
        .dltensor = {.device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLBool, 8, 1}, .shape = flags_shape }                \
    }
#define HALVES                                                                                                         \
    {                                                                                                                  \
        .dltensor = {.device = {kDLCPU, 0}, .ndim = 2, .dtype = {kDLFloat, 32, 1}, .shape = halves_shape }             \
    }
/* 70 bytes: one more than fits in a message, with a two-byte character across the border. */
#define LONG_NAME "a_name_of_a_tensor_that_is_longer_than_a_message_may_hold_by_far/\xC3\xA9/x"
#define BORDER_NAME "sixty_two_bytes_of_name_and_then_a_character_that_takes_two_by\xC3\xA9s"

static const int64_t block_shape[5] = {1, 2, 1, 2, 2};
static const int64_t flags_shape[1] = {3};
static const int64_t halves_shape[2] = {4, 2};
static const float block_scale[1] = {0.25f};
static const int32_t block_zero_point[1] = {128};
static const ai_quantization_info block_quant = {block_scale, block_zero_point, -1};

static const ai_tensor inputs[_ODD_INPUTS_COUNT_] = {BLOCK, TURNS, FLAGS};
static const ai_tensor outputs[_ODD_OUTPUTS_COUNT_] = {HALVES, TURNS, FLAGS};
static const uint32_t io_offsets[6] = {0, 8, 16, 24, 56, 64};
static const char *const io_names[6] = {"x", "turns", "", LONG_NAME, BORDER_NAME, "not"};

#ifdef AI_OBSERVER
static const uint16_t ops[3] = {0, 1, 2};
static const ai_node_tensor node0_outputs[1] = {{LONG_NAME, HALVES, 24, 0}};
static const ai_node_tensor node1_outputs[1] = {{BORDER_NAME, TURNS, 56, 1}};
static const ai_node_tensor node2_outputs[1] = {{"not", FLAGS, 64, 2}};
static const ai_node_info nodes[3] = {
    {"0:MUL", &ops[0], node0_outputs, 8, 1, 1},
    {"1:SUM", &ops[1], node1_outputs, 0, 1, 1},
    {"2:LOGICAL_NOT", &ops[2], node2_outputs, 0, 1, 1},
};
#endif

AI_SECTION(".odd.nn_data_act") AI_ALIGNED(AI_POOL_ALIGNMENT) uint8_t odd_activations[_ODD_ACTIVATION_BYTES_];

static ai_status run_nodes(ai_handle handle)
{
    uint8_t *const pool = (uint8_t *)handle + AI_CONTEXT_BYTES(_ODD_INPUTS_COUNT_ + _ODD_OUTPUTS_COUNT_);
    AI_NODE_BEGIN(handle, 0);
    odd_scale_0(pool + 0, (float *)(void *)(pool + 24), odd_w0);
    AI_NODE_END(handle, 0);
    AI_NODE_BEGIN(handle, 1);
    odd_sum_1(pool + 0, (const int64_t *)(void *)(pool + 8), (int64_t *)(void *)(pool + 56));
    AI_NODE_END(handle, 1);
    AI_NODE_BEGIN(handle, 2);
    odd_not_2(pool + 16, pool + 64);
    AI_NODE_END(handle, 2);
    return AI_STATUS_OK;
}

const ai_model_info odd_network = {
    .name = "odd",
    .datetime = "2026-01-02T03:04:05Z",
    .revision = "1",
    .tool_version = "1.2.3",
    .api_version = "1.0.0",
    .n_nodes = 3,
    .n_inputs = _ODD_INPUTS_COUNT_,
    .n_outputs = _ODD_OUTPUTS_COUNT_,
    .signature = 0x00C0FFEEu,
    .activations_size = _ODD_ACTIVATION_BYTES_,
    .params_size = sizeof odd_w0,
    .n_macc = 8,
    .activations = odd_activations,
    .inputs = inputs,
    .outputs = outputs,
    .io_offsets = io_offsets,
    .io_names = io_names,
#ifdef AI_OBSERVER
    .nodes = nodes,
#endif
    .get_params = odd_get_params,
    .create = ai_odd_create,
    .destroy = ai_odd_destroy,
    .run = run_nodes,
};

AI_SECTION(".nn_models") AI_USED static const ai_model_info *const odd_network_entry = &odd_network;

ai_status ai_odd_create(ai_ptr activations, ai_handle *handle)
{
    return ai_instance_create(&odd_network, activations, handle);
}

ai_status ai_odd_destroy(ai_handle handle)
{
    return ai_instance_destroy(handle);
}

ai_status ai_odd_run(ai_handle handle)
{
    return ai_instance_run(&odd_network, handle);
}
