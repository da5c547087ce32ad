# SPDX-License-Identifier: Apache-2.0
"""Compares a target with the original model: `stm32 validate` with the original script's arguments."""

from __future__ import annotations

import argparse
import sys

from legacy import stm32


def main() -> int:
    """Reads the arguments; what it does not know goes on to `stm32 validate`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--model", required=True, help="a .tflite file")
    parser.add_argument(
        "-d", "--desc", default="serial", help="serial[:PORT[:BAUD]], socket:HOST:PORT, qemu:BOARD, host"
    )
    parser.add_argument("-b", "--batch", type=int, help="number of samples")
    parser.add_argument("--npz", help="file with inputs (m_inputs_1 or in0, ...) and maybe outputs")
    args, rest = parser.parse_known_args()
    samples = ["--samples", str(args.batch)] if args.batch else []
    npz = ["--npz", args.npz] if args.npz else []
    return stm32("validate", args.model, "-d", args.desc, *samples, *npz, *rest)


if __name__ == "__main__":
    sys.exit(main())
