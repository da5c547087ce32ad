/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the Armv7-M system control space that ports use (Arm DDI 0403, chapter B3). */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))

#define SYST_CSR REG32(0xE000E010u) /* SysTick control and status */
#define SYST_RVR REG32(0xE000E014u) /* reload value */
#define SYST_CVR REG32(0xE000E018u) /* current value; any write clears it */
#define NVIC_ISER0 REG32(0xE000E100u)
#define SCB_SHCSR REG32(0xE000ED24u) /* system handlers: enables of MemManage, BusFault, UsageFault */
#define SCB_CFSR REG32(0xE000ED28u)  /* configurable fault status */
#define SCB_HFSR REG32(0xE000ED2Cu)
#define SCB_MMFAR REG32(0xE000ED34u)
#define SCB_BFAR REG32(0xE000ED38u)
#define SCB_CPACR REG32(0xE000ED88u)

#define SYST_CSR_ENABLE 1u
#define SYST_CSR_TICKINT 2u
#define SYST_CSR_CLKSOURCE 4u
#define SCB_SHCSR_FAULTS (7u << 16)
#define SCB_CPACR_FPU (0xFu << 20)

/* Handlers that a vector table refers to. */
void Reset_Handler(void);
void Fault_Handler(void);
void SysTick_Handler(void);
void Console_Handler(void);

/* The application's port code; called by Reset_Handler when memory is initialised and the FPU is on. */
void port_init(void);

#endif
