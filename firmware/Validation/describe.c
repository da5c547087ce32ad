/* SPDX-License-Identifier: Apache-2.0 */
#include "describe.h"

#include "board.h"

#define MAX_RANK 8
#define PIECE 64u

/* Element formats: bit 23 signed, bits 17..20 kind (1 float, 2 integer, 3 bool), bits 7..13 bits, 64 + fraction bits.
 */
#define FORMAT_SIGNED (1u << 23)
#define FORMAT_FLOAT (1u << 24 | FORMAT_SIGNED | 1u << 17)
#define FORMAT_INTEGER (2u << 17)
#define FORMAT_BOOL (3u << 17)
#define FORMAT_NO_FRACTION 64u
#define FORMAT_U8 (FORMAT_INTEGER | 8u << 7 | FORMAT_NO_FRACTION)

static uint32_t element_format(DLDataType type)
{
    const uint32_t width = (uint32_t)type.bits << 7 | FORMAT_NO_FRACTION;
    switch (type.code) {
    case kDLFloat:
        return FORMAT_FLOAT | width;
    case kDLInt:
        return FORMAT_SIGNED | FORMAT_INTEGER | width;
    case kDLUInt:
        return FORMAT_INTEGER | width;
    default:
        return FORMAT_BOOL | width;
    }
}

/* Dimensions behind the eighth are multiplied into it. */
static void describe_shape(stm32_ai_aiTensorDescMsg *desc, const DLTensor *tensor)
{
    for (int32_t i = 0; i < tensor->ndim; i++) {
        if (i < MAX_RANK) {
            desc->dims[desc->dims_count++] = (uint32_t)tensor->shape[i];
        } else {
            desc->dims[MAX_RANK - 1] *= (uint32_t)tensor->shape[i];
        }
    }
    desc->n_dims = (uint32_t)stm32_ai_SHAPE_RAW << 24 | desc->dims_count;
}

void describe_tensor(stm32_ai_aiTensorDescMsg *desc, const ai_tensor *tensor, const char *name, const void *data,
                     uint32_t flags)
{
    session_copy_text(desc->name, sizeof(desc->name), name);
    desc->format = element_format(tensor->dltensor.dtype);
    desc->size = get_tensor_elts(tensor);
    desc->dims_count = 0;
    describe_shape(desc, &tensor->dltensor);
    desc->scale = tensor->quant != NULL ? tensor->quant->scale[0] : 0.0f;
    desc->zeropoint = tensor->quant != NULL ? tensor->quant->zero_point[0] : 0;
    desc->addr = (uint32_t)(uintptr_t)data;
    desc->flags = flags;
}

void describe_memory(stm32_ai_aiTensorDescMsg *desc, const char *name, uint32_t bytes, const void *data, uint32_t flags)
{
    session_copy_text(desc->name, sizeof(desc->name), name);
    desc->format = FORMAT_U8;
    desc->size = bytes;
    desc->n_dims = (uint32_t)stm32_ai_SHAPE_RAW << 24 | 1u;
    desc->dims_count = 1;
    desc->dims[0] = bytes;
    desc->scale = 0.0f;
    desc->zeropoint = 0;
    desc->addr = (uint32_t)(uintptr_t)data;
    desc->flags = flags;
}

/* nanopb's callback argument is not const; the callbacks here read it only. */
static void *not_const(const void *pointer)
{
    return (void *)(uintptr_t)pointer;
}

static bool encode_bytes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const byte_range *range = *arg;
    return pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, range->data, range->size);
}

void describe_data(stm32_ai_aiDataMsg *message, const byte_range *range)
{
    message->size = range->size;
    message->addr = (uint32_t)(uintptr_t)range->data;
    message->datas.funcs.encode = encode_bytes;
    message->datas.arg = not_const(range);
}

static bool encode_node_data(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const node_data *data = *arg;
    if (!pb_encode_tag_for_field(stream, field) || !pb_encode_varint(stream, data->size)) {
        return false;
    }
    uint8_t piece[PIECE];
    for (uint32_t at = 0; at < data->size; at += PIECE) {
        const uint32_t count = data->size - at < PIECE ? data->size - at : PIECE;
        if (ai_read_node_data(data->handle, data->node, data->output, at, piece, count) != AI_STATUS_OK ||
            !pb_write(stream, piece, count)) {
            return false;
        }
    }
    return true;
}

