/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the interactive mode. */
#ifndef CONSOLE_H
#define CONSOLE_H

typedef enum { CONSOLE_NONE, CONSOLE_QUIT, CONSOLE_RESTART, CONSOLE_LONGER } console_command;

/* Handles the keys that were pressed; blocks while paused. Returns what the caller has to do. */
console_command console_poll(void);

/* Waits for a key that asks for something. */
console_command console_wait(void);

#endif
