/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime of compiled neural networks: the public API.
 *
 * A model is a constant descriptor (ai_model_info) in flash. An instance is a pool of bytes that the caller owns: its
 * first bytes are the instance context (ai_instance), the rest is planned at compile time. Nothing is allocated and
 * there is no other state, so any number of models, and of instances of one model, live side by side. One instance is
 * not re-entrant; different instances may be used from different threads.
 *
 * Every function accepts NULL, misaligned and destroyed handles, and refuses them; a handle that points to memory which
 * may not be read is the caller's fault.
 */
#ifndef AI_RUNTIME_API_H
#define AI_RUNTIME_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ai_dlpack.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this API. <m>.h refuses to compile, and ai_create to run, with another major version. */
#define AI_API_VERSION_MAJOR 1
#define AI_API_VERSION_MINOR 1
#define AI_API_VERSION_PATCH 0

/* The same under the names that earlier STM32 runtimes used. */
#define AI_PLATFORM_RUNTIME_MAJOR AI_API_VERSION_MAJOR
#define AI_PLATFORM_RUNTIME_MINOR AI_API_VERSION_MINOR
#define AI_PLATFORM_RUNTIME_MICRO AI_API_VERSION_PATCH

/* Bytes that a pool's address must be a multiple of. */
#if defined(__ARM_FEATURE_MVE)
#define AI_POOL_ALIGNMENT 16u
#else
#define AI_POOL_ALIGNMENT 8u
#endif

/* Alignment of a variable, as in: AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_M_ACTIVATION_BYTES_]; */
#ifndef AI_ALIGNED
#if defined(__GNUC__)
#define AI_ALIGNED(n) __attribute__((aligned(n)))
#elif defined(_MSC_VER)
#define AI_ALIGNED(n) __declspec(align(n))
#else
#define AI_ALIGNED(n)
#endif
#endif

/* io_offsets[] entry of a tensor whose memory the caller provides (dltensor.data, set before ai_run). */
#define AI_OFFSET_EXTERNAL UINT32_MAX

typedef enum {
    AI_STATUS_OK = 0,
    AI_STATUS_ERROR = 1,         /* an argument was refused: ai_get_error, ai_get_create_error */
    AI_STATUS_DELEGATE_ERROR = 2 /* a model's own code failed */
} ai_status;

/* An instance: points to the first word of its pool. */
typedef void *ai_handle;
typedef uint8_t *ai_ptr;

#define AI_HANDLE_PTR(ptr) ((ai_handle)(ptr))
#define AI_HANDLE_NULL AI_HANDLE_PTR(NULL)

/* Affine quantization: real = scale * (q - zero_point).
 * dim: the axis of the tensor that scale and zero_point run along (both have shape[dim] entries), or -1: per tensor
 * (both have one entry). get_quantization_size gives the number of entries. */
typedef struct {
    const float *scale;
    const int32_t *zero_point;
    int32_t dim;
} ai_quantization_info;

/* quant is NULL for a tensor that is not quantized. */
typedef struct {
    DLTensor dltensor;
    const ai_quantization_info *quant;
} ai_tensor;

/* Channels (indices of the last axis) of a tensor with elements of one byte that are not computed. */
typedef struct {
    const uint8_t *kept;   /* bit c % 8 of byte c / 8 is set: channel c is in memory */
    const uint8_t *values; /* of the other channels, in order: their constant value as stored, or the zero point of a
                            * channel that no operator reads */
} ai_removed_channels;

/* What an emitted kernel writes, as the observer sees it: a tensor in the layout of the original model. */
typedef struct {
    const char *name;
    ai_tensor tensor;     /* dltensor.data is NULL here: see ai_get_node_data */
    uint32_t pool_offset; /* bytes from the start of the pool's planned part, or AI_OFFSET_EXTERNAL (see io_index) */
    int32_t io_index;     /* >= 0: number of the graph output; < 0: not a graph output */
    const ai_removed_channels *removed; /* NULL: all of the tensor is in memory; else see ai_read_node_data */
    uint8_t inverted; /* bits that are inverted in memory: 0x80 for uint8 that is kept as int8; see ai_read_node_data */
} ai_node_tensor;

/* A node: one call of an emitted kernel. */
typedef struct {
    const char *name;              /* "<index of the last source operator>:<kind>", e.g. "3:CONV_2D" */
    const uint16_t *source_ops;    /* indices of the operators of the original model that it stands for */
    const ai_node_tensor *outputs; /* what it computes, in the original layout */
    uint64_t n_macc;               /* multiply-accumulate operations */
    uint16_t n_source_ops;
    uint16_t n_outputs;
} ai_node_info;

