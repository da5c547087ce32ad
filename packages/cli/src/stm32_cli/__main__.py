# SPDX-License-Identifier: Apache-2.0
"""`python -m stm32_cli` is the command `stm32`."""

from stm32_cli.main import run

if __name__ == "__main__":
    run()
