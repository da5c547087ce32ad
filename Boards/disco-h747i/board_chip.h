/* SPDX-License-Identifier: Apache-2.0 */
/* What stm32h7/ must know of the STM32H747I-DISCO (UM2411) and its STM32H747XI (RM0399, DS12930). */
#ifndef BOARD_CHIP_H
#define BOARD_CHIP_H

/* Crystal 25 MHz / 5 * 160 / 2 = 400 MHz: buses 200 MHz, peripherals 100 MHz. */
#define CLOCK_HSE_HZ 25000000u
#define CLOCK_DIVM1 5u
#define CLOCK_DIVN1 160u
#define CLOCK_DIVP1 2u
#define CLOCK_FLASH_ACR (2u | FLASH_ACR_WRHIGHFREQ(2)) /* 185 to 210 MHz at scale 1 */

/* Ports by number: A 0, B 1, D 3, E 4, F 5, G 6, H 7, I 8. */

/* USART1 on PA9 (TX) and PA10 (RX), alternate function 7, to the ST-LINK's virtual port. */
/* clang-format off */
#define CONSOLE_PINS \
    {0, 7, 0x0600}
/* clang-format on */

/* SDRAM IS42S32800J-6, 8 M x 32 bit, on bank 2 at 100 MHz (10 ns a clock). Alternate function 12: D PD0-1, PD8-10,
 * PD14-15 data; E PE0-1 byte enables, PE7-15 data; F PF0-5, PF12-15 address, PF11 RAS; G PG0-2 address, PG4-5 bank, PG8
 * clock, PG15 CAS; H PH5 WE, PH6 chip select, PH7 clock enable, PH8-15 data; I PI0-3, PI6-7, PI9-10 data, PI4-5 byte
 * enables. */
/* clang-format off */
#define SDRAM_PINS \
    {3, 12, 0xC703}, {4, 12, 0xFF83}, {5, 12, 0xF83F}, {6, 12, 0x8137}, {7, 12, 0xFFE0}, {8, 12, 0x06FF}
/* clang-format on */
#define SDRAM_BASE 0xD0000000u
#define SDRAM_LOG2 25u
#define SDRAM_BYTES (1u << SDRAM_LOG2)
#define SDRAM_COLUMN_BITS 9u
#define SDRAM_ROW_BITS 12u
#define SDRAM_CAS 3u
#define SDRAM_TMRD 2u              /* 12 ns */
#define SDRAM_TXSR 7u              /* 66 ns */
#define SDRAM_TRAS 5u              /* 42 ns */
#define SDRAM_TRC 7u               /* 60 ns */
#define SDRAM_TWR 3u               /* 12 ns; the controller wants TRC - TRCD - TRP and TRAS - TRCD at least */
#define SDRAM_TRP 2u               /* 18 ns */
#define SDRAM_TRCD 2u              /* 18 ns */
#define SDRAM_REFRESH_CLOCKS 1562u /* 64 ms for 4096 rows */

/* Flash MT25TL01G (two of 512 Mbit), at 100 MHz. Clock PB2, data PD11, PF7, PF6, PH2, PH3, PG9, PG14: alternate
 * function 9; chip select PG6, data PF9: 10. */
/* clang-format off */
#define QSPI_PINS \
    {1, 9, 0x0004}, {3, 9, 0x0800}, {5, 9, 0x00C0}, {5, 10, 0x0200}, {6, 9, 0x4200}, {6, 10, 0x0040}, {7, 9, 0x000C}
/* clang-format on */
#define QSPI_BASE 0x90000000u
#define QSPI_LOG2 27u
#define QSPI_DIVIDER 2u         /* of 200 MHz */
#define QSPI_DUMMY_CLOCKS 10u   /* good for 133 MHz */
#define QSPI_DESELECT_CLOCKS 6u /* 50 ns after a command that is no read */

#endif
