/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "bench.h"
#include "board.h"
#include "pool.h"
#include "stack.h"

#define NAME_WIDTH 15u
#define INFERENCES_PER_SECOND 1u /* what the workload supposes */

void put_name(const char *name)
{
    put_text("  ");
    put_column(name, NAME_WIDTH);
    put_text(": ");
}

static void put_pair(const char *name, const char *value)
{
    put_name(name);
    put_line(value);
}

static void put_bytes(const char *name, uint32_t bytes, const void *address)
{
    put_name(name);
    put_unsigned(bytes, 0);
    put_text(" bytes");
    if (address != NULL) {
        put_text(" at ");
        put_hex((uint32_t)(uintptr_t)address);
    }
    put_line("");
}

void report_system(void)
{
    put_line("");
    put_line("SystemPerformance");
    put_pair("compiler", "GCC " __VERSION__);
    put_pair("board", BOARD_TITLE);
    put_name("device id");
    put_hex(board_device_id());
    put_line("");
    put_pair("core", BOARD_CORE);
    put_pair("FPU", BOARD_FPU);
    put_name("clock");
    put_unsigned(BOARD_CLOCK_HZ, 0);
    put_line(" Hz");
    put_pair("caches", board_caches());
    put_name("counter");
    put_text(BOARD_COUNTER_UNIT ", steps of ");
    put_unsigned(BOARD_COUNTER_STEP, 0);
    put_line(BOARD_EMULATED ? "; durations suppose one instruction per clock" : "");
    put_name("stack");
    put_unsigned(stack_size(), 0);
    put_line(STACK_IS_MEASURED ? " bytes" : " (not known on a host)");
}

static void put_dtype(DLDataType type)
{
    static const char *const names[] = {"int", "uint", "float"};
    put_text(type.code <= kDLFloat ? names[type.code] : "bool");
    put_unsigned(type.bits, 0);
}

static void put_shape(const DLTensor *tensor)
{
    put_text(" [");
    for (int32_t i = 0; i < tensor->ndim; i++) {
        put_text(i > 0 ? "," : "");
        put_unsigned((uint64_t)tensor->shape[i], 0);
    }
    put_text("], ");
}

static void put_quantization(const ai_quantization_info *quant)
{
    if (quant == NULL) {
        put_line("");
        return;
    }
    put_text(", scale ");
    put_float(quant->scale[0]);
    put_text(", zero point ");
    put_signed(quant->zero_point[0]);
    put_line(quant->dim >= 0 ? " (first of its channels)" : "");
}

static void put_tensor(const char *kind, uint32_t number, const ai_tensor *tensor, const char *name)
{
    put_name(kind);
    put_unsigned(number, 0);
    put_text(" ");
    put_text(name);
    put_text(", ");
    put_dtype(tensor->dltensor.dtype);
    put_shape(&tensor->dltensor);
    put_unsigned(get_tensor_size(tensor), 0);
    put_text(" bytes");
    put_quantization(tensor->quant);
}

void report_model(const ai_model_info *model)
{
    put_line("");
    put_text("Model ");
    put_line(model->name);
    put_pair("date", model->datetime[0] != '\0' ? model->datetime : "not recorded");
    put_pair("tool", model->tool_version);
    put_pair("runtime API", model->api_version);
    put_name("signature");
    put_hex(model->signature);
    put_line("");
    put_name("nodes");
    put_unsigned(model->n_nodes, 0);
    put_line("");
    put_name("MACs");
    put_unsigned(model->n_macc, 0);
    put_line("");
    put_bytes("activations", model->activations_size, app_pool != NULL ? app_pool : model->activations);
    put_bytes("params", model->params_size, model->get_params != NULL ? model->get_params() : NULL);
    for (uint32_t i = 0; i < model->n_inputs; i++) {
        put_tensor("input", i, &model->inputs[i], model->io_names[i]);
    }
    for (uint32_t i = 0; i < model->n_outputs; i++) {
        put_tensor("output", i, &model->outputs[i], model->io_names[model->n_inputs + i]);
    }
}

static void put_counts(const measurement *result)
{
    const uint64_t average = result->sum / result->runs;
    put_name(BOARD_COUNTER_UNIT);
    put_unsigned(average, 0);
    put_text(" average, -");
    put_unsigned(average - result->min, 0);
    put_text(" / +");
    put_unsigned(result->max - average, 0);
    put_text(", min ");
    put_unsigned(result->min, 0);
    put_text(", max ");
    put_unsigned(result->max, 0);
    put_line("");
}

static void put_per_mac(const ai_model_info *model, uint64_t average)
{
    put_name("per MAC");
    if (model->n_macc == 0) {
        put_line("no MACs");
        return;
    }
    put_fixed(average * 1000u / model->n_macc, 3);
    put_line(" " BOARD_COUNTER_UNIT);
}

static void put_workload(uint64_t microseconds)
{
    put_name("CPU workload");
    put_fixed(microseconds * INFERENCES_PER_SECOND / 1000u, 1);
    put_line(" % at one inference a second");
}

void report_measurement(const ai_model_info *model, const measurement *result)
{
    const uint64_t average = result->sum / result->runs;
    const uint64_t microseconds = bench_microseconds(average);
    put_text("Results of ");
    put_text(model->name);
    put_text(", ");
    put_unsigned(result->runs, 0);
    put_line(" inferences on random inputs");
    put_name("duration");
    put_fixed(microseconds, 3);
    put_line(" ms average");
    put_counts(result);
    put_per_mac(model, average);
    put_workload(microseconds);
    put_name("used stack");
    if (STACK_IS_MEASURED) {
        put_unsigned(result->stack_used, 0);
        put_line(" bytes");
    } else {
        put_line("not measured on a host");
    }
    put_pair("used heap", "none (there is no heap)");
}
