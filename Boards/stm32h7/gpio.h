/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GPIO_H
#define GPIO_H

#include <stddef.h>
#include <stdint.h>

/* Pins of one port that serve the same alternate function. */
typedef struct {
    uint8_t port;     /* 0: A */
    uint8_t function; /* 0..15 */
    uint16_t pins;    /* bit n: pin n */
} gpio_group;

#define GPIO_SLOW 0u
#define GPIO_VERY_FAST 3u

/* Connects the pins to their functions, with pull-up and the given speed (OSPEEDR); other pins stay as they are. */
void gpio_connect(const gpio_group *groups, size_t count, uint32_t speed);

#endif
