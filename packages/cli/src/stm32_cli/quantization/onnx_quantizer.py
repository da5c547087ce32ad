# SPDX-License-Identifier: Apache-2.0
"""onnxruntime's static quantization to QDQ format."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import CliError, Exit, tool_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

INSTALL = "pip install 'stm32-ai[quantize]'"


def load() -> Any:
    """The module `onnxruntime.quantization`.

    Raises:
        CliError: it, or the package onnx that it needs, is not installed; exit code 5.
    """
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise tool_missing(f"the quantizer of .onnx models (onnxruntime) is not usable: {error}", INSTALL) from error
    return quantization


def quantize(
    model: Path, output: Path, names: Sequence[str], samples: Sequence[NDArray[np.float32]], *, per_channel: bool
) -> None:
    """Writes the model with int8 weights and activations.

    Nodes that follow from each other, such as a BatchNormalization behind a Conv, are joined by onnxruntime first, as
    its quantizer advises; else they would stay float.

    Args:
        model: float .onnx file.
        output: the file to write.
        names: of the inputs.
        samples: one array for each input, shape (samples, *tensor shape).
        per_channel: weights with one scale for each output channel, else for each tensor.

    Raises:
        CliError: the quantizer is not installed (exit code 5), or refuses the model (3).
    """
    quantization = load()
    joined = output.with_name(output.name + ".joined")
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        quantization.quant_pre_process(model, joined, skip_symbolic_shape=True)
        quantization.quantize_static(
            joined,
            output,
            _reader(quantization, names, samples),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=per_channel,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    except Exception as error:  # the quantizer documents no class of error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CliError(
            f"onnxruntime's quantizer refuses {model}: {lines[0]}",
            "export the model for inference, with static shapes",
            Exit.MODEL_REFUSED,
        ) from error
    finally:
        logging.root.setLevel(level)
        joined.unlink(missing_ok=True)


def _reader(quantization: Any, names: Sequence[str], samples: Sequence[NDArray[np.float32]]) -> Any:
    """The samples one by one, as the quantizer reads them."""
    left: Iterator[dict[str, NDArray[np.float32]]] = (
        dict(zip(names, values, strict=True)) for values in zip(*samples, strict=True)
    )

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Gives each sample once."""

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            """The next sample, None behind the last one."""
            return next(left, None)

    return Reader()
