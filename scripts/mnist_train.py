# SPDX-License-Identifier: Apache-2.0
"""Trains the digit classifier that the project ships: examples/digits/train.py under the original script's name.

It uses scikit-learn's 8x8 digits, which come with the library, instead of MNIST, which would have to be downloaded.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    print("mnist_train: trains examples/digits on scikit-learn's digits; nothing is downloaded", file=sys.stderr)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    runpy.run_module("examples.digits.train", run_name="__main__")
