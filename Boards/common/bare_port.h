/* SPDX-License-Identifier: Apache-2.0 */
/* The port without clock setting and console: what it has to say, a debugger reads. */
#ifndef BARE_PORT_H
#define BARE_PORT_H

#include <stdint.h>

typedef enum {
    BARE_STARTING = 0,
    BARE_RUNNING = 1, /* app_main() was called */
    BARE_ENDED = 2,   /* app_main() returned; `status` is its result */
    BARE_FAULT = 3    /* an exception that nobody expects; `exception` and `pc` tell where */
} bare_phase;

typedef struct {
    uint32_t phase; /* bare_phase */
    int32_t status;
    uint32_t exception; /* number of the exception, as in the register IPSR */
    uint32_t pc;        /* of the instruction that faulted, 0 where the stack is not to be trusted */
} bare_state;

extern volatile bare_state board_state;

#endif
