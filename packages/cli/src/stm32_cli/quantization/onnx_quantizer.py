# SPDX-License-Identifier: Apache-2.0
"""onnxruntime's static quantization to QDQ format."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import tool_missing
from stm32_cli.quantization.refusal import refused_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_OPSET, _IR_VERSION = 13, 8
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
    hint = "export the model for inference, with static shapes"
    with refused_by("onnxruntime's quantizer", model, hint), _only_errors(), _removed(joined):
        prepare(quantization, model, joined)
        quantization.quantize_static(
            joined,
            output,
            _reader(quantization, names, samples),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=per_channel,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
        )


@contextmanager
def _only_errors() -> Iterator[None]:
    """Keeps what the quantizer logs below errors from the console."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)


@contextmanager
def _removed(file: Path) -> Iterator[None]:
    """Removes a file at the end."""
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def prepare(quantization: Any, model: Path, joined: Path) -> None:
    """Writes the float model as the quantizer wants it.

    Nodes such as a BatchNormalization behind a Conv are joined by onnxruntime, as its quantizer advises; else they
    would stay float. Scales per channel need opset 13. A Gemm's bias [1,N] becomes [N], as the quantizer takes the
    first axis for the channels.
    """
    import onnx
    import onnx.version_converter

    loaded = onnx.load(model)
    constants = {tensor.name for tensor in loaded.graph.initializer}
    for value in [value for value in loaded.graph.input if value.name in constants]:
        loaded.graph.input.remove(value)  # IR version 3 lists constants as inputs, too, whose values may change
    loaded.ir_version = max(loaded.ir_version, _IR_VERSION)
    if next((entry.version for entry in loaded.opset_import if entry.domain in ("", "ai.onnx")), 1) < _OPSET:
        loaded = onnx.version_converter.convert_version(loaded, _OPSET)
    onnx.save(loaded, joined)
    quantization.quant_pre_process(joined, joined, skip_symbolic_shape=True)
    loaded = onnx.load(joined)
    biases = {node.input[2] for node in loaded.graph.node if node.op_type == "Gemm" and len(node.input) > 2}
    for tensor in loaded.graph.initializer:
        if tensor.name in biases and len(tensor.dims) > 1 and tensor.dims[0] == 1:
            del tensor.dims[0]
    onnx.save(loaded, joined)


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
