/* SPDX-License-Identifier: Apache-2.0 */
/* An application in the manner of those written for TVM's STM32 runtime of 2021: its names, macros and order of calls.
 */
#include "ai_runtime_api.h"

#include <stdio.h>
#include <stdlib.h>

static int run_one(const ai_model_info *nn)
{
    ai_handle handle = AI_HANDLE_NULL;
    ai_ptr activations = AI_MODEL_activations(nn);
    ai_status status = AI_STATUS_OK;

    if (activations == NULL) {
        activations = (ai_ptr)malloc(AI_MODEL_activations_size(nn));
    }
    status = ai_create(nn, activations, &handle);
    if (status != AI_STATUS_OK) {
        (void)printf("%s\n", ai_get_error(handle));
        return -1;
    }
    for (int i = 0; i < ai_get_input_size(handle) + ai_get_output_size(handle); i++) {
        ai_tensor *tensor = i < ai_get_input_size(handle) ? ai_get_input(handle, i)
                                                          : ai_get_output(handle, i - ai_get_input_size(handle));
        DLTensor *dl = get_dltensor(tensor);
        const ai_quantization_info *quant = ai_get_quantization(tensor);
        if (dl->data == NULL) {
            dl->data = calloc(get_tensor_size(tensor), 1);
        }
        if (quant != NULL && quant->dim == -1) {
            (void)printf("scale %d/1000 zero point %d\n", (int)(*quant->scale * 1000.0f), (int)*quant->zero_point);
        }
        (void)printf("%u elements\n", (unsigned)get_tensor_elts(tensor));
    }
    status = ai_run(handle);
    (void)printf("%s %s: %u nodes, parameters %u bytes at %s\n", ai_get_name(handle), ai_get_api_version(handle),
                 (unsigned)ai_get_node_size(handle), (unsigned)ai_get_params_size(handle),
                 ai_get_params(handle) != NULL ? "an address" : "none");
    (void)ai_destroy(handle);
    return status == AI_STATUS_OK ? 0 : -1;
}

int main(void)
{
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
         it = ai_model_iterator_next(it)) {
        if (run_one(ai_model_iterator_value(it)) != 0) {
            return 1;
        }
    }
    return AI_PLATFORM_RUNTIME_MAJOR == AI_API_VERSION_MAJOR ? 0 : 1;
}
