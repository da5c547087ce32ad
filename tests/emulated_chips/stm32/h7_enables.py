# SPDX-License-Identifier: Apache-2.0
"""Enable and reset bits of the STM32H747's RCC (RM0399, 9.7), by bus."""

from __future__ import annotations

from tests.emulated_chips.stm32.registers import Register, register

AHB3 = {"MDMA": 0, "DMA2D": 4, "JPGDEC": 5, "FMC": 12, "QSPI": 14, "SDMMC1": 16}
AHB1 = {"DMA1": 0, "DMA2": 1, "ADC12": 5, "ART": 14, "ETH1MAC": 15, "USB1OTG": 25, "USB2OTG": 27}
AHB2 = {"DCMI": 0, "CRYPT": 4, "HASH": 5, "RNG": 6, "SDMMC2": 9}
AHB4 = {**{f"GPIO{letter}": index for index, letter in enumerate("ABCDEFGHIJK")}, "CRC": 19, "BDMA": 21, "ADC3": 24,
        "HSEM": 25}  # fmt: skip
APB3 = {"LTDC": 3, "DSI": 4}
APB1L = {
    "TIM2": 0, "TIM3": 1, "TIM4": 2, "TIM5": 3, "TIM6": 4, "TIM7": 5, "TIM12": 6, "TIM13": 7, "TIM14": 8, "LPTIM1": 9,
    "SPI2": 14, "SPI3": 15, "SPDIFRX": 16, "USART2": 17, "USART3": 18, "UART4": 19, "UART5": 20, "I2C1": 21,
    "I2C2": 22, "I2C3": 23, "CEC": 27, "DAC12": 29, "UART7": 30, "UART8": 31,
}  # fmt: skip
APB1H = {"CRS": 1, "SWP": 2, "OPAMP": 4, "MDIOS": 5, "FDCAN": 8}
APB2 = {
    "TIM1": 0, "TIM8": 1, "USART1": 4, "USART6": 5, "SPI1": 12, "SPI4": 13, "TIM15": 16, "TIM16": 17, "TIM17": 18,
    "SPI5": 20, "SAI1": 22, "SAI2": 23, "SAI3": 24, "DFSDM1": 28, "HRTIM": 29,
}  # fmt: skip
APB4 = {
    "SYSCFG": 1, "LPUART1": 3, "SPI6": 5, "I2C4": 7, "LPTIM2": 9, "LPTIM3": 10, "LPTIM4": 11, "LPTIM5": 12,
    "COMP12": 14, "VREF": 15, "SAI4": 21,
}  # fmt: skip
# Bus, bits with enable and reset, bits with enable only, bits with reset only, enable register after reset.
BUSES: tuple[tuple[str, dict[str, int], dict[str, int], dict[str, int], int], ...] = (
    ("AHB3", AHB3, {}, {"CPU": 31}, 0),
    ("AHB1", AHB1, {"ETH1TX": 16, "ETH1RX": 17, "USB1ULPI": 26, "USB2ULPI": 28}, {}, 0),
    ("AHB2", AHB2, {"SRAM1": 29, "SRAM2": 30, "SRAM3": 31}, {}, 0),
    ("AHB4", AHB4, {"BKPRAM": 28}, {}, 0),
    ("APB3", APB3, {"WWDG1": 6}, {}, 0),
    ("APB1L", APB1L, {"WWDG2": 11}, {}, 0),
    ("APB1H", APB1H, {}, {}, 0),
    ("APB2", APB2, {}, {}, 0),
    ("APB4", APB4, {"RTCAPB": 16}, {}, 0x10000),
)


def _bits(names: dict[str, int], suffix: str) -> str:
    return " ".join(f"{name}{suffix}={bit}" for name, bit in names.items())


def enables() -> tuple[Register, ...]:
    """The registers ...ENR, as core 1 sees them at 0xD4."""
    return tuple(
        register(f"{bus}ENR", 0xD4 + 4 * index, reset, _bits({**both, **only}, "EN"))
        for index, (bus, both, only, _, reset) in enumerate(BUSES)
    )


def resets() -> tuple[Register, ...]:
    """The registers ...RSTR."""
    return tuple(
        register(f"{bus}RSTR", 0x7C + 4 * index, 0, _bits({**both, **only}, "RST"))
        for index, (bus, both, _, only, _) in enumerate(BUSES)
    )
