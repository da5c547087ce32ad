/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <string.h>

/* Where the bytes of a data message go. */
typedef struct {
    uint8_t *data;
    uint32_t size; /* of the tensor; with `repeat`, of the memory to be filled */
    uint32_t element;
    bool repeat;
    bool taken;
} destination;

/* One element has come to the start of the memory: the rest becomes like it. */
static void repeat_element(const destination *to)
{
    for (uint32_t at = to->element; at < to->size; at++) {
        to->data[at] = to->data[at - to->element];
    }
}

static bool decode_bytes(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    destination *to = *arg;
    const size_t wanted = to->repeat ? to->element : to->size;
    if (stream->bytes_left != wanted || !pb_read(stream, to->data, wanted)) {
        return false;
    }
    if (to->repeat && wanted > 0) {
        repeat_element(to);
    }
    to->taken = true;
    return true;
}

static bool receive_tensor(session *s, const ai_tensor *tensor)
{
    const uint32_t elements = get_tensor_elts(tensor), size = get_tensor_size(tensor);
    destination to = {
        .data = tensor->dltensor.data,
        .size = size,
        .element = elements > 0 ? size / elements : 0,
        .repeat = (s->request.param & stm32_ai_RUN_CONST_VALUE) != 0,
    };
    stm32_ai_aiDataMsg message;
    memset(&message, 0, sizeof(message));
    message.datas.funcs.decode = decode_bytes;
    message.datas.arg = &to;
    if (!ai_link_wait(&s->link, AI_LINK_MESSAGE_MS)) {
        return false;
    }
    if (!ai_link_receive(&s->link, stm32_ai_aiDataMsg_fields, &message) || (!to.taken && size > 0)) {
        return s->link.error == NULL &&
               session_refuse(s, stm32_ai_E_INVALID_SIZE, "the input has another size than the tensor", size);
    }
    return true;
}

bool run_receive_inputs(session *s, const model_view *view)
{
    const int32_t count = ai_get_input_size(view->handle);
    for (int32_t i = 0; i < count; i++) {
        if (ai_get_input(view->handle, i)->dltensor.data == NULL) {
            return session_refuse(s, stm32_ai_E_INVALID_STATE,
                                  "an input is outside of the pool; compile with include_inputs", 0);
        }
    }
    if (!session_acknowledge(s, stm32_ai_S_WAITING, stm32_ai_E_NONE, 0)) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        const stm32_ai_State state = i + 1 < count ? stm32_ai_S_WAITING : stm32_ai_S_PROCESSING;
        if (!receive_tensor(s, ai_get_input(view->handle, i)) || !session_acknowledge(s, state, stm32_ai_E_NONE, 0) ||
            !session_await_acknowledge(s)) {
            return false;
        }
    }
    return true;
}
