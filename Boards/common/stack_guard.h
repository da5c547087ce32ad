/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STACK_GUARD_H
#define STACK_GUARD_H

/* Makes an access to the 64 KB below the stack a fault. */
void stack_guard_start(void);

#endif
