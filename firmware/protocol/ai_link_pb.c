/* SPDX-License-Identifier: Apache-2.0 */
#include "ai_link_pb.h"

static bool read_callback(pb_istream_t *stream, pb_byte_t *buffer, size_t count)
{
    ai_link *link = stream->state;

    /* Asked before reading: a message of the checked mode carries no length, and its end is no error. */
    if (link->is_checked && ai_link_at_end(link)) {
        stream->bytes_left = 0;
        return false;
    }
    return ai_link_read(link, buffer, count);
}

static bool write_callback(pb_ostream_t *stream, const pb_byte_t *buffer, size_t count)
{
    return ai_link_write(stream->state, buffer, count);
}

pb_istream_t ai_link_istream(ai_link *link)
{
    pb_istream_t stream = PB_ISTREAM_EMPTY;

    stream.callback = read_callback;
    stream.state = link;
    stream.bytes_left = link->is_checked ? SIZE_MAX : link->in.left;
    return stream;
}

pb_ostream_t ai_link_ostream(ai_link *link)
{
    pb_ostream_t stream = {0};

    stream.callback = write_callback;
    stream.state = link;
    stream.max_size = SIZE_MAX;
    return stream;
}

bool ai_link_receive(ai_link *link, const pb_msgdesc_t *fields, void *message)
{
    pb_istream_t stream = ai_link_istream(link);
    const bool decoded = pb_decode(&stream, fields, message);

    return ai_link_end_read(link) && decoded;
}

bool ai_link_send(ai_link *link, const pb_msgdesc_t *fields, const void *message)
{
    pb_ostream_t stream = ai_link_ostream(link);

    if (!ai_link_begin_write(link)) {
        return false;
    }
    const bool encoded = pb_encode(&stream, fields, message);
    return ai_link_end_write(link) && encoded;
}
