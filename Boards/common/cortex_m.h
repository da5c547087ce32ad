/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of the system control space that ports use (Armv7-M: Arm DDI 0403, chapter B3 and C1; Armv7E-M with caches:
 * Arm DDI 0489, chapter 4; Armv6-M has SysTick, NVIC and ICSR of these). */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))

#define DWT_CTRL REG32(0xE0001000u)
#define DWT_CYCCNT REG32(0xE0001004u) /* counts the core's clocks, 32 bits */
#define DWT_LAR REG32(0xE0001FB0u)    /* Cortex-M7: lock; it wants a key before the DWT can be written */
#define SYST_CSR REG32(0xE000E010u)   /* SysTick control and status */
#define SYST_RVR REG32(0xE000E014u)   /* reload value */
#define SYST_CVR REG32(0xE000E018u)   /* current value; any write clears it */
#define NVIC_ISER0 REG32(0xE000E100u)
#define NVIC_ISER(interrupt) REG32(0xE000E100u + (interrupt) / 32u * 4u)
#define SCB_ICSR REG32(0xE000ED04u)
#define SCB_VTOR REG32(0xE000ED08u)
#define SCB_CCR REG32(0xE000ED14u)   /* configuration and control */
#define SCB_SHCSR REG32(0xE000ED24u) /* system handlers: enables of MemManage, BusFault, UsageFault */
#define SCB_CFSR REG32(0xE000ED28u)  /* configurable fault status */
#define SCB_HFSR REG32(0xE000ED2Cu)
#define SCB_MMFAR REG32(0xE000ED34u)
#define SCB_BFAR REG32(0xE000ED38u)
#define SCB_CCSIDR REG32(0xE000ED80u) /* size of the cache that CSSELR selects */
#define SCB_CSSELR REG32(0xE000ED84u)
#define SCB_CPACR REG32(0xE000ED88u)
#define SCB_DEMCR REG32(0xE000EDFCu)   /* debug exception and monitor control */
#define SCB_ICIALLU REG32(0xE000EF50u) /* a write invalidates the instruction cache */
#define SCB_DCISW REG32(0xE000EF60u)   /* a write invalidates one line of the data cache, by set and way */
#define MPU_CTRL REG32(0xE000ED94u)
#define MPU_RNR REG32(0xE000ED98u)  /* number of the region that RBAR and RASR show */
#define MPU_RBAR REG32(0xE000ED9Cu) /* base address */
#define MPU_RASR REG32(0xE000EDA0u) /* attributes and size */

#define DWT_CTRL_CYCCNTENA 1u
#define DWT_LAR_KEY 0xC5ACCE55u
#define SYST_CSR_ENABLE 1u
#define SYST_CSR_TICKINT 2u
#define SYST_CSR_CLKSOURCE 4u
#define SCB_ICSR_PENDSTSET (1u << 26)
#define SCB_CCR_DC (1u << 16)
#define SCB_CCR_IC (1u << 17)
#define SCB_SHCSR_FAULTS (7u << 16)
#define SCB_CPACR_FPU (0xFu << 20)
#define SCB_DEMCR_TRCENA (1u << 24)
#define MPU_CTRL_ENABLE 1u
#define MPU_CTRL_PRIVDEFENA 4u /* where no region lies, the default map holds */
#define MPU_RASR_ENABLE 1u
#define MPU_RASR_SIZE(log2) (((log2)-1u) << 1)
#define MPU_RASR_SRD(mask) ((uint32_t)(mask) << 8)       /* eighths of the region that do not belong to it */
#define MPU_RASR_NORMAL_WRITE_BACK (1u << 19 | 3u << 16) /* TEX 1, C, B: write-back, allocated on reads and writes */
#define MPU_RASR_READ_WRITE (3u << 24)
#define MPU_RASR_READ_ONLY (6u << 24)
#define MPU_RASR_NO_EXECUTE (1u << 28)

/* Whether the core has registers of fault status and an offset of its vector table. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define CORE_IS_MAINLINE 0
#else
#define CORE_IS_MAINLINE 1
#endif

/* Handlers that a vector table refers to. */
void Reset_Handler(void);
void Fault_Handler(void);
void SysTick_Handler(void);
void Console_Handler(void);

/* The application's port code; called by Reset_Handler when memory is initialised and the FPU is on. */
void port_init(void);

#endif
