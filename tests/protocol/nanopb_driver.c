/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generated messages on the nanopb runtime over an ai_link: a device on standard input and output that answers SYNC
 * and, to any other request, a tensor message that it streams. Ends when its input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai_link_pb.h"
#include "stm32_ai.pb.h"

#define TENSOR_SIZE 3000u

static uint8_t tensor[TENSOR_SIZE];
static uint32_t clock_ms;

static bool write_bytes(void *context, const uint8_t *data, size_t size)
{
    (void)context;
    return fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0;
}

static int read_byte(void *context)
{
    (void)context;
    const int byte = getchar();
    if (byte == EOF) {
        exit(0);
    }
    return byte;
}

static uint32_t read_clock(void *context)
{
    (void)context;
    return ++clock_ms / 1000u;
}

static bool write_tensor(pb_ostream_t *stream, const pb_field_iter_t *field, void *const *arg)
{
    (void)arg;
    return pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, tensor, TENSOR_SIZE);
}

static bool write_inputs(pb_ostream_t *stream, const pb_field_iter_t *field, void *const *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 3u; i++) {
        stm32_ai_aiTensorDescMsg desc = stm32_ai_aiTensorDescMsg_init_zero;
        desc.name[0] = (char)('a' + i);
        desc.dims_count = (pb_size_t)i;
        for (unsigned k = 0; k < i; k++) {
            desc.dims[k] = 10u + k;
        }
        desc.n_dims = ((uint32_t)stm32_ai_SHAPE_RAW << 24) | i;
        desc.zeropoint = -128;
        desc.scale = 0.5f;
        if (!pb_encode_tag_for_field(stream, field) ||
            !pb_encode_submessage(stream, stm32_ai_aiTensorDescMsg_fields, &desc)) {
            return false;
        }
    }
    return true;
}

static bool read_tensor(pb_istream_t *stream, const pb_field_iter_t *field, void **arg)
{
    (void)field;
    (void)arg;
    return stream->bytes_left == TENSOR_SIZE && pb_read(stream, tensor, TENSOR_SIZE);
}

static void answer(ai_link *link, const stm32_ai_reqMsg *request)
{
    stm32_ai_respMsg response = stm32_ai_respMsg_init_zero;

    response.reqid = request->reqid;
    if (request->cmd == stm32_ai_CMD_SYNC) {
        ai_link_sync(link, request->param);
        response.which_payload = stm32_ai_respMsg_sync_tag;
        response.payload.sync.version = 0x301u;
        response.payload.sync.capability = stm32_ai_CAP_CHECKED;
    } else if (request->cmd == stm32_ai_CMD_NETWORK_INFO) {
        response.which_payload = stm32_ai_respMsg_minfo_tag;
        memset(response.payload.minfo.name, 'n', sizeof(response.payload.minfo.name) - 1u);
        response.payload.minfo.n_macc = 1ull << 40;
        response.payload.minfo.n_inputs = 3u;
        response.payload.minfo.inputs.funcs.encode = write_inputs;
    } else {
        response.which_payload = stm32_ai_respMsg_tensor_tag;
        response.payload.tensor.data.size = TENSOR_SIZE;
        response.payload.tensor.data.datas.funcs.encode = write_tensor;
    }
    (void)ai_link_send(link, stm32_ai_respMsg_fields, &response);
}

static void refuse(ai_link *link)
{
    stm32_ai_respMsg response = stm32_ai_respMsg_init_zero;

    response.state = stm32_ai_S_ERROR;
    response.which_payload = stm32_ai_respMsg_ack_tag;
    response.payload.ack.error = stm32_ai_E_INVALID_PARAM;
    (void)ai_link_send(link, stm32_ai_respMsg_fields, &response);
}

int main(void)
{
    static ai_link link;
    static ai_checked_buffers buffers;
    static const ai_link_port port = {write_bytes, read_byte, read_clock, NULL};

    ai_link_init(&link, &port, &buffers);
    for (;;) {
        if (!ai_link_wait(&link, AI_LINK_FOREVER)) {
            continue;
        }
        stm32_ai_reqMsg request = stm32_ai_reqMsg_init_zero;
        if (!ai_link_receive(&link, stm32_ai_reqMsg_fields, &request)) {
            refuse(&link);
            continue;
        }
        if (request.cmd == stm32_ai_CMD_TEST) {
            stm32_ai_aiDataMsg data = stm32_ai_aiDataMsg_init_zero;
            data.datas.funcs.decode = read_tensor;
            if (!ai_link_wait(&link, AI_LINK_FOREVER) || !ai_link_receive(&link, stm32_ai_aiDataMsg_fields, &data)) {
                refuse(&link);
                continue;
            }
        }
        answer(&link, &request);
    }
}
