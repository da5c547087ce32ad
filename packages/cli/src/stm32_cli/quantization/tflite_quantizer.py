# SPDX-License-Identifier: Apache-2.0
"""ai-edge-quantizer's static quantization of .tflite models."""

from __future__ import annotations

import os
import warnings
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Any

from stm32_cli.errors import tool_missing
from stm32_cli.quantization.refusal import refused_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

INSTALL = "pip install 'stm32-ai[quantize]'"
_SIGNATURE = "serving_default"


def load() -> Any:
    """The package `ai_edge_quantizer` with the modules that are used.

    Raises:
        CliError: it is not installed; exit code 5.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        for name in ("calibrator", "qtyping", "quantizer", "recipe_manager", "utils.qsv_utils"):
            import_module(f"ai_edge_quantizer.{name}")
        return import_module("ai_edge_quantizer")
    except ImportError as error:
        raise tool_missing(
            f"the quantizer of .tflite models (ai-edge-quantizer) is not usable: {error}", INSTALL
        ) from error


def quantize(
    model: Path, output: Path, samples: Sequence[NDArray[np.float32]], *, per_channel: bool, activation_bits: int
) -> None:
    """Writes the model with int8 weights; its inputs and outputs become integers, too.

    The range of a tensor goes from its least to its greatest value in all samples, as onnxruntime's quantizer takes it.
    (The moving average that is this quantizer's default hardly sees more than the first of a few samples.)

    Args:
        model: float .tflite file.
        output: the file to write.
        samples: one array for each input, shape (samples, *tensor shape).
        per_channel: weights with one scale for each output channel, else for each tensor.
        activation_bits: 8 or 16.

    Raises:
        CliError: the quantizer is not installed (exit code 5), or refuses the model (3).
    """
    package = load()
    with refused_by("ai-edge-quantizer", model, "convert the model again, in float32 and with static shapes"):
        content, key, names = with_signature(model.read_bytes())
        feeds = [dict(zip(names, values, strict=True)) for values in zip(*samples, strict=True)]
        recipe = _recipe(package, per_channel=per_channel, activation_bits=activation_bits)
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings(action="ignore"):
            calibrator = package.calibrator.Calibrator(
                bytearray(content),
                num_threads=os.cpu_count() or 1,
                qsv_update_func=package.utils.qsv_utils.min_max_update,
            )
            calibrator.calibrate({key: feeds}, recipe)
            tool = package.quantizer.Quantizer(bytearray(content), recipe.get_quantization_recipe())
            result = tool.quantize(calibrator.get_model_qsvs(), enable_progress_report=False)
        output.write_bytes(bytes(result.quantized_model))


def _recipe(package: Any, *, per_channel: bool, activation_bits: int) -> Any:
    """All operators that the quantizer knows, with weights of int8."""
    granularity = package.qtyping.QuantGranularity
    manager = package.recipe_manager.RecipeManager()
    manager.add_static_config(
        regex=".*",
        operation_name=package.qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=activation_bits,
        weight_num_bits=8,
        weight_granularity=granularity.CHANNELWISE if per_channel else granularity.TENSORWISE,
    )
    return manager


def with_signature(content: bytes) -> tuple[bytes, str, list[str]]:
    """A model with a signature of its first subgraph, which the quantizer needs; one is added where there is none.

    Args:
        content: a .tflite file.

    Returns:
        The file, the signature's key, and its names of the inputs in their order.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    for found in model.signatureDefs or []:
        if found.subgraphIndex == 0:
            by_index = {entry.tensorIndex: _text(entry.name) for entry in found.inputs}
            return content, _text(found.signatureKey), [by_index[int(index)] for index in graph.inputs]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = _SIGNATURE, 0
    signature.inputs = [_entry(schema, f"in{i}", index) for i, index in enumerate(graph.inputs)]
    signature.outputs = [_entry(schema, f"out{i}", index) for i, index in enumerate(graph.outputs)]
    model.signatureDefs = [*(model.signatureDefs or []), signature]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output()), _SIGNATURE, [str(entry.name) for entry in signature.inputs]


def _entry(schema: Any, name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, int(index)
    return entry


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
