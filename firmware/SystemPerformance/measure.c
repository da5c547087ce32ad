/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include "bench.h"
#include "board.h"
#include "layers.h"
#include "pool.h"
#include "random.h"
#include "report.h"

static bool fail(const ai_model_info *model, const char *what, const char *why)
{
    put_text("ERROR: model ");
    put_text(model->name);
    put_text(": ");
    put_text(what);
    put_text(": ");
    put_line(why);
    return false;
}

static void fill_inputs(ai_handle handle, uint32_t *random_state)
{
    for (int32_t i = 0; i < ai_get_input_size(handle); i++) {
        random_fill(ai_get_input(handle, i), random_state);
    }
}

static void add(measurement *total, const bench_result *one)
{
    total->sum += one->count;
    total->min = one->count < total->min ? one->count : total->min;
    total->max = one->count > total->max ? one->count : total->max;
    total->stack_used = one->stack_used > total->stack_used ? one->stack_used : total->stack_used;
    total->runs++;
}

static bool run_all(ai_handle handle, uint32_t runs, uint32_t *random_state, measurement *total)
{
    while (total->runs < runs) {
        bench_result one;
        fill_inputs(handle, random_state);
        if (bench_run(handle, &one) != AI_STATUS_OK) {
            return false;
        }
        add(total, &one);
    }
    return true;
}

bool measure_model(const ai_model_info *model, uint32_t runs, uint32_t *random_state)
{
    ai_handle handle;
    if (ai_create_sized(model, app_pool, app_pool_bytes, &handle) != AI_STATUS_OK) {
        return fail(model, "no instance", ai_get_create_error(model, app_pool, app_pool_bytes));
    }
    measurement total = {.min = UINT64_MAX};
    const bool ok = run_all(handle, runs, random_state, &total);
    if (!ok) {
        (void)fail(model, "inference failed", ai_get_error(handle));
    } else {
        report_measurement(model, &total);
        fill_inputs(handle, random_state);
        report_layers(handle);
    }
    (void)ai_destroy(handle);
    return ok;
}
