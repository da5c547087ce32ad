/* SPDX-License-Identifier: Apache-2.0 */
/* One measured inference. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#include "ai_runtime_api.h"

typedef struct {
    uint64_t count;      /* of board_counter() */
    uint32_t stack_used; /* bytes, ai_run and all that it calls; 0 where STACK_IS_MEASURED is 0 */
} bench_result;

/* Runs `handle` once. The status is ai_run's. */
ai_status bench_run(ai_handle handle, bench_result *result);

/* Marks around ai_run for tools that count what is executed between two addresses. */
void ai_bench_begin(void);
void ai_bench_end(void);

/* Microseconds that `count` of board_counter() stands for. */
uint64_t bench_microseconds(uint64_t count);

#endif
