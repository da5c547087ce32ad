/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that models run in. The build defines it (firmware/cmake/models.cmake). */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>
#include <stdint.h>

/* The pool that all models share, one after the other, and its size; NULL where each model has its own. */
extern uint8_t *const app_pool;
extern const size_t app_pool_bytes;

#endif
