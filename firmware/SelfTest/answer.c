/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "bench.h"
#include "pool.h"

static ai_handle handle;

const ai_model_info *answer_model(void)
{
    ai_model_iterator it = ai_model_iterator_begin();
    return it == ai_model_iterator_end() ? NULL : ai_model_iterator_value(it);
}

const char *answer_begin(void)
{
    const ai_model_info *model = answer_model();
    if (model == NULL) {
        return "no model is linked";
    }
    handle = NULL;
    return ai_create_sized(model, app_pool, app_pool_bytes, &handle) == AI_STATUS_OK
               ? NULL
               : ai_get_create_error(model, app_pool, app_pool_bytes);
}

bool answer_input(uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    const ai_tensor *input = handle == NULL ? NULL : ai_get_input(handle, 0);
    const uint32_t size = input == NULL ? 0 : get_tensor_size(input);
    if (offset > size || count > size - offset) {
        return false;
    }
    uint8_t *data = input->dltensor.data;
    for (uint32_t i = 0; i < count; i++) {
        data[offset + i] = bytes[i];
    }
    return true;
}

const char *answer_run(uint64_t *count)
{
    if (handle == NULL) {
        return "no instance";
    }
    bench_result result;
    const ai_status status = bench_run(handle, &result);
    *count = result.count;
    return status == AI_STATUS_OK ? NULL : ai_get_error(handle);
}

const uint8_t *answer_output(uint32_t *count)
{
    const ai_tensor *output = handle == NULL ? NULL : ai_get_output(handle, 0);
    if (output == NULL) {
        return NULL;
    }
    *count = get_tensor_size(output);
    return output->dltensor.data;
}
