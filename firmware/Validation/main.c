/* SPDX-License-Identifier: Apache-2.0 */
/* Validation: answers protocol 3.1 on the console, in the compatible or the checked mode, for all linked models. */
#include "board.h"
#include "describe.h"

#define PROTOCOL_VERSION (3u << 8 | 1u)

static session the_session;
static ai_checked_buffers the_buffers;

static bool line_write(void *context, const uint8_t *data, size_t size)
{
    (void)context;
    board_console_write(data, size);
    return true;
}

/* Whoever reads has nothing else to do, so the core may sleep until a byte comes. */
static int line_read(void *context)
{
    (void)context;
    const int byte = board_console_read();
    if (byte >= 0) {
        return byte;
    }
    board_idle();
    return board_console_read();
}

static uint32_t line_now(void *context)
{
    (void)context;
    return board_milliseconds();
}

static const ai_link_port the_port = {line_write, line_read, line_now, NULL};

static void command_sync(session *s)
{
    ai_link_sync(&s->link, s->request.param);
    session_begin(s, stm32_ai_S_IDLE, stm32_ai_respMsg_sync_tag);
    s->response.payload.sync.version = PROTOCOL_VERSION;
    s->response.payload.sync.capability = (uint32_t)stm32_ai_CAP_OBSERVER | (uint32_t)stm32_ai_CAP_CHECKED;
    s->response.payload.sync.rtid = describe_runtime();
    (void)session_send(s);
}

static void command_sys_info(session *s)
{
    session_begin(s, stm32_ai_S_IDLE, stm32_ai_respMsg_sinfo_tag);
    s->response.payload.sinfo.devid = board_device_id();
    s->response.payload.sinfo.sclock = BOARD_CLOCK_HZ;
    s->response.payload.sinfo.hclock = BOARD_CLOCK_HZ;
    (void)session_send(s);
}

static void handle_request(session *s)
{
    switch (s->request.cmd) {
    case stm32_ai_CMD_SYNC:
        command_sync(s);
        break;
    case stm32_ai_CMD_SYS_INFO:
        command_sys_info(s);
        break;
    case stm32_ai_CMD_NETWORK_INFO:
        (void)command_network_info(s);
        break;
    case stm32_ai_CMD_NETWORK_RUN:
        (void)command_network_run(s);
        break;
    case stm32_ai_CMD_TEST:
        (void)session_acknowledge(s, stm32_ai_S_DONE, stm32_ai_E_NONE, s->request.param);
        break;
    default:
        (void)session_acknowledge(s, stm32_ai_S_ERROR, stm32_ai_E_INVALID_CMD, s->request.cmd);
        break;
    }
}

int app_main(void)
{
    session *s = &the_session;
    ai_link_init(&s->link, &the_port, &the_buffers);
    for (;;) {
        if (ai_link_wait(&s->link, AI_LINK_FOREVER) && ai_link_receive(&s->link, stm32_ai_reqMsg_fields, &s->request)) {
            handle_request(s);
        }
    }
}
