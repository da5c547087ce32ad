/* SPDX-License-Identifier: Apache-2.0 */
/* Instances: creation, checks, inference, what is known about a model. Every refusal leaves a ROM string. */
#include "ai_instance.h"

static const char ai_no_error[] = "";

static uint32_t live_magic(const void *pool)
{
    return AI_INSTANCE_MAGIC ^ (uint32_t)(uintptr_t)pool;
}

static bool is_aligned(const void *address, uintptr_t alignment)
{
    return ((uintptr_t)address & (alignment - 1u)) == 0u;
}

/* Why `handle` is no instance, or NULL. */
static const char *handle_refusal(const void *handle)
{
    if (handle == NULL) {
        return "handle is NULL";
    }
    if (!is_aligned(handle, AI_POOL_ALIGNMENT)) {
        return "handle is misaligned";
    }
    if (((const ai_instance *)handle)->magic != live_magic(handle)) {
        return "handle is no live instance: destroyed, overwritten or moved";
    }
    return NULL;
}

static ai_instance *live_instance(ai_handle handle)
{
    return handle_refusal(handle) == NULL ? (ai_instance *)handle : NULL;
}

static const ai_model_info *live_model(ai_handle handle)
{
    const ai_instance *const instance = live_instance(handle);
    return instance != NULL ? instance->model : NULL;
}

static ai_status fail(ai_instance *instance, const char *why)
{
    instance->error = why;
    return AI_STATUS_ERROR;
}

/* Whether "major.minor.patch" has the major version of this runtime. */
static bool same_major(const char *version)
{
    uint32_t major = 0;
    while (*version >= '0' && *version <= '9') {
        major = major * 10u + (uint32_t)(*version - '0');
        version++;
    }
    return major == AI_API_VERSION_MAJOR && *version == '.';
}

/* Why `nn` is no model that this runtime can run, or NULL. */
static const char *model_refusal(const ai_model_info *nn)
{
    if (nn == NULL) {
        return "model is NULL";
    }
    if (nn->api_version == NULL || !same_major(nn->api_version)) {
        return "model was emitted for another major version of the runtime API";
    }
    if (nn->create == NULL || nn->destroy == NULL || nn->run == NULL) {
        return "model descriptor is incomplete";
    }
    return NULL;
}

/* Why no instance of `nn` can be made in `pool`, or NULL. */
static const char *create_refusal(const ai_model_info *nn, const uint8_t *pool, size_t pool_bytes)
{
    const char *const why = model_refusal(nn);
    if (why != NULL) {
        return why;
    }
    if (pool == NULL) {
        pool = nn->activations;
        pool_bytes = SIZE_MAX;
    }
    if (pool == NULL) {
        return "pool is NULL and the model has no activations of its own";
    }
    if (!is_aligned(pool, AI_POOL_ALIGNMENT)) {
        return "pool is not aligned to AI_POOL_ALIGNMENT";
    }
    if (pool_bytes < nn->activations_size) {
        return "pool is shorter than the model's activations_size";
    }
    return NULL;
}

const char *ai_get_create_error(const ai_model_info *nn, const uint8_t *pool, size_t pool_bytes)
{
    const char *const why = create_refusal(nn, pool, pool_bytes);
    return why != NULL ? why : ai_no_error;
}

ai_status ai_create_sized(const ai_model_info *nn, ai_ptr pool, size_t pool_bytes, ai_handle *handle)
{
    if (handle == NULL) {
        return AI_STATUS_ERROR;
    }
    *handle = NULL;
    if (create_refusal(nn, pool, pool_bytes) != NULL) {
        return AI_STATUS_ERROR;
    }
    const ai_status status = nn->create(pool, handle);
    if (status != AI_STATUS_OK) {
        *handle = NULL;
    }
    return status;
}

ai_status ai_create(const ai_model_info *nn, ai_ptr pool, ai_handle *handle)
{
    return ai_create_sized(nn, pool, SIZE_MAX, handle);
}

