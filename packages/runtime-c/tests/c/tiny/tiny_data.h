/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TINY_DATA_H
#define TINY_DATA_H

#include <stdint.h>

extern const int8_t tiny_w0[3];

const uint8_t *tiny_get_params(void);

#endif
