/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ODD_DATA_H
#define ODD_DATA_H

#include <stdint.h>

extern const float odd_w0[1];

const uint8_t *odd_get_params(void);

#endif
