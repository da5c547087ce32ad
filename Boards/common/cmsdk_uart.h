/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMSDK_UART_H
#define CMSDK_UART_H

/* Switches the console's UART on. */
void cmsdk_uart_start(void);

#endif
