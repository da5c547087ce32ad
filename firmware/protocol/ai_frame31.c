/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_frame31.h"

#include <string.h>

static size_t min_size(size_t a, size_t b)
{
    return (a < b) ? a : b;
}

void ai_frame31_in_reset(ai_frame31_in *in)
{
    in->left = 0u;
    in->fill = 0u;
    in->pos = 0u;
}

bool ai_frame31_in_byte(ai_frame31_in *in, uint8_t byte)
{
    in->packet[in->fill] = byte;
    in->fill++;
    return in->fill == AI_FRAME31_PACKET;
}

/* Bytes of packet[] that are received and not read. */
static size_t available(const ai_frame31_in *in)
{
    if (in->fill != AI_FRAME31_PACKET) {
        return 0u;
    }
    return (size_t)in->packet[0] + 1u - in->pos;
}

bool ai_frame31_in_open(ai_frame31_in *in)
{
    uint32_t length = 0u;
    unsigned shift = 0u;

    in->left = 0u;
    if (!ai_frame31_in_next(in)) {
        return false;
    }
    while (available(in) > 0u && shift < 28u) {
        const uint8_t byte = in->packet[in->pos++];
        length |= (uint32_t)(byte & 0x7Fu) << shift;
        shift += 7u;
        if ((byte & 0x80u) == 0u) {
            in->left = length;
            break;
        }
    }
    if (in->left == 0u || in->left > AI_FRAME31_MAX_MESSAGE) {
        ai_frame31_in_reset(in);
        return false;
    }
    return true;
}

bool ai_frame31_in_next(ai_frame31_in *in)
{
    if (in->packet[0] == 0u || in->packet[0] > AI_FRAME31_PAYLOAD) {
        ai_frame31_in_reset(in);
        return false;
    }
    in->pos = 1u;
    return true;
}

size_t ai_frame31_in_take(ai_frame31_in *in, uint8_t *dst, size_t size)
{
    const size_t count = min_size(min_size(size, in->left), available(in));

    if (count > 0u) {
        if (dst != NULL) {
            memcpy(dst, &in->packet[in->pos], count);
        }
        in->pos = (uint8_t)(in->pos + count);
        in->left -= (uint32_t)count;
    }
    if (available(in) == 0u || in->left == 0u) {
        in->fill = 0u;
        in->pos = 0u;
    }
    return count;
}

void ai_frame31_out_reset(ai_frame31_out *out)
{
    out->fill = 0u;
    out->packet[0] = 0u;
}

size_t ai_frame31_out_put(ai_frame31_out *out, const uint8_t *src, size_t size)
{
    const size_t count = min_size(size, AI_FRAME31_PAYLOAD - (size_t)out->fill);

    if (count > 0u) {
        memcpy(&out->packet[1u + out->fill], src, count);
        out->fill = (uint8_t)(out->fill + count);
        out->packet[0] = out->fill;
    }
    return count;
}

void ai_frame31_out_finish(ai_frame31_out *out)
{
    memset(&out->packet[1u + out->fill], 0, AI_FRAME31_PAYLOAD - (size_t)out->fill);
    out->packet[0] = (uint8_t)(out->fill | AI_FRAME31_LAST);
}