static uint8_t *planned_part(const ai_model_info *nn, void *pool)
{
    return (uint8_t *)pool + AI_CONTEXT_BYTES((uint32_t)nn->n_inputs + nn->n_outputs);
}

/* Copies the templates of the inputs and outputs behind the context and points them at their memory. */
static void fill_io(const ai_model_info *nn, void *pool)
{
    ai_tensor *io = ai_instance_io(pool);
    const uint32_t n_io = (uint32_t)nn->n_inputs + nn->n_outputs;
    for (uint32_t i = 0; i < n_io; i++, io++) {
        const uint32_t offset = nn->io_offsets[i];
        *io = i < nn->n_inputs ? nn->inputs[i] : nn->outputs[i - nn->n_inputs];
        io->dltensor.data = offset == AI_OFFSET_EXTERNAL ? NULL : planned_part(nn, pool) + offset;
    }
}

ai_status ai_instance_create(const ai_model_info *nn, ai_ptr pool, ai_handle *handle)
{
    if (handle == NULL) {
        return AI_STATUS_ERROR;
    }
    *handle = NULL;
    if (create_refusal(nn, pool, SIZE_MAX) != NULL) {
        return AI_STATUS_ERROR;
    }
    ai_instance *const instance = (ai_instance *)(void *)(pool != NULL ? pool : nn->activations);
    instance->model = nn;
    instance->error = ai_no_error;
#ifdef AI_OBSERVER
    instance->observer = NULL;
    instance->observer_user = NULL;
#endif
    fill_io(nn, instance);
    if (nn->reset != NULL) {
        nn->reset(instance);
    }
    instance->magic = live_magic(instance);
    *handle = instance;
    return AI_STATUS_OK;
}

void ai_instance_reset(ai_handle handle, const ai_state *states, uint32_t n_states)
{
    uint8_t *const planned = planned_part(((const ai_instance *)handle)->model, handle);
    for (const ai_state *state = states; state < states + n_states; state++) {
        uint32_t from = 0;
        for (uint32_t i = 0; i < state->bytes; i++) {
            planned[state->offset + i] = state->initial[from];
            from = from + 1u < state->n_initial ? from + 1u : 0u;
        }
    }
}

ai_status ai_reset(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    if (nn == NULL) {
        return AI_STATUS_ERROR;
    }
    if (nn->reset != NULL) {
        nn->reset(handle);
    }
    return AI_STATUS_OK;
}

ai_status ai_instance_destroy(ai_handle handle)
{
    ai_instance *const instance = live_instance(handle);
    if (instance == NULL) {
        return AI_STATUS_ERROR;
    }
    instance->magic = 0;
    return AI_STATUS_OK;
}

ai_status ai_destroy(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->destroy(handle) : AI_STATUS_ERROR;
}

/* Why the memory of tensor `io` cannot be used, or NULL. expected: where it is in the pool, NULL if it is external. */
static const char *data_refusal(const ai_tensor *io, const void *expected)
{
    const void *const data = io->dltensor.data;
    if (expected != NULL) {
        return data == expected ? NULL : "data of an input or output of the pool was changed";
    }
    if (data == NULL) {
        return "data of an external input or output is NULL";
    }
    if (!is_aligned(data, ((uintptr_t)io->dltensor.dtype.bits + 7u) / 8u)) {
        return "data of an external input or output is misaligned";
    }
    return NULL;
}

static const char *io_refusal(ai_instance *instance)
{
    const ai_model_info *const nn = instance->model;
    const uint32_t n_io = (uint32_t)nn->n_inputs + nn->n_outputs;
    const ai_tensor *const io = ai_instance_io(instance);
    for (uint32_t i = 0; i < n_io; i++) {
        const uint32_t offset = nn->io_offsets[i];
        const char *const why =
            data_refusal(&io[i], offset == AI_OFFSET_EXTERNAL ? NULL : planned_part(nn, instance) + offset);
        if (why != NULL) {
            return why;
        }
    }
    return NULL;
}

