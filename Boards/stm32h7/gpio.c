/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio.h"

#include "stm32h7.h"

#define MODE_ALTERNATE 2u
#define PULL_UP 1u

static void set_field(volatile uint32_t *reg, uint32_t shift, uint32_t mask, uint32_t value)
{
    *reg = (*reg & ~(mask << shift)) | value << shift;
}

/* The function before the mode: the pin never carries another one. */
static void connect_pin(uint32_t port, uint32_t pin, uint32_t function, uint32_t speed)
{
    set_field(&GPIO_AFR(port, pin), pin % 8u * 4u, 0xFu, function);
    set_field(&GPIO_OSPEEDR(port), pin * 2u, 3u, speed);
    set_field(&GPIO_PUPDR(port), pin * 2u, 3u, PULL_UP);
    set_field(&GPIO_MODER(port), pin * 2u, 3u, MODE_ALTERNATE);
}

void gpio_connect(const gpio_group *groups, size_t count, uint32_t speed)
{
    for (size_t i = 0; i < count; i++) {
        RCC_AHB4ENR |= 1u << groups[i].port;
        (void)RCC_AHB4ENR; /* two clocks pass before the peripheral listens */
        for (uint32_t pin = 0; pin < 16u; pin++) {
            if ((groups[i].pins >> pin & 1u) != 0) {
                connect_pin(groups[i].port, pin, groups[i].function, speed);
            }
        }
    }
}
