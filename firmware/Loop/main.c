/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every linked model again and again on the same random inputs; the results stand in loop_results. */
#include "board.h"
#include "loop.h"
#include "pool.h"
#include "random.h"

#define HASH_PRIME 0x01000193u

volatile loop_result loop_results[LOOP_RESULTS];

uint32_t loop_hash(uint32_t hash, const uint8_t *data, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * HASH_PRIME;
    }
    return hash;
}

static void fill_inputs(ai_handle handle)
{
    uint32_t random_state = PERF_SEED;
    for (int32_t i = 0; i < ai_get_input_size(handle); i++) {
        random_fill(ai_get_input(handle, i), &random_state);
    }
}

static uint32_t hash_outputs(ai_handle handle)
{
    uint32_t hash = LOOP_HASH_START;
    for (int32_t i = 0; i < ai_get_output_size(handle); i++) {
        const ai_tensor *const output = ai_get_output(handle, i);
        hash = loop_hash(hash, (const uint8_t *)output->dltensor.data, (uint32_t)get_tensor_size(output));
    }
    return hash;
}

static void fail(volatile loop_result *result, const char *why)
{
    result->failures++;
    result->error = why;
}

static void run_once(ai_handle handle, volatile loop_result *result)
{
    fill_inputs(handle);
    const uint64_t start = board_counter();
    const ai_status status = ai_run(handle);
    result->count = board_counter() - start;
    if (status != AI_STATUS_OK) {
        fail(result, ai_get_error(handle));
    } else {
        const uint32_t hash = hash_outputs(handle);
        result->changes += (uint32_t)(result->runs > 0 && hash != result->output_hash);
        result->output_hash = hash;
    }
    result->runs++;
}

static void run_model(const ai_model_info *model, volatile loop_result *result)
{
    ai_handle handle;
    result->model = model;
    if (ai_create_sized(model, app_pool, app_pool_bytes, &handle) != AI_STATUS_OK) {
        fail(result, ai_get_create_error(model, app_pool, app_pool_bytes));
        return;
    }
    run_once(handle, result);
    (void)ai_destroy(handle);
}

static void run_all(void)
{
    static volatile loop_result other;
    uint32_t index = 0;
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
         it = ai_model_iterator_next(it)) {
        run_model(ai_model_iterator_value(it), index < LOOP_RESULTS ? &loop_results[index] : &other);
        index++;
    }
}

int app_main(void)
{
    for (;;) {
        run_all();
    }
}
