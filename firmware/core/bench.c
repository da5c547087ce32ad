/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include "board.h"
#include "stack.h"

/* The empty asm keeps the calls: a function without effect would be left out. */
__attribute__((noinline)) void ai_bench_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void ai_bench_end(void)
{
    __asm__ volatile("" ::: "memory");
}

ai_status bench_run(ai_handle handle, bench_result *result)
{
    stack_paint();
    const uintptr_t sp = stack_pointer();
    const uint64_t start = board_counter();
    ai_bench_begin();
    const ai_status status = ai_run(handle);
    ai_bench_end();
    result->count = board_counter() - start;
    result->stack_used = stack_used(sp);
    return status;
}

/* Split, so that the product stays within 64 bit for any run shorter than a year. */
uint64_t bench_microseconds(uint64_t count)
{
    const uint64_t seconds = count / BOARD_CLOCK_HZ, rest = count % BOARD_CLOCK_HZ;
    return seconds * 1000000u + rest * 1000000u / BOARD_CLOCK_HZ;
}
