/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that STM32CubeF4 brings: every module's header, no assertions. */
#include "stm32f4xx_hal_conf_template.h"