void describe_node_data(stm32_ai_aiDataMsg *message, const node_data *data)
{
    message->size = data->size;
    message->addr = 0;
    message->datas.funcs.encode = encode_node_data;
    message->datas.arg = not_const(data);
}

static bool encode_desc(pb_ostream_t *stream, const pb_field_t *field, const stm32_ai_aiTensorDescMsg *desc)
{
    return pb_encode_tag_for_field(stream, field) &&
           pb_encode_submessage(stream, stm32_ai_aiTensorDescMsg_fields, desc);
}

static bool encode_io(pb_ostream_t *stream, const pb_field_t *field, const model_view *view, bool outputs)
{
    const ai_model_info *const model = view->model;
    const int32_t count = outputs ? model->n_outputs : model->n_inputs;
    const char *const *names = model->io_names + (outputs ? model->n_inputs : 0);
    const uint32_t flags = outputs ? (uint32_t)stm32_ai_TENSOR_OUTPUT : (uint32_t)stm32_ai_TENSOR_INPUT;
    for (int32_t i = 0; i < count; i++) {
        const ai_tensor *tensor = outputs ? ai_get_output(view->handle, i) : ai_get_input(view->handle, i);
        stm32_ai_aiTensorDescMsg desc;
        describe_tensor(&desc, tensor, names[i], tensor->dltensor.data, flags);
        if (!encode_desc(stream, field, &desc)) {
            return false;
        }
    }
    return true;
}

static bool encode_inputs(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    return encode_io(stream, field, *arg, false);
}

static bool encode_outputs(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    return encode_io(stream, field, *arg, true);
}

static bool encode_activations(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const model_view *view = *arg;
    stm32_ai_aiTensorDescMsg desc;
    describe_memory(&desc, "activations", view->model->activations_size, ai_get_activations(view->handle),
                    stm32_ai_TENSOR_MEMPOOL);
    return encode_desc(stream, field, &desc);
}

static bool encode_params(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const model_view *view = *arg;
    stm32_ai_aiTensorDescMsg desc;
    describe_memory(&desc, "params", view->model->params_size, ai_get_params(view->handle), stm32_ai_TENSOR_MEMPOOL);
    return encode_desc(stream, field, &desc);
}

typedef bool encode_callback(pb_ostream_t *stream, const pb_field_t *field, void *const *arg);

static void set_callback(pb_callback_t *callback, encode_callback *encode, const model_view *view)
{
    callback->funcs.encode = encode;
    callback->arg = not_const(view);
}

/* Eight hexadecimal digits. */
static void copy_signature(char *field, uint32_t signature)
{
    for (uint32_t i = 0; i < 8u; i++) {
        field[i] = "0123456789abcdef"[(signature >> (28u - 4u * i)) & 15u];
    }
    field[8] = '\0';
}

void describe_model(stm32_ai_aiModelInfoMsg *info, const model_view *view)
{
    const ai_model_info *const model = view->model;
    session_copy_text(info->name, sizeof(info->name), model->name);
    session_copy_text(info->compile_datetime, sizeof(info->compile_datetime), model->datetime);
    session_copy_text(info->runtime_desc, sizeof(info->runtime_desc),
                      "stm32-ai, GCC " __VERSION__ ", counts " BOARD_COUNTER_UNIT);
    copy_signature(info->signature, model->signature);
    info->rtid = describe_runtime();
    info->runtime_version = describe_version(model->api_version);
    info->tool_version = describe_version(model->tool_version);
    info->n_macc = model->n_macc;
    info->n_nodes = model->n_nodes;
    info->n_inputs = model->n_inputs;
    info->n_outputs = model->n_outputs;
    info->n_activations = 1;
    info->n_params = 1;
    set_callback(&info->inputs, encode_inputs, view);
    set_callback(&info->outputs, encode_outputs, view);
    set_callback(&info->activations, encode_activations, view);
    set_callback(&info->params, encode_params, view);
}

uint32_t describe_version(const char *text)
{
    uint32_t version = 0;
    for (uint32_t shift = 24; shift > 0; shift -= 8) {
        uint32_t part = 0;
        while (*text >= '0' && *text <= '9') {
            part = part * 10u + (uint32_t)(*text++ - '0');
        }
        version |= (part & 0xFFu) << shift;
        if (*text != '.') {
            break;
        }
        text++;
    }
    return version;
}

uint32_t describe_runtime(void)
{
    return (uint32_t)stm32_ai_RT_TVM | (uint32_t)stm32_ai_TOOLS_GCC << 16;
}
