/* SPDX-License-Identifier: Apache-2.0 */
/* End of a program on a chip: nothing is left to return to. The core sleeps; no interrupt wakes it for good. */
#include "board.h"

void board_exit(int status)
{
    (void)status;
    __asm__ volatile("cpsid i" ::: "memory");
    for (;;) {
        __asm__ volatile("dsb\n\twfi" ::: "memory");
    }
}
