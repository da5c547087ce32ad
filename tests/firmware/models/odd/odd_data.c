/* SPDX-License-Identifier: Apache-2.0 */
#include "odd_data.h"

#include "ai_instance.h"

AI_SECTION(".nn_weights") const float odd_w0[1] = {0.5f};

const uint8_t *odd_get_params(void)
{
    return (const uint8_t *)odd_w0;
}
