/* SPDX-License-Identifier: Apache-2.0 */
/* What emitted models share with the runtime: the layout of an instance and the hooks around a node. Applications call
 * ai_runtime_api.h only; <m>.h includes this file for AI_CONTEXT_BYTES. */
#ifndef AI_INSTANCE_H
#define AI_INSTANCE_H

#include "ai_runtime_api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first bytes of a pool. The I/O tensors (inputs, then outputs) follow it directly. */
typedef struct {
    uint32_t
        magic; /* AI_INSTANCE_MAGIC ^ address of the instance, so that a copied pool is no instance; 0: destroyed */
    const ai_model_info *model;
    const char *error; /* in ROM, never NULL */
#ifdef AI_OBSERVER
    ai_observer observer;
    void *observer_user;
#endif
} ai_instance;

/* Odd, so that a live magic is never 0. */
#define AI_INSTANCE_MAGIC 0x5354414Du

#define AI_ALIGN_UP(bytes) (((bytes) + AI_POOL_ALIGNMENT - 1u) / AI_POOL_ALIGNMENT * AI_POOL_ALIGNMENT)

/* Bytes of the context of an instance with n_io inputs and outputs; the planned part of the pool starts behind it. */
#define AI_CONTEXT_BYTES(n_io) AI_ALIGN_UP(AI_ALIGN_UP(sizeof(ai_instance)) + (n_io) * sizeof(ai_tensor))

/* The I/O tensors of an instance: inputs, then outputs. */
static inline ai_tensor *ai_instance_io(void *pool)
{
    return (ai_tensor *)(void *)((uint8_t *)pool + AI_ALIGN_UP(sizeof(ai_instance)));
}

/* Objects that were compiled with and without AI_OBSERVER lay out an instance differently: the linker refuses the mix.
 */
#ifdef AI_OBSERVER
#define ai_instance_create ai_instance_create_observed
#define ai_instance_destroy ai_instance_destroy_observed
#define ai_instance_run ai_instance_run_observed
#define ai_instance_reset ai_instance_reset_observed
#endif

/* Bodies of ai_<m>_create, ai_<m>_destroy and ai_<m>_run: they check what they are given, as the public API does. */
ai_status ai_instance_create(const ai_model_info *nn, ai_ptr pool, ai_handle *handle);
ai_status ai_instance_destroy(ai_handle handle);

/* As ai_run, and refuses an instance of another model than nn. nn->run is another, static function: the run list. */
ai_status ai_instance_run(const ai_model_info *nn, ai_handle handle);

/* Something that a model keeps from one run to the next: `bytes` bytes at `offset` of the planned part. After a reset
 * they are the n_initial bytes of `initial`, repeated; n_initial divides bytes. */
typedef struct {
    uint32_t offset;
    uint32_t bytes;
    const uint8_t *initial;
    uint32_t n_initial;
} ai_state;

/* Body of a model's reset function. */
void ai_instance_reset(ai_handle handle, const ai_state *states, uint32_t n_states);

/* Run functions call these around each node; without AI_OBSERVER they are nothing. */
#ifdef AI_OBSERVER
void ai_node_begin(ai_handle handle, uint32_t index);
void ai_node_end(ai_handle handle, uint32_t index);
#define AI_NODE_BEGIN(handle, index) ai_node_begin((handle), (index))
#define AI_NODE_END(handle, index) ai_node_end((handle), (index))
#else
#define AI_NODE_BEGIN(handle, index) ((void)0)
#define AI_NODE_END(handle, index) ((void)0)
#endif

/* The table of models that the build makes where no linker script collects .nn_models (compiled with AI_HOST_MODELS).
 * C has no empty array: without a model the table is {NULL} and the count 0. */
extern const ai_model_info *const ai_host_models[];
extern const size_t ai_host_models_count;

/* Section attributes of emitted objects; other object formats than ELF have no linker script that collects them. */
#if defined(__GNUC__) && defined(__ELF__)
#define AI_SECTION(name) __attribute__((section(name)))
#define AI_USED __attribute__((used))
#elif defined(__GNUC__)
#define AI_SECTION(name)
#define AI_USED __attribute__((used))
#else
#define AI_SECTION(name)
#define AI_USED
#endif

/* Section of a constant: one for all, or (AI_SPLIT_WEIGHTS) one for each, so that a linker script can place it alone.
 */
#ifdef AI_SPLIT_WEIGHTS
#define AI_WEIGHTS(name) AI_SECTION(".nn_weights." #name)
#else
#define AI_WEIGHTS(name) AI_SECTION(".nn_weights")
#endif

#ifdef __cplusplus
}
#endif

#endif
