/* SPDX-License-Identifier: Apache-2.0 */
/* End of a program on the emulator: SYS_EXIT_EXTENDED of Arm's semihosting specification carries the exit status. */
#include "board.h"

#define SYS_EXIT_EXTENDED 0x20u
#define STOPPED_APPLICATION_EXIT 0x20026u

void board_exit(int status)
{
    const uint32_t block[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)status};
    register uint32_t operation __asm__("r0") = SYS_EXIT_EXTENDED;
    register const uint32_t *parameters __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(operation) : "r"(parameters) : "memory");
    for (;;) {
    }
}
