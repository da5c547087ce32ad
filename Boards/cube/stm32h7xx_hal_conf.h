/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that STM32CubeH7 brings: every module's header, no assertions. */
#include "stm32h7xx_hal_conf_template.h"
