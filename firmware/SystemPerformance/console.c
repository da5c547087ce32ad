/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include "board.h"
#include "text.h"

static void put_help(void)
{
    put_line("keys: q quit, r restart, p pause, x ten times longer, h this help");
}

static console_command decode(int key)
{
    switch (key) {
    case 'q':
        return CONSOLE_QUIT;
    case 'r':
        return CONSOLE_RESTART;
    case 'x':
        return CONSOLE_LONGER;
    case 'h':
        put_help();
        return CONSOLE_NONE;
    default:
        return CONSOLE_NONE;
    }
}

console_command console_wait(void)
{
    for (;;) {
        const int key = board_console_read();
        const console_command command = key < 0 ? CONSOLE_NONE : decode(key);
        if (command != CONSOLE_NONE || key == 'p') {
            return command;
        }
        if (key < 0) {
            board_idle();
        }
    }
}

console_command console_poll(void)
{
    const int key = board_console_read();
    if (key != 'p') {
        return key < 0 ? CONSOLE_NONE : decode(key);
    }
    put_line("paused; p goes on, q quits, r restarts");
    return console_wait();
}
