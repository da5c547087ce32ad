/* SPDX-License-Identifier: Apache-2.0 */
/* nanopb over an ai_link: messages stream between the line and the fields' callbacks, no message is ever held whole. */
#ifndef AI_LINK_PB_H
#define AI_LINK_PB_H

#include <pb.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include "ai_link.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A stream over the message that ai_link_wait announced. */
pb_istream_t ai_link_istream(ai_link *link);

/* A stream into the message that ai_link_begin_write started. */
pb_ostream_t ai_link_ostream(ai_link *link);

/* Decode the whole message and end it. False: malformed (the rest is skipped, link->error is NULL) or a link error. */
bool ai_link_receive(ai_link *link, const pb_msgdesc_t *fields, void *message);

/* Encode a whole message. False: it cannot be encoded (a part of it is out: the host will refuse it) or a link error.
 */
bool ai_link_send(ai_link *link, const pb_msgdesc_t *fields, const void *message);

#ifdef __cplusplus
}
#endif

#endif
