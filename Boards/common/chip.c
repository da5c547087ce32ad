/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a board with a chip. Whatever fails is said on the console, whose UART needs no more than the internal
 * oscillator: no start ends in silence. */
#include "chip.h"

#include "board.h"
#include "cortex_m.h"
#include "counter.h"
#include "stack_guard.h"

static bool console_is_up;

static void console_up(void)
{
    console_start();
    console_is_up = true;
}

static void write_text(const char *text)
{
    size_t size = 0;
    while (text[size] != '\0') {
        size++;
    }
    board_console_write((const uint8_t *)text, size);
}

/* With the clock as it is: a clock that failed is the internal oscillator by then. */
static void give_up(const char *what)
{
    write_text("\r\nERROR: this board does not start: ");
    write_text(what);
    write_text("\r\n");
    board_exit(BOARD_EXIT_FAULT);
}

void port_init(void)
{
    stack_guard_start();
    chip_protect();
    const char *failure = clock_start();
    if (failure != NULL) {
        clock_fall_back();
    }
    console_up();
    if (failure == NULL) {
        failure = counter_start();
    }
    if (failure == NULL) {
        failure = memories_start();
    }
    if (failure != NULL) {
        give_up(failure);
    }
    chip_accelerate();
}

/* A UART that takes no bytes loses them: waiting for ever would help nobody. A fault before the console was started
 * starts it, on a clock that is certain. */
void board_console_write(const uint8_t *data, size_t size)
{
    if (!console_is_up) {
        clock_fall_back();
        console_up();
    }
    for (size_t i = 0; i < size && console_send(data[i]); i++) {
    }
}
