# SPDX-License-Identifier: Apache-2.0
"""One validation from samples to report."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ai_runner import AiRunner, AiRunnerCallback, Mode, SignatureMismatchError
from ai_runner.compare import FLOAT_TOLERANCE, compare_outputs
from ai_runner.samples import Samples, load_npz, random_inputs, select_samples

from stm32_cli import console
from stm32_cli.errors import usage
from stm32_cli.validation.layers import compare_layers, operator_outputs, unread_channels
from stm32_cli.validation.oracle import Oracle, expected_outputs
from stm32_cli.validation.originals import allowed_errors, has_layers, interpreter_of
from stm32_cli.validation.report import ValidationReport
from stm32_cli.validation.target import Destination, Plan, connect, signature_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

DEFAULT_SAMPLES = 10
_COUNTS = re.compile(r"counts (\w+)")
_TELL_EVERY = 2.0  # seconds


@dataclass(frozen=True)
class Request:
    """What to validate.

    Attributes:
        destination: where it runs.
        samples: how many; None takes 10 random ones, or all of the file.
        npz: file with inputs, and outputs if it has them.
        seed: of random inputs.
        network: name of the model in the firmware; None takes the only or the built one.
        per_layer: compare every layer, too.
        quantize: turn float arrays of the file into the inputs' integers.
    """

    destination: Destination
    samples: int | None = None
    npz: Path | None = None
    seed: int = 0
    network: str | None = None
    per_layer: bool = False
    quantize: bool = False


class _Progress(AiRunnerCallback):
    """Tells how many samples are done: on a terminal at once, elsewhere every two seconds."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._told = time.monotonic()

    def on_sample_end(self, index: int, outputs: Sequence[NDArray[Any]], logs: dict[str, Any]) -> None:  # noqa: ARG002
        """Called after each sample."""
        text = f"{index + 1} of {self._total} inferences"
        console.progress_line(text if index + 1 < self._total else "")
        if not console.is_live() and time.monotonic() - self._told >= _TELL_EVERY:
            self._told = time.monotonic()
            console.message(text)


def choose_network(names: Sequence[str], wanted: str | None, built: str) -> str:
    """The model of the firmware that is validated.

    Raises:
        CliError: there are several and none is named; exit code 2.
    """
    if wanted:
        return wanted
    if built:
        return built
    if len(names) != 1:
        raise usage(
            f"the firmware holds {len(names)} models: {', '.join(names) or 'none'}", "choose one with --network NAME"
        )
    return names[0]


def _samples(request: Request, runner: AiRunner, name: str) -> Samples:
    inputs, outputs = runner.get_inputs(name), runner.get_outputs(name)
    if request.npz is None:
        count = DEFAULT_SAMPLES if request.samples is None else request.samples
        return Samples(tuple(random_inputs(inputs, count, request.seed)), (), count)
    found = select_samples(load_npz(request.npz), inputs, outputs, quantize=request.quantize)
    count = found.count if request.samples is None else min(request.samples, found.count)
    cut = tuple(tuple(value[:count] for value in values) for values in (found.inputs, found.outputs))
    return Samples(cut[0], cut[1], count)


def _reference(plan: Plan, samples: Samples, npz: Path | None) -> tuple[Sequence[NDArray[Any]], str]:
    """The expected outputs and where they come from."""
    if samples.outputs:
        return samples.outputs, f"outputs stored in {npz}"
    with console.step(f"running the original on {samples.count} samples"):
        interpreter, name = interpreter_of(plan.model)
        return expected_outputs(interpreter, samples.inputs), name


def _layers(plan: Plan, name: str, samples: Samples, nodes: Sequence[dict[str, Any]]) -> Any:
    """Compares the layers, with the original's intermediates of every sample."""
    oracle = Oracle(plan.model, every_tensor=True)
    operators = operator_outputs(plan.model)
    kept: dict[int, list[NDArray[Any]]] = {index: [] for outputs in operators for index, _ in outputs}
    with console.step("running the original with all its layers"):
        for sample in zip(*samples.inputs, strict=True):
            oracle.invoke(sample)
            found = oracle.tensors()
            for index in kept.keys() & found.keys():
                kept[index].append(found[index])
    unread = unread_channels(plan.description(name))
    return compare_layers(nodes, operators, kept.__getitem__, FLOAT_TOLERANCE, unread)


def counter_unit(info: Mapping[str, Any]) -> str:
    """What the firmware's counter counts: cycles, unless it tells otherwise."""
    found = _COUNTS.search(info["runtime"]["description"])
    return found[1] if found else "cycles"


def core_of_device(device_id: int) -> str | None:
    """The CPU of the known board with this device id; None if there is none, or several with different ones."""
    from stm32_board_support import list_boards, load_board

    boards = [load_board(name).descriptor for name in list_boards()]
    cores = {board.core for board in boards if board.device_id == device_id}
    return cores.pop() if len(cores) == 1 else None


def _check_signature(runner: AiRunner, plan: Plan, name: str, info: dict[str, Any]) -> None:
    """Makes sure that a board that was connected holds this model, where both signatures can be had."""
    core = core_of_device(info["device"]["id"]) if info["device"] else None
    if not info["signature"] or (plan.model_dir is None and core is None):
        console.message("note: the model on the board cannot be told from another one of the same inputs and outputs")
        return
    _, _, signature = plan.emitted(core or "")
    try:
        runner.check_signature(signature_text(signature), name)
    except SignatureMismatchError as error:
        hint = "flash a build of this model; if it was compiled with other options, name its folder with --model-dir"
        raise SignatureMismatchError(error.message, hint) from error


def _check_oracle(request: Request, model: Path) -> None:
    """The interpreter's absence, and a model that it refuses, are told before anything is built."""
    if request.per_layer and not has_layers(model):
        raise usage("--per-layer compares the layers of .tflite models only", f"leave it out for {model.suffix} models")
    if request.npz is None or request.per_layer:
        interpreter_of(model)


def validate(request: Request, plan: Plan) -> ValidationReport:
    """Runs a validation.

    Raises:
        CliError, AiRunnerError, BoardSupportError: a step failed; the exit code says which.
    """
    _check_oracle(request, plan.model)
    with connect(request.destination, plan) as (runner, built):
        name = choose_network(runner.names, request.network, built)
        info = runner.get_info(name)
        if request.destination.kind == "connected":
            _check_signature(runner, plan, name, info)
        samples = _samples(request, runner, name)
        expected, reference = _reference(plan, samples, request.npz)
        mode = Mode.PER_LAYER_WITH_DATA if request.per_layer else Mode.IO_ONLY
        with console.step(f"running {samples.count} inferences on the target"):
            outputs, profile = runner.invoke(
                list(samples.inputs), name=name, mode=mode, callback=_Progress(samples.count)
            )
        tensors = runner.get_outputs(name)
    figures = [
        compare_outputs(there.reshape(here.shape), here, name=tensor.name, allowed=allowed)
        for there, here, tensor, allowed in zip(
            expected, outputs, tensors, allowed_errors(plan.model, len(tensors)), strict=True
        )
    ]
    layers = _layers(plan, name, samples, profile["c_nodes"]) if request.per_layer else ()
    where = request.destination.desc or request.destination.board
    unit = counter_unit(info)
    return ValidationReport(
        str(plan.model), where, reference, samples.count, figures, info, profile, unit, layers, outputs
    )