ai_status ai_run(ai_handle handle)
{
    ai_instance *const instance = live_instance(handle);
    if (instance == NULL) {
        return AI_STATUS_ERROR;
    }
    const char *const why = io_refusal(instance);
    if (why != NULL) {
        return fail(instance, why);
    }
    const ai_status status = instance->model->run(handle);
    instance->error = status == AI_STATUS_OK ? ai_no_error : "the model's run function failed";
    return status;
}

ai_status ai_instance_run(const ai_model_info *nn, ai_handle handle)
{
    ai_instance *const instance = live_instance(handle);
    if (instance == NULL) {
        return AI_STATUS_ERROR;
    }
    if (instance->model != nn) {
        return fail(instance, "handle is an instance of another model");
    }
    return ai_run(handle);
}

const char *ai_get_error(ai_handle handle)
{
    const char *const why = handle_refusal(handle);
    return why != NULL ? why : ((const ai_instance *)handle)->error;
}

int32_t ai_get_input_size(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->n_inputs : 0;
}

int32_t ai_get_output_size(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->n_outputs : 0;
}

/* Tensor `index` of the `count` ones that start at I/O tensor `first`. */
static ai_tensor *io_tensor(ai_instance *instance, int32_t index, int32_t first, int32_t count)
{
    if (index < 0 || index >= count) {
        (void)fail(instance, "index is out of range");
        return NULL;
    }
    return ai_instance_io(instance) + first + index;
}

ai_tensor *ai_get_input(ai_handle handle, int32_t index)
{
    ai_instance *const instance = live_instance(handle);
    return instance != NULL ? io_tensor(instance, index, 0, instance->model->n_inputs) : NULL;
}

ai_tensor *ai_get_output(ai_handle handle, int32_t index)
{
    ai_instance *const instance = live_instance(handle);
    if (instance == NULL) {
        return NULL;
    }
    return io_tensor(instance, index, instance->model->n_inputs, instance->model->n_outputs);
}

const char *ai_get_name(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->name : NULL;
}

const char *ai_get_datetime(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->datetime : NULL;
}

const char *ai_get_revision(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->revision : NULL;
}

const char *ai_get_tool_version(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->tool_version : NULL;
}

const char *ai_get_api_version(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->api_version : NULL;
}

uint32_t ai_get_node_size(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->n_nodes : 0u;
}

uint32_t ai_get_activations_size(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->activations_size : 0u;
}

uint32_t ai_get_params_size(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL ? nn->params_size : 0u;
}

ai_ptr ai_get_activations(ai_handle handle)
{
    return (ai_ptr)live_instance(handle);
}

const uint8_t *ai_get_params(ai_handle handle)
{
    const ai_model_info *const nn = live_model(handle);
    return nn != NULL && nn->get_params != NULL ? nn->get_params() : NULL;
}

const ai_quantization_info *ai_get_quantization(const ai_tensor *tensor)
{
    return tensor != NULL ? tensor->quant : NULL;
}

#ifdef AI_OBSERVER
ai_status ai_set_observer(ai_handle handle, ai_observer observer, void *user)
{
    ai_instance *const instance = live_instance(handle);
    if (instance == NULL) {
        return AI_STATUS_ERROR;
    }
    instance->observer = observer;
    instance->observer_user = user;
    return AI_STATUS_OK;
}

static void notify(ai_handle handle, ai_event event, uint32_t index)
{
    const ai_instance *const instance = (const ai_instance *)handle;
    if (instance->observer != NULL) {
        instance->observer(handle, event, index, instance->observer_user);
    }
}

void ai_node_begin(ai_handle handle, uint32_t index)
{
    notify(handle, AI_EVENT_NODE_BEGIN, index);
}

void ai_node_end(ai_handle handle, uint32_t index)
{
    notify(handle, AI_EVENT_NODE_END, index);
}

const ai_node_info *ai_get_node_info(ai_handle handle, uint32_t index)
{
    ai_instance *const instance = live_instance(handle);
    if (instance == NULL) {
        return NULL;
    }
    if (instance->model->nodes == NULL || index >= instance->model->n_nodes) {
        (void)fail(instance, "index is out of range");
        return NULL;
    }
    return &instance->model->nodes[index];
}

