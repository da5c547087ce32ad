/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>

#define ACKNOWLEDGE_MS 2000u
#define LOG_ERROR 4u

void session_begin(session *s, stm32_ai_State state, pb_size_t payload)
{
    memset(&s->response, 0, sizeof(s->response));
    s->response.reqid = s->request.reqid;
    s->response.state = state;
    s->response.which_payload = payload;
}

bool session_send(session *s)
{
    return ai_link_send(&s->link, stm32_ai_respMsg_fields, &s->response);
}

bool session_acknowledge(session *s, stm32_ai_State state, stm32_ai_Error error, uint32_t param)
{
    session_begin(s, error == stm32_ai_E_NONE ? state : stm32_ai_S_ERROR, stm32_ai_respMsg_ack_tag);
    s->response.payload.ack.error = error;
    s->response.payload.ack.param = param;
    return session_send(s);
}

bool session_await_acknowledge(session *s)
{
    stm32_ai_ackMsg ack;
    return ai_link_wait(&s->link, ACKNOWLEDGE_MS) && ai_link_receive(&s->link, stm32_ai_ackMsg_fields, &ack);
}

bool session_refuse(session *s, stm32_ai_Error error, const char *reason, uint32_t param)
{
    session_begin(s, stm32_ai_S_ERROR, stm32_ai_respMsg_log_tag);
    s->response.payload.log.level = LOG_ERROR;
    session_copy_text(s->response.payload.log.str, sizeof(s->response.payload.log.str), reason);
    if (session_send(s) && session_await_acknowledge(s)) {
        (void)session_acknowledge(s, stm32_ai_S_ERROR, error, param);
    }
    return false;
}

static bool continues_sequence(char c)
{
    return ((uint8_t)c & 0xC0u) == 0x80u;
}

void session_copy_text(char *field, size_t size, const char *text)
{
    size_t count = 0;
    while (count < size - 1u && text[count] != '\0') {
        count++;
    }
    while (count > 0 && continues_sequence(text[count])) {
        count--;
    }
    memcpy(field, text, count);
    field[count] = '\0';
}
