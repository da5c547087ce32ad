/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of Validation share: the link, the request under way, the one response buffer. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

#include "ai_link_pb.h"
#include "ai_runtime_api.h"
#include "stm32_ai.pb.h"

typedef struct {
    ai_link link;
    stm32_ai_reqMsg request;
    stm32_ai_respMsg response; /* messages are sent one at a time, so one buffer serves all */
} session;

/* Clears the response and gives it the request's number. */
void session_begin(session *s, stm32_ai_State state, pb_size_t payload);

/* Sends the response. False: the link is broken, the command is given up. */
bool session_send(session *s);

/* Sends an acknowledge. error: stm32_ai_Error; state S_ERROR unless it is E_NONE. */
bool session_acknowledge(session *s, stm32_ai_State state, stm32_ai_Error error, uint32_t param);

/* Sends an error: first a log message with the reason, which the host acknowledges, then the acknowledge. Always false,
 * for `return session_refuse(...)`. */
bool session_refuse(session *s, stm32_ai_Error error, const char *reason, uint32_t param);

/* Reads an acknowledge of the host. */
bool session_await_acknowledge(session *s);

/* Copies text to a message field of `size` bytes: shortened where it must be, never inside a UTF-8 sequence. */
void session_copy_text(char *field, size_t size, const char *text);

/* The commands that need more than a line. */
bool command_network_info(session *s);
bool command_network_run(session *s);

#endif
