# SPDX-License-Identifier: Apache-2.0
"""The commands of ``python -m ai_runner``: each returns an exit code, text, and the same as a dictionary for JSON."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from ai_runner.compare import OutputReport, compare_outputs, format_report
from ai_runner.errors import InvalidParamError
from ai_runner.files import write_npz
from ai_runner.info import format_summary
from ai_runner.profile import format_profile
from ai_runner.runner import AiRunner, AiRunnerCallback, Mode
from ai_runner.samples import load_npz, random_inputs, select_samples

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ai_runner.samples import Samples

    Result = tuple[int, str, dict[str, Any]]

__all__ = ["run_info", "run_invoke", "run_validate", "say"]

EXIT_DIFFERS = 7


def say(text: str, stream: TextIO) -> None:
    """Print a line to a stream."""
    print(text, file=stream)


class _Progress(AiRunnerCallback):
    """Says how far a longer run is, on standard error, once it has taken two seconds."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._begin = self._said = time.monotonic()

    def on_sample_end(self, index: int, outputs: Sequence[NDArray[Any]], logs: dict[str, Any]) -> None:
        del outputs, logs
        moment = time.monotonic()
        if moment - self._begin > 2 and moment - self._said > 1:
            self._said = moment
            say(f"sample {index + 1} of {self._count}", sys.stderr)


def _connect(arguments: argparse.Namespace) -> AiRunner:
    runner = AiRunner()
    options = {"probe": arguments.probe, "baudrate": arguments.baud}
    checked = False if arguments.no_checked else None
    runner.connect(arguments.desc, timeout=arguments.timeout, checked=checked, **options)
    return runner


def _check(runner: AiRunner, arguments: argparse.Namespace) -> None:
    if arguments.signature is not None:
        runner.check_signature(arguments.signature, arguments.network)


def run_info(arguments: argparse.Namespace) -> Result:
    """Describe the device and its models."""
    with _connect(arguments) as runner:
        _check(runner, arguments)
        names = [arguments.network] if arguments.network else runner.names
        infos = [runner.get_info(name) for name in names]
    if not infos:
        return 0, "the firmware holds no model", {"models": []}
    return 0, "\n\n".join(format_summary(info) for info in infos), {"models": infos}


def _samples(runner: AiRunner, arguments: argparse.Namespace) -> Samples:
    return select_samples(
        load_npz(arguments.npz),
        runner.get_inputs(arguments.network),
        runner.get_outputs(arguments.network),
        quantize=arguments.quantize,
    )


def run_invoke(arguments: argparse.Namespace) -> Result:
    """Run the model on the inputs of an .npz or on random ones."""
    if arguments.samples < 1:
        raise InvalidParamError(f"--samples {arguments.samples}: at least 1 is needed")
    with _connect(arguments) as runner:
        _check(runner, arguments)
        if arguments.npz:
            inputs = list(_samples(runner, arguments).inputs)
        else:
            inputs = random_inputs(runner.get_inputs(arguments.network), arguments.samples, arguments.seed)
        count = len(inputs[0]) if inputs else 1
        mode = Mode.PER_LAYER if arguments.per_layer else Mode.IO_ONLY
        outputs, profile = runner.invoke(inputs, name=arguments.network, mode=mode, callback=_Progress(count))
    if arguments.save:
        arrays = {f"in{i}": value for i, value in enumerate(inputs)}
        write_npz(arguments.save, arrays | {f"out{i}": value for i, value in enumerate(outputs)})
    return 0, format_profile(profile), {"info": profile["info"], "profile": profile_to_dict(profile)}


def run_validate(arguments: argparse.Namespace) -> Result:
    """Run the model on an .npz's inputs and compare with its outputs."""
    load_npz(arguments.npz)  # refuse a wrong file before the device is touched
    with _connect(arguments) as runner:
        _check(runner, arguments)
        samples = _samples(runner, arguments)
        if not samples.outputs:
            raise InvalidParamError(
                f"{arguments.npz} holds no expected outputs", "add out0, out1, ... or use the invoke command"
            )
        outputs, profile = runner.invoke(
            list(samples.inputs), name=arguments.network, callback=_Progress(samples.count)
        )
        tensors = runner.get_outputs(arguments.network)
    reports = [
        compare_outputs(expected, actual, name=tensor.name)
        for expected, actual, tensor in zip(samples.outputs, outputs, tensors, strict=True)
    ]
    return _verdict(profile, reports)


def _verdict(profile: dict[str, Any], reports: Sequence[OutputReport]) -> Result:
    passed = all(report.passed for report in reports)
    info = profile["info"]
    parts = [
        f"model {info['name']}, signature {info['signature'] or 'none'}",
        *(format_report(report) for report in reports),
        format_profile(profile),
        "validation passed" if passed else "validation FAILED: outputs differ",
    ]
    data = {
        "passed": passed,
        "info": info,
        "outputs": [report.to_dict() for report in reports],
        "profile": profile_to_dict(profile),
    }
    return 0 if passed else EXIT_DIFFERS, "\n\n".join(parts), data


def profile_to_dict(profile: dict[str, Any]) -> dict[str, Any]:
    """Return a profile without its tensors, so that it can be written as JSON."""
    nodes = [
        {
            "name": node["name"],
            "id": node["m_id"],
            "durations_ms": node["c_durations"],
            "counters": node["counters"]["values"],
            "shape": [list(shape) for shape in node["shape"]],
            "dtype": [str(kind) for kind in node["type"]],
        }
        for node in profile["c_nodes"]
    ]
    return {"mode": profile["mode"], "durations_ms": profile["c_durations"], "debug": profile["debug"], "nodes": nodes}