typedef struct ai_model_info ai_model_info;

struct ai_model_info {
    const char *name;
    const char *datetime; /* from SOURCE_DATE_EPOCH, ISO 8601, else "" */
    const char *revision; /* of the emitted files' format */
    const char *tool_version;
    const char *api_version; /* of the runtime that it was emitted for, "major.minor.patch" */
    uint16_t n_nodes;
    uint8_t n_inputs;
    uint8_t n_outputs;
    uint32_t signature;        /* CRC-32 of weights and plan: tells models apart */
    uint32_t activations_size; /* bytes of a pool: context, inputs, outputs, tensors, scratch */
    uint32_t params_size;      /* bytes of the constants in flash */
    uint64_t n_macc;
    ai_ptr activations;          /* the model's own pool (include_activations), or NULL */
    const ai_tensor *inputs;     /* n_inputs templates, dltensor.data NULL */
    const ai_tensor *outputs;    /* n_outputs templates */
    const uint32_t *io_offsets;  /* n_inputs + n_outputs: bytes from the start of the planned part, or
                                  * AI_OFFSET_EXTERNAL; NULL only where there are no inputs and outputs */
    const char *const *io_names; /* n_inputs + n_outputs names of the original model */
    const ai_node_info *nodes;   /* n_nodes, or NULL unless compiled with AI_OBSERVER */
    const uint8_t *(*get_params)(void);
    ai_status (*create)(ai_ptr pool, ai_handle *handle);
    ai_status (*destroy)(ai_handle handle);
    ai_status (*run)(ai_handle handle); /* trusts its handle: call ai_run */
    void (*reset)(ai_handle handle);    /* trusts its handle: call ai_reset; NULL: nothing is kept between runs */
};

#define AI_MODEL_name(x) ((x)->name)
#define AI_MODEL_datetime(x) ((x)->datetime)
#define AI_MODEL_revision(x) ((x)->revision)
#define AI_MODEL_tool_version(x) ((x)->tool_version)
#define AI_MODEL_api_version(x) ((x)->api_version)
#define AI_MODEL_n_nodes(x) ((x)->n_nodes)
#define AI_MODEL_n_inputs(x) ((x)->n_inputs)
#define AI_MODEL_n_outputs(x) ((x)->n_outputs)
#define AI_MODEL_activations_size(x) ((x)->activations_size)
#define AI_MODEL_params_size(x) ((x)->params_size)
#define AI_MODEL_inputs(x) ((x)->inputs)
#define AI_MODEL_outputs(x) ((x)->outputs)
#define AI_MODEL_activations(x) ((x)->activations)

#ifdef AI_OBSERVER
/* Runtime, models and application are compiled with AI_OBSERVER all or none: an instance is laid out differently. */
typedef enum { AI_EVENT_NODE_BEGIN = 0, AI_EVENT_NODE_END = 1 } ai_event;

/* Called by ai_run before and after each node. index: 0 .. n_nodes - 1. At NODE_END the node's outputs are in the pool.
 * It may call every function of this API on the handle except ai_run and ai_destroy. */
typedef void (*ai_observer)(ai_handle handle, ai_event event, uint32_t index, void *user);

/* observer NULL: none. user is handed to the observer. */
ai_status ai_set_observer(ai_handle handle, ai_observer observer, void *user);

/* NULL if there is no such node. */
const ai_node_info *ai_get_node_info(ai_handle handle, uint32_t index);

/* The bytes of output `output` of node `index` (get_tensor_size of its tensor); NULL if there is no such node or
 * output, or if memory holds it in another form (removed, inverted). They are the node's result from its NODE_END until
 * the next node begins. */
const void *ai_get_node_data(ai_handle handle, uint32_t index, uint32_t output);

/* Copies `bytes` bytes of the same, from byte `offset` on; channels that were removed are put back, bits that
 * are inverted in memory too. Refused: no such
 * node or output, bytes beyond the tensor's size. */
ai_status ai_read_node_data(ai_handle handle, uint32_t index, uint32_t output, uint32_t offset, void *to,
                            uint32_t bytes);
#endif

/* Makes an instance in `pool`. pool NULL: the model's own activations, an error if it has none. The pool must hold
 * activations_size bytes and be aligned to AI_POOL_ALIGNMENT; an instance that it holds already is replaced.
 * On an error *handle is NULL and the pool untouched; ai_get_create_error tells the reason. */
