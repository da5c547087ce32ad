// SPDX-License-Identifier: Apache-2.0
/* Does on request, by a byte from the console, what a program must not do. */
#include <stdint.h>

#include "board.h"

#define SCB_CCR (*(volatile uint32_t *)0xE000ED14u)
#define UNALIGN_TRP (1u << 3)
#define DIV_0_TRP (1u << 4)

void null_call(void);
void unaligned_load(void);
void unaligned_pair(void);
void zero_division(void);
void undefined_instruction(void);
void breakpoint(void);
void no_memory(void);
uint32_t deep_recursion(volatile uint32_t *caller, uint32_t depth);

__attribute__((noinline)) void null_call(void)
{
    void (*volatile function)(void) = 0;
    function();
    __asm__ volatile("nop");
}

__attribute__((noinline)) void unaligned_load(void)
{
    uint32_t words[2] = {0};
    SCB_CCR |= UNALIGN_TRP;
    __asm__ volatile("dsb\n\tisb\n\tldr r0, [%0]" ::"r"((uintptr_t)words + 1u) : "r0", "memory");
}

__attribute__((noinline)) void unaligned_pair(void)
{
    uint32_t words[4] = {0};
    __asm__ volatile("ldrd r0, r1, [%0]" ::"r"((uintptr_t)words + 2u) : "r0", "r1", "memory");
}

__attribute__((noinline)) void zero_division(void)
{
    SCB_CCR |= DIV_0_TRP;
    __asm__ volatile("dsb\n\tisb\n\tmovs r0, #0\n\tudiv r0, r0, r0" ::: "r0");
}

__attribute__((noinline)) void undefined_instruction(void)
{
    __asm__ volatile("udf #7");
}

__attribute__((noinline)) void breakpoint(void)
{
    __asm__ volatile("bkpt #0xab");
}

__attribute__((noinline)) void no_memory(void)
{
    (void)*(volatile uint32_t *)0x1F000000u;
}

/* Each frame keeps the one before alive, so no call can become a loop; the end is never reached. */
__attribute__((noinline)) uint32_t deep_recursion(volatile uint32_t *caller, uint32_t depth)
{
    volatile uint32_t own[16];
    own[depth % 16u] = caller[0] + depth;
    if (depth == UINT32_MAX) {
        return 0;
    }
    return deep_recursion(own, depth + 1u) + own[0];
}

/* Any floating-point instruction will do. */
static volatile float scale = 1.5f;

int app_main(void)
{
    static const uint8_t ready[] = "ready\r\n";
    volatile uint32_t none[1] = {0};
    int byte;
    scale = scale * 2.0f;
    board_console_write(ready, sizeof(ready) - 1u);
    while ((byte = board_console_read()) < 0) {
        board_idle();
    }
    switch (byte) {
    case 'n':
        null_call();
        break;
    case 'l':
        unaligned_load();
        break;
    case 'p':
        unaligned_pair();
        break;
    case 'z':
        zero_division();
        break;
    case 'u':
        undefined_instruction();
        break;
    case 'b':
        breakpoint();
        break;
    case 'm':
        no_memory();
        break;
    case 's':
        return (int)deep_recursion(none, 0);
    default:
        break;
    }
    return 0;
}
