# SPDX-License-Identifier: Apache-2.0
"""Accuracy of the digit classifier on a target that runs the Validation firmware with it.

python scripts/mnist_test.py -d serial:/dev/ttyACM0:115200
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from ai_runner import AiRunner
from stm32_cli.main import tell

DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits" / "digits_test.npz"


def accuracy(desc: str, samples: int, network: str | None) -> tuple[int, int]:
    """How many of how many test digits the target reads right."""
    with np.load(DIGITS) as stored:
        inputs, labels = stored["in0"][:samples], stored["labels"][:samples]
    with AiRunner() as runner:
        runner.connect(desc)
        outputs, _ = runner.invoke([inputs], name=network)
    read = outputs[0].reshape(len(labels), -1).argmax(axis=1)
    return int((read == labels).sum()), len(labels)


def main() -> int:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-d", "--desc", default="serial", help="serial[:PORT[:BAUD]] or socket:HOST:PORT")
    parser.add_argument("-b", "--batch", type=int, default=400, help="test digits, 1 to 400")
    parser.add_argument("--network", help="name of the model, if the firmware holds several")
    args = parser.parse_args()
    try:
        right, total = accuracy(args.desc, args.batch, args.network)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return tell(error)
    print(f"{right} of {total} digits are right: {100 * right / total:.2f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