ai_status ai_create(const ai_model_info *nn, ai_ptr pool, ai_handle *handle);

/* As ai_create, and refuses a pool of fewer than activations_size bytes. pool_bytes is ignored when pool is NULL. */
ai_status ai_create_sized(const ai_model_info *nn, ai_ptr pool, size_t pool_bytes, ai_handle *handle);

/* Why ai_create_sized refuses these arguments (ai_create: pool_bytes SIZE_MAX), in words; "" if it does not. */
const char *ai_get_create_error(const ai_model_info *nn, const uint8_t *pool, size_t pool_bytes);

/* Ends the instance; its pool may be reused. The handle is invalid afterwards and refused by every function. */
ai_status ai_destroy(ai_handle handle);

/* One inference. Inputs are undefined afterwards; outputs are valid until the next ai_run.
 * Refused: an external tensor without data, or whose data are not aligned to an element; a tensor of the pool whose
 * dltensor.data was changed. */
ai_status ai_run(ai_handle handle);

/* Puts what the model keeps from one run to the next (variables, the memory of recurrent operators) back to what it was
 * after ai_create, which does the same. Nothing happens to a model that keeps nothing. */
ai_status ai_reset(ai_handle handle);

/* Why the last refused call on `handle` failed, in words; "" if none was since creation or the last successful ai_run.
 * For a handle that is none: why it is refused. Never NULL, always in ROM. */
const char *ai_get_error(ai_handle handle);

/* Counts; 0 for an invalid handle. */
int32_t ai_get_input_size(ai_handle handle);
int32_t ai_get_output_size(ai_handle handle);
uint32_t ai_get_node_size(ai_handle handle);

/* NULL for an invalid handle or index. */
ai_tensor *ai_get_input(ai_handle handle, int32_t index);
ai_tensor *ai_get_output(ai_handle handle, int32_t index);

/* NULL for an invalid handle. */
const char *ai_get_name(ai_handle handle);
const char *ai_get_datetime(ai_handle handle);
const char *ai_get_revision(ai_handle handle);
const char *ai_get_tool_version(ai_handle handle);
const char *ai_get_api_version(ai_handle handle);
ai_ptr ai_get_activations(ai_handle handle);    /* the pool of this instance */
const uint8_t *ai_get_params(ai_handle handle); /* the constants in flash; NULL for a model without */

/* Bytes; 0 for an invalid handle. */
uint32_t ai_get_activations_size(ai_handle handle);
uint32_t ai_get_params_size(ai_handle handle);

/* NULL if the tensor is NULL or not quantized. */
const ai_quantization_info *ai_get_quantization(const ai_tensor *tensor);

static inline DLTensor *get_dltensor(ai_tensor *tensor)
{
    return &tensor->dltensor;
}

/* Elements of the tensor (1 for rank 0). */
static inline uint32_t get_tensor_elts(const ai_tensor *tensor)
{
    uint32_t elements = 1;
    for (int32_t i = 0; i < tensor->dltensor.ndim; i++) {
        elements *= (uint32_t)tensor->dltensor.shape[i];
    }
    return elements;
}

/* Bytes of the tensor's data. */
static inline uint32_t get_tensor_size(const ai_tensor *tensor)
{
    const uint32_t bits = (uint32_t)tensor->dltensor.dtype.bits * tensor->dltensor.dtype.lanes;
    return get_tensor_elts(tensor) * ((bits + 7u) / 8u);
}

/* Entries of scale and of zero_point: 0 if the tensor is not quantized, 1 per tensor, shape[dim] per channel. */
static inline uint32_t get_quantization_size(const ai_tensor *tensor)
{
    if (tensor->quant == NULL) {
        return 0;
    }
    return tensor->quant->dim < 0 ? 1u : (uint32_t)tensor->dltensor.shape[tensor->quant->dim];
}

/* The models that are linked: on a target the section .nn_models, on a host a table that the build makes.
 *
 *     for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
 *          it = ai_model_iterator_next(it)) {
 *         const ai_model_info *nn = ai_model_iterator_value(it);
 *     }
 *
 * next at the end stays there; the value of the end, or of NULL, is NULL. */
typedef const ai_model_info *const *ai_model_iterator;
ai_model_iterator ai_model_iterator_begin(void);
ai_model_iterator ai_model_iterator_next(ai_model_iterator it);
ai_model_iterator ai_model_iterator_end(void);
const ai_model_info *ai_model_iterator_value(ai_model_iterator it);

#ifdef __cplusplus
}
#endif

#endif
