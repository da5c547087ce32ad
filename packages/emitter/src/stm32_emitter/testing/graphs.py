# SPDX-License-Identifier: Apache-2.0
"""Random models with several operators: chains, residual sums, branches, several inputs and outputs.

``graphs(seed, count)`` yields int8 models of 3 to 12 operators that the reference interpreter accepts. About a
quarter has float32 inputs and outputs around the int8 body; a third has names that are no C identifiers.
``pruned_graphs(seed, count)`` yields graphs whose weights have many channels of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stm32_emitter.testing.cases.draw import Array, Draw, input_sets
from stm32_emitter.testing.graph_steps import PRUNED_STEPS, STEPS, Network, Step, Value, conv, reshape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ODD_NAMES = (
    "serving_default_x:0",
    "model/conv 2d/BiasAdd;model/relu",
    "grün/ñ/層",
    '"quoted"',
    "*/ end of comment /*",
    "line\nbreak",
    "1_starts_with_digit",
    "int",
    "same",
    "same",
    "%s%n\\",
    "",
)


@dataclass(frozen=True)
class Graph:
    """A model with several operators and inputs for it.

    Attributes:
        name: a C identifier that tells the seed.
        seed: ``graphs(seed, 1)``, or ``pruned_graphs(seed, 1)``, makes this graph again.
        model: the .tflite file's bytes.
        operators: builtin operator names in execution order.
        inputs: input sets; each has one array per model input, in the model's order.
    """

    name: str
    seed: int
    model: bytes
    operators: tuple[str, ...]
    inputs: tuple[tuple[Array, ...], ...]


FAMILIES = ("int8",)
"""Number formats of graphs."""


def graphs(seed: int, count: int, family: str = "int8") -> Iterator[Graph]:  # noqa: ARG001
    """Yield the graphs of seeds ``seed`` .. ``seed + count - 1``."""
    for number in range(seed, seed + count):
        yield _graph(number)


def pruned_graphs(seed: int, count: int) -> Iterator[Graph]:
    """The same for graphs of layers that keep channels apart or mix them, with channels that are constant or unread."""
    for number in range(seed, seed + count):
        yield _graph(number, pruned=True)


def _graph(seed: int, *, pruned: bool = False) -> Graph:
    rng = np.random.default_rng([0x9A0D if pruned else 0x62A9, seed])
    draw = Draw(rng, "int8", dyadic=bool(rng.random() < 0.15), pruned=pruned)
    network = Network(draw, names=_names(draw))
    float_edges = draw.chance(0.25)
    inputs = [_input(network, float_edges) for _ in range(draw.pick((1, 1, 1, 2, 3)))]
    if pruned:
        conv(network, network.values[-1])
    _grow(network, draw.integer(3, 12), PRUNED_STEPS if pruned else STEPS)
    outputs = _outputs(network, float_edges)
    model = draw.writer.finish(inputs, outputs)
    sets = input_sets(rng, [draw.writer.tensors[index] for index in inputs])
    operators = tuple(spec.op for spec in draw.writer.operators)
    return Graph(f"{'pruned' if pruned else 'graph'}_{seed}", seed, model, operators, sets)


def _names(draw: Draw) -> list[str]:
    if not draw.chance(1 / 3):
        return []
    return [ODD_NAMES[int(i)] for i in draw.rng.permutation(len(ODD_NAMES))]


def _input(network: Network, as_float: bool) -> int:
    draw = network.draw
    shape = (1, draw.integer(3, 8), draw.integer(3, 8), draw.pick((1, 2, 3, 4, 8)))
    quant = draw.quant(2.0**-6, 2.0**-3)
    if not as_float:
        return network.add(shape, quant).index
    source = draw.activation(network.name(), shape, None, "float32")
    target = network.add(shape, quant)
    draw.writer.operator("QUANTIZE", [source], [target.index])
    return source


def _grow(network: Network, steps: int, choices: Sequence[Step]) -> None:
    draw = network.draw
    made = 0
    while made < steps:
        # Mostly go on from the newest value, sometimes from an older one: that makes branches.
        value = network.values[-1] if draw.chance(0.85) else draw.pick(network.values)
        made += draw.pick(choices)(network, value) is not None
    if draw.chance(0.25):
        reshape(network, network.values[-1])


def _outputs(network: Network, as_float: bool) -> list[int]:
    draw = network.draw
    leaves = [value for value in network.values if value.index not in network.consumed]
    made = {index for spec in draw.writer.operators for index in spec.outputs}
    inner = [value for value in network.values if value.index in network.consumed and value.index in made]
    chosen = [value for value in leaves if value.index in made]
    if inner and draw.chance(0.4):  # an output that is also consumed
        chosen.append(draw.pick(inner))
    return [_float_output(network, value) if as_float else value.index for value in chosen]


def _float_output(network: Network, value: Value) -> int:
    target = network.draw.activation(network.name(), value.shape, None, "float32")
    network.draw.writer.operator("DEQUANTIZE", [value.index], [target])
    return target
