# SPDX-License-Identifier: Apache-2.0
"""From a float model and samples to a quantized file and a report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stm32_cli import console
from stm32_cli.errors import usage
from stm32_cli.quantization import onnx_quantizer, tflite_quantizer
from stm32_cli.quantization.compare import Comparison, compare
from stm32_cli.quantization.model import RunnableModel, ensure_float
from stm32_cli.quantization.samples import Data, load_data
from stm32_cli.validation.oracle_onnx import is_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Request:
    """What to quantize.

    Attributes:
        model: float .tflite or .onnx file.
        data: .npz with samples.
        output: file of the same kind.
        samples: how many to calibrate with; None takes all.
        per_channel: of the weights.
        activation_bits: 8, or 16 for .tflite.
        shapes: of an .onnx model's inputs, by name.
        force: replace the output.
    """

    model: Path
    data: Path
    output: Path
    samples: int | None = None
    per_channel: bool = True
    activation_bits: int = 8
    shapes: Mapping[str, tuple[int, ...]] | None = None
    force: bool = False


@dataclass(frozen=True)
class Report:
    """What was done, and what it costs.

    Attributes:
        request: see there.
        quantizer: name and version.
        calibrated: samples.
        compared: samples.
        held_out: none of the compared samples was calibrated with.
        sizes: bytes of the two files.
        comparison: figures.
    """

    request: Request
    quantizer: str
    calibrated: int
    compared: int
    held_out: bool
    sizes: tuple[int, int]
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": str(self.request.model),
            "output": str(self.request.output),
            "quantizer": self.quantizer,
            "per_channel": self.request.per_channel,
            "activations": f"int{self.request.activation_bits}",
            "calibration_samples": self.calibrated,
            "compared_samples": self.compared,
            "held_out": self.held_out,
            "bytes": {"float": self.sizes[0], "quantized": self.sizes[1]},
            **asdict(self.comparison),
        }


def ensure_output(request: Request) -> None:
    """Refuses an output that would be lost or mistaken, before anything is computed.

    Raises:
        CliError: another kind of file than the model, the model itself, a folder, or a file that exists without force;
            exit code 2.
    """
    model, output = request.model, request.output
    if output.suffix.lower() != model.suffix.lower():
        raise usage(f"{output} does not end in {model.suffix}", f"the quantized model is a {model.suffix} file, too")
    if output.exists() and output.samefile(model):
        raise usage(f"{output} is the model itself; it is not overwritten, even with --force", "choose another with -o")
    if output.is_dir() or not output.parent.is_dir():
        raise usage(f"{output} cannot be written: {'it is a folder' if output.is_dir() else 'its folder is missing'}")
    if output.exists() and not request.force:
        raise usage(f"{output} exists; it was not touched", "choose another with -o, or use --force")


def _quantizer(model: Path) -> str:
    """Name and version of what quantizes a model; an error where it is not installed."""
    from importlib.metadata import version

    if is_onnx(model):
        onnx_quantizer.load()
        return f"onnxruntime {version('onnxruntime')}, static quantization, QDQ"
    tflite_quantizer.load()
    return f"ai-edge-quantizer {version('ai-edge-quantizer')}, static quantization"


def _write(request: Request, part: Path, data: Data, names: list[str]) -> None:
    with console.step(f"quantizing with {len(data.calibration[0])} samples"):
        if is_onnx(request.model):
            onnx_quantizer.quantize(request.model, part, names, data.calibration, per_channel=request.per_channel)
        else:
            tflite_quantizer.quantize(
                request.model,
                part,
                data.calibration,
                per_channel=request.per_channel,
                activation_bits=request.activation_bits,
            )


def quantize(request: Request) -> Report:
    """Quantizes a model and compares the result with it; the output is written whole or not at all.

    Raises:
        CliError, AiRunnerError: the exit code says what is wrong.
    """
    ensure_output(request)
    if is_onnx(request.model) and request.activation_bits != 8:
        raise usage("models of int16 in .onnx files cannot be compiled", "use --activations int8, or a .tflite model")
    quantizer = _quantizer(request.model)
    before = RunnableModel(request.model, request.shapes)
    ensure_float(before, request.model)
    data = load_data(request.data, before.inputs, request.samples)
    part = request.output.with_name(f".{request.output.stem}.part{request.output.suffix}")
    try:
        _write(request, part, data, [tensor.name for tensor in before.inputs])
        after = RunnableModel(part, request.shapes)
        count = len(data.comparison[0])
        with console.step(f"running both models on {count} samples"):
            results = before.run(data.comparison), after.run(data.comparison)
        comparison = compare([tensor.name for tensor in before.outputs], *results, data.labels)
        sizes = request.model.stat().st_size, part.stat().st_size
        part.replace(request.output)
    finally:
        part.unlink(missing_ok=True)
    return Report(request, quantizer, len(data.calibration[0]), count, data.held_out, sizes, comparison)
