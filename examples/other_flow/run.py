# SPDX-License-Identifier: Apache-2.0
"""The emitter at the end of another TVM flow: Relax in, C out, by the verbs of `CodeEmitter`; no command compiles."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from stm32_board_support import load_board
from stm32_emitter import CodeEmitter

from examples.other_flow.flow import FEATURES, exported, on_this_computer, optimised
from examples.shared.board import booted, ended, parser

LARGEST_ERROR = 1e-5
"""As a share of the outputs' range."""


def run(board: str, work: Path, samples: int) -> int:
    """Runs the flow, emits, boots, compares; returns the exit code."""
    module = optimised(exported())
    emitter = CodeEmitter(target=load_board(board).descriptor.core)
    emitter.parse_module(module)
    model = emitter.emit_code(work / "other_flow" / "gate", "gate", force=True)
    print(f"{model.name}: {len(model.nodes)} kernels, {model.macs:,} MACs, {model.params_size:,} bytes of weights")
    inputs = np.random.default_rng(1).normal(size=(samples, 1, FEATURES)).astype(np.float32)
    expected = on_this_computer(module, inputs)
    with booted([work / "other_flow" / "gate"], board, work) as runner:
        outputs, _ = runner.invoke([inputs], name="gate")
    error = float(np.abs(outputs[0] - expected).max() / np.ptp(expected))
    same = int((outputs[0].argmax(axis=-1) == expected.argmax(axis=-1)).sum())
    print(f"{board}: {same} of {samples} classes as TVM's virtual machine, largest error {error:.1e} of the range")
    return 0 if error <= LARGEST_ERROR and same == samples else 1


def main(words: list[str] | None = None) -> int:
    """Reads the arguments; returns the exit code."""
    options = parser(__doc__)
    options.add_argument("--samples", type=int, default=20, help="inputs (default: %(default)s)")
    arguments = options.parse_args(words)
    return ended(lambda: run(arguments.board, arguments.work, arguments.samples))


if __name__ == "__main__":
    sys.exit(main())