/* Output `output` of node `index`, or NULL with a reason. */
static const ai_node_tensor *node_tensor(ai_handle handle, uint32_t index, uint32_t output)
{
    const ai_node_info *const node = ai_get_node_info(handle, index);
    if (node == NULL) {
        return NULL;
    }
    if (output >= node->n_outputs) {
        (void)fail((ai_instance *)handle, "index is out of range");
        return NULL;
    }
    return &node->outputs[output];
}

static const void *node_memory(ai_handle handle, const ai_node_tensor *tensor)
{
    ai_instance *const instance = (ai_instance *)handle;
    if (tensor->pool_offset != AI_OFFSET_EXTERNAL) {
        return planned_part(instance->model, instance) + tensor->pool_offset;
    }
    const ai_tensor *const external = ai_get_output(handle, tensor->io_index);
    return external != NULL ? external->dltensor.data : NULL;
}

const void *ai_get_node_data(ai_handle handle, uint32_t index, uint32_t output)
{
    const ai_node_tensor *const tensor = node_tensor(handle, index, output);
    if (tensor == NULL) {
        return NULL;
    }
    if (tensor->removed != NULL) {
        (void)fail((ai_instance *)handle, "channels of the tensor were removed: use ai_read_node_data");
        return NULL;
    }
    if (tensor->inverted != 0u) {
        (void)fail((ai_instance *)handle, "the tensor of uint8 is kept as int8: use ai_read_node_data");
        return NULL;
    }
    return node_memory(handle, tensor);
}

static uint32_t is_kept(const ai_removed_channels *removed, uint32_t channel)
{
    return ((uint32_t)removed->kept[channel / 8u] >> (channel % 8u)) & 1u;
}

static uint32_t kept_before(const ai_removed_channels *removed, uint32_t channel)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < channel; i++) {
        count += is_kept(removed, i);
    }
    return count;
}

/* Bytes offset .. offset + bytes - 1 of the tensor with all channels; `memory` has those that are kept. */
static void restore(const ai_node_tensor *tensor, const uint8_t *memory, uint32_t offset, uint8_t *to, uint32_t bytes)
{
    const ai_removed_channels *const removed = tensor->removed;
    const uint32_t channels = (uint32_t)tensor->tensor.dltensor.shape[tensor->tensor.dltensor.ndim - 1];
    uint32_t channel = offset % channels;
    uint32_t kept = kept_before(removed, channel);
    const uint8_t *from = memory + offset / channels * kept_before(removed, channels) + kept;
    for (uint32_t i = 0; i < bytes; i++) {
        const uint32_t here = is_kept(removed, channel);
        to[i] = here != 0u ? (uint8_t)(*from++ ^ tensor->inverted) : removed->values[channel - kept];
        kept += here;
        if (++channel == channels) {
            channel = 0;
            kept = 0;
        }
    }
}

ai_status ai_read_node_data(ai_handle handle, uint32_t index, uint32_t output, uint32_t offset, void *to,
                            uint32_t bytes)
{
    const ai_node_tensor *const tensor = node_tensor(handle, index, output);
    if (tensor == NULL) {
        return AI_STATUS_ERROR;
    }
    const uint32_t size = get_tensor_size(&tensor->tensor);
    const uint8_t *const memory = (const uint8_t *)node_memory(handle, tensor);
    if (to == NULL || memory == NULL || offset > size || bytes > size - offset) {
        return fail((ai_instance *)handle, "there is no memory for the tensor, or bytes beyond its end are asked for");
    }
    if (tensor->removed != NULL) {
        restore(tensor, memory, offset, (uint8_t *)to, bytes);
        return AI_STATUS_OK;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        ((uint8_t *)to)[i] = (uint8_t)(memory[offset + i] ^ tensor->inverted);
    }
    return AI_STATUS_OK;
}
#endif
