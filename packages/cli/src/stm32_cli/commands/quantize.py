# SPDX-License-Identifier: Apache-2.0
"""`stm32 quantize`."""

from __future__ import annotations

from pathlib import Path

import click

from stm32_cli import console, options

_HELP = """Turn the float MODEL (.onnx or .tflite) into one of int8, and compare the two.

.onnx models are quantized by onnxruntime (QDQ format), .tflite models by ai-edge-quantizer; both come with the extra
stm32-ai[quantize]. The data file holds in0, in1, ... (or the inputs' names) as `stm32 validate --npz` takes them, as
float numbers that are scaled as the model wants them; class numbers in "y" give the accuracy before and after, too.
"""


@click.command(help=_HELP)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Samples (.npz)."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@options.option(
    "--samples", type=click.IntRange(min=1), default=None,
    help="Calibrate with the first N samples and compare on the others.  [default: all, for both]",
)  # fmt: skip
@options.option(
    "--per-channel/--per-tensor", default=True, show_default=True, help="One scale for each output channel of weights."
)
@options.option(
    "--activations", type=click.Choice(["int8", "int16"]), default="int8", show_default=True,
    help="Type of what layers exchange; int16 for .tflite only.",
)  # fmt: skip
@options.shape
@click.option("--force", is_flag=True, help="Replace the output file.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    *,
    model: Path,
    data: Path,
    output: Path,
    samples: int | None,
    per_channel: bool,
    activations: str,
    shapes: dict[str, tuple[int, ...]],
    force: bool,
    as_json: bool,
) -> None:
    """Quantizes a model."""
    from stm32_cli.errors import usage

    if model.suffix.lower() not in (".onnx", ".tflite"):
        raise usage(f"{model} is neither a .onnx nor a .tflite file")
    from stm32_cli.quantization.report import as_text
    from stm32_cli.quantization.run import Request, quantize

    bits = int(activations.removeprefix("int"))
    report = quantize(Request(model, data, output, samples, per_channel, bits, shapes, force))
    if as_json:
        console.result_json(report.to_dict())
    else:
        console.result(as_text(report))
