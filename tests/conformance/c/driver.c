/* SPDX-License-Identifier: Apache-2.0 */
/* Runs many models: reads records from "records.bin" (uint32 number of the model, then its inputs one behind the
 * other), writes to "results.bin" for each record a uint32 status (0: fine) and the outputs. The pool of a model is
 * filled with a pattern before each run, so that a kernel that reads what nobody wrote shows; a model with a state runs
 * neighbouring records in one instance instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai_runtime_api.h"
#include "batch.h"

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void read_inputs(ai_handle handle, FILE *records)
{
    for (int32_t i = 0; i < ai_get_input_size(handle); i++) {
        ai_tensor *tensor = ai_get_input(handle, i);
        const size_t size = get_tensor_size(tensor);
        if (fread(tensor->dltensor.data, 1, size, records) != size) {
            fail(ai_get_name(handle), "the record is too short");
        }
    }
}

static void write_outputs(ai_handle handle, FILE *results)
{
    for (int32_t i = 0; i < ai_get_output_size(handle); i++) {
        const ai_tensor *tensor = ai_get_output(handle, i);
        const size_t size = get_tensor_size(tensor);
        if (fwrite(tensor->dltensor.data, 1, size, results) != size) {
            fail(ai_get_name(handle), "the result cannot be written");
        }
    }
}

static ai_handle create(const ai_model_info *model)
{
    ai_handle handle = AI_HANDLE_NULL;
    memset(model->activations, 0xA5, model->activations_size);
    if (ai_create(model, NULL, &handle) != AI_STATUS_OK) {
        fail(model->name, ai_get_create_error(model, NULL, 0));
    }
    return handle;
}

static void run(ai_handle handle, FILE *records, FILE *results)
{
    read_inputs(handle, records);
    const uint32_t status = (uint32_t)ai_run(handle);
    if (status != (uint32_t)AI_STATUS_OK) {
        fail(ai_get_name(handle), ai_get_error(handle));
    }
    fwrite(&status, 1, sizeof status, results);
    write_outputs(handle, results);
}

int main(void)
{
    FILE *records = fopen("records.bin", "rb"), *results = fopen("results.bin", "wb");
    if (records == NULL || results == NULL) {
        fail("records.bin, results.bin", "cannot be opened");
    }
    const ai_model_info *last = NULL;
    ai_handle handle = AI_HANDLE_NULL;
    uint32_t number;
    while (fread(&number, 1, sizeof number, records) == sizeof number) {
        if (number >= batch_models_count) {
            fail("records.bin", "there is no such model");
        }
        if (batch_models[number] != last || last->reset == NULL) {
            (void)ai_destroy(handle);
            last = batch_models[number];
            handle = create(last);
        }
        run(handle, records, results);
    }
    fclose(records);
    return fclose(results) == 0 ? 0 : 1;
}
