/* SPDX-License-Identifier: Apache-2.0 */
/* Per-layer runs: each node is sent while the memory still holds its outputs. Neither the counts nor the stack include
 * the sending: the counter and the paint start afresh at the beginning of each node. */
#include "run.h"

#include "board.h"
#include "stack.h"

typedef struct {
    session *s;
    const model_view *view;
    uintptr_t sp;
    uint64_t start, sum;
    uint32_t stack_used;
    bool broken;
} observation;

/* A tensor that lost channels, or of uint8 that is kept as int8: it is restored while it is sent. */
static bool send_restored(const observation *o, const ai_node_tensor *output, const node_data *data, uint32_t flags)
{
    session *s = o->s;
    session_begin(s, stm32_ai_S_PROCESSING, stm32_ai_respMsg_tensor_tag);
    stm32_ai_aiTensorMsg *message = &s->response.payload.tensor;
    describe_tensor(&message->desc, &output->tensor, output->name, NULL, flags);
    describe_node_data(&message->data, data);
    return session_send(s);
}

static bool send_tensors(const observation *o, uint32_t index, const ai_node_info *node)
{
    const bool with_data = (o->s->request.param & stm32_ai_RUN_WITH_DATA) != 0;
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const ai_node_tensor *output = &node->outputs[i];
        const uint32_t last = i + 1u == node->n_outputs ? (uint32_t)stm32_ai_TENSOR_LAST : 0u;
        const uint32_t flags = (uint32_t)stm32_ai_TENSOR_INTERNAL | last;
        const node_data data = {o->view->handle, index, i, get_tensor_size(&output->tensor)};
        const bool sent = with_data && (output->removed != NULL || output->inverted != 0u)
                              ? send_restored(o, output, &data, flags)
                              : run_send_tensor(o->s, stm32_ai_S_PROCESSING, &output->tensor, output->name,
                                                with_data ? ai_get_node_data(o->view->handle, index, i) : NULL, flags);
        if (!sent) {
            return false;
        }
    }
    return true;
}

static bool send_node(const observation *o, uint32_t index, uint64_t count, uint32_t stack_used)
{
    const ai_node_info *node = ai_get_node_info(o->view->handle, index);
    uint32_t flags = stm32_ai_OPERATOR_INTERNAL;
    if (index + 1u == o->view->model->n_nodes) {
        flags |= stm32_ai_OPERATOR_LAST;
    }
    if (node->n_outputs == 0) {
        flags |= stm32_ai_OPERATOR_WITHOUT_TENSOR;
    }
    return run_send_operator(o->s, node->name, flags << 24, index, count, (int32_t)stack_used) &&
           send_tensors(o, index, node);
}

/* Not inlined, so that little stack is in use while the rest of it is painted. */
static __attribute__((noinline)) void begin_node(observation *o)
{
    stack_paint();
    o->start = board_counter();
}

static __attribute__((noinline)) void end_node(observation *o, uint32_t index)
{
    const uint64_t count = board_counter() - o->start;
    const uint32_t stack = stack_used(o->sp);
    o->sum += count;
    o->stack_used = stack > o->stack_used ? stack : o->stack_used;
    o->broken = o->broken || !send_node(o, index, count, stack);
}

static void on_event(ai_handle handle, ai_event event, uint32_t index, void *user)
{
    (void)handle;
    if (event == AI_EVENT_NODE_BEGIN) {
        begin_node(user);
    } else {
        end_node(user, index);
    }
}

bool run_observed(session *s, const model_view *view, uint64_t *count, uint32_t *stack_used)
{
    observation o = {.s = s, .view = view, .sp = stack_pointer()};
    (void)ai_set_observer(view->handle, on_event, &o);
    const ai_status status = ai_run(view->handle);
    (void)ai_set_observer(view->handle, NULL, NULL);
    *count = o.sum;
    *stack_used = o.stack_used;
    if (o.broken) {
        return false;
    }
    return status == AI_STATUS_OK || session_refuse(s, stm32_ai_E_GENERIC, ai_get_error(view->handle), 0);
}
