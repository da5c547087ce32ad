/* SPDX-License-Identifier: Apache-2.0 */
/* A fault is reported on the console with the registers that tell where it was; then the program ends. */
#include "board.h"
#include "cortex_m.h"

/* What the core pushes on exception entry. */
typedef struct {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
} exception_frame;

extern uint32_t __stack_limit__[], __stack_top__[];

void fault_report(uintptr_t sp, uint32_t exception);

/* The faulting code may have used up its stack, so the report has one of its own. */
#define FAULT_STACK_WORDS 96
uint32_t fault_stack[FAULT_STACK_WORDS] __attribute__((aligned(8)));

__attribute__((naked)) void Fault_Handler(void)
{
    __asm__ volatile("mrs r0, msp\n\t"
                     "mrs r1, ipsr\n\t"
                     "ldr r2, =fault_stack + 384\n\t"
                     "mov sp, r2\n\t"
                     "ldr r2, =fault_report\n\t"
                     "bx r2\n\t"
                     ".ltorg");
}

static void write_text(const char *text)
{
    size_t size = 0;
    while (text[size] != '\0') {
        size++;
    }
    board_console_write((const uint8_t *)text, size);
}

static void write_register(const char *name, uint32_t value)
{
    char text[9];
    for (int32_t i = 7; i >= 0; i--, value >>= 4) {
        text[i] = "0123456789abcdef"[value & 15u];
    }
    text[8] = '\0';
    write_text(name);
    write_text(text);
}

/* The frame's first five words. */
static void write_registers(const uint32_t *words)
{
    static const char names[][6] = {" r0 ", " r1 ", " r2 ", " r3 ", " r12 "};
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        write_register(names[i], words[i]);
    }
}

static void write_status(void)
{
#if CORE_IS_MAINLINE
    write_register(" cfsr ", SCB_CFSR);
    write_register(" hfsr ", SCB_HFSR);
    write_register(" mmfar ", SCB_MMFAR);
    write_register(" bfar ", SCB_BFAR);
#endif
}

void fault_report(uintptr_t sp, uint32_t exception)
{
    const uintptr_t limit = (uintptr_t)__stack_limit__, top = (uintptr_t)__stack_top__;
    write_register("\r\nFAULT exception ", exception);
    if (sp < limit || sp > top - sizeof(exception_frame)) {
        write_register(": stack overflow, sp ", (uint32_t)sp);
        write_register(", stack limit ", (uint32_t)limit);
    } else {
        const exception_frame *frame = (const exception_frame *)sp;
        write_register(": pc ", frame->pc);
        write_register(" lr ", frame->lr);
        write_register(" sp ", (uint32_t)sp);
        write_registers(&frame->r0);
        write_register(" xpsr ", frame->xpsr);
    }
    write_status();
    write_text("\r\n");
    board_exit(BOARD_EXIT_FAULT);
}
