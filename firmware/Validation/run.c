/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "bench.h"
#include "board.h"
#include "stack.h"

#define COUNTER_64BIT 0u
#define NOT_MEASURED (-1)

bool run_send_operator(session *s, const char *name, uint32_t type, uint32_t id, uint64_t count, int32_t stack_used)
{
    session_begin(s, stm32_ai_S_PROCESSING, stm32_ai_respMsg_op_tag);
    stm32_ai_aiOperatorMsg *op = &s->response.payload.op;
    session_copy_text(op->name, sizeof(op->name), name);
    op->type = type;
    op->id = id;
    op->duration = (float)count / (float)(BOARD_CLOCK_HZ / 1000u);
    op->counter_type = COUNTER_64BIT;
    op->counters_count = 2;
    op->counters[0] = (uint32_t)count;
    op->counters[1] = (uint32_t)(count >> 32);
    op->stack_used = STACK_IS_MEASURED ? stack_used : NOT_MEASURED;
    op->heap_used = 0;
    return session_send(s);
}

bool run_send_tensor(session *s, stm32_ai_State state, const ai_tensor *tensor, const char *name, const void *data,
                     uint32_t flags)
{
    const byte_range range = {data, data != NULL ? get_tensor_size(tensor) : 0};
    session_begin(s, state, stm32_ai_respMsg_tensor_tag);
    stm32_ai_aiTensorMsg *message = &s->response.payload.tensor;
    describe_tensor(&message->desc, tensor, name, data,
                    flags | (data == NULL ? (uint32_t)stm32_ai_TENSOR_NO_DATA : 0u));
    describe_data(&message->data, &range);
    return session_send(s);
}

bool run_inference(session *s, const model_view *view)
{
    bench_result result = {0, 0};
    if ((s->request.param & (stm32_ai_RUN_PER_LAYER | stm32_ai_RUN_WITH_DATA)) != 0) {
        if (!run_observed(s, view, &result.count, &result.stack_used)) {
            return false;
        }
    } else if (bench_run(view->handle, &result) != AI_STATUS_OK) {
        return session_refuse(s, stm32_ai_E_GENERIC, ai_get_error(view->handle), 0);
    }
    return run_send_operator(s, view->model->name, (uint32_t)stm32_ai_OPERATOR_MODEL << 24, view->model->n_nodes,
                             result.count, (int32_t)result.stack_used);
}

bool run_send_outputs(session *s, const model_view *view)
{
    const int32_t count = ai_get_output_size(view->handle);
    const bool with_data = (s->request.param & stm32_ai_RUN_PERF) == 0;
    for (int32_t i = 0; i < count; i++) {
        const ai_tensor *tensor = ai_get_output(view->handle, i);
        const bool last = i + 1 == count;
        const uint32_t flags = (uint32_t)stm32_ai_TENSOR_OUTPUT | (last ? (uint32_t)stm32_ai_TENSOR_LAST : 0u);
        const char *name = view->model->io_names[view->model->n_inputs + i];
        if (!run_send_tensor(s, last ? stm32_ai_S_DONE : stm32_ai_S_PROCESSING, tensor, name,
                             with_data ? tensor->dltensor.data : NULL, flags)) {
            return false;
        }
    }
    return true;
}
