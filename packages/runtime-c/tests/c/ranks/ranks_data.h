/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANKS_DATA_H
#define RANKS_DATA_H

#include <stdint.h>

const uint8_t *ranks_get_params(void);

#endif
