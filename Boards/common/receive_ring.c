/* SPDX-License-Identifier: Apache-2.0 */
/* Received bytes between the UART's interrupt, the only one that writes `head`, and the program, which alone writes
 * `tail`. It holds the four frames that a host may send ahead (AI_LINK_RX_BUFFER of firmware/protocol: 2112 bytes). */
#include "receive_ring.h"

#include "board.h"

#define RING_SIZE 2304u

static uint8_t ring[RING_SIZE];
static volatile uint32_t head, tail;

static uint32_t after(uint32_t place)
{
    return place + 1u == RING_SIZE ? 0 : place + 1u;
}

void receive_ring_put(uint8_t byte)
{
    const uint32_t place = head, next = after(place);
    if (next != tail) {
        ring[place] = byte;
        __asm__ volatile("" ::: "memory");
        head = next;
    }
}

int board_console_read(void)
{
    const uint32_t place = tail;
    if (place == head) {
        return -1;
    }
    const uint8_t byte = ring[place];
    __asm__ volatile("" ::: "memory");
    tail = after(place);
    return byte;
}

/* With interrupts masked, a byte that comes after the test still ends the wait: WFI looks at pending ones. SysTick ends
 * it in any case. */
void board_idle(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (tail == head) {
        __asm__ volatile("dsb\n\twfi" ::: "memory");
    }
    __asm__ volatile("cpsie i\n\tisb" ::: "memory");
}
