# SPDX-License-Identifier: Apache-2.0
"""Random models with several operators: chains, residual sums, branches, several inputs and outputs.

``graphs(seed, count, family)`` yields models of 3 to 12 operators that the reference interpreter accepts, of one number
format, of several with conversions between them, or with variables that are kept from one run to the next. About a
quarter of the quantized ones has float32 inputs and outputs; a third has names that are no C identifiers.
``pruned_graphs(seed, count)`` yields graphs whose weights have many channels of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stm32_emitter.testing.cases.draw import Array, Draw, input_sets
from stm32_emitter.testing.graph_moves import MOVES, remember
from stm32_emitter.testing.graph_steps import PRUNED_STEPS, STEPS, Network, Step, Value, conv, requantize, reshape

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


ALL_STEPS = (*STEPS, *MOVES)
STEPS_OF = {
    "mixed": (*ALL_STEPS, *[requantize] * 12),
    "streaming": (*ALL_STEPS, *[remember] * 8),
}


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


FAMILIES = ("int8", "uint8", "int16", "float32", "mixed", "streaming")
"""What graphs there are: of one number format, of several, with variables."""
_MIXTURES = (("int8", "float32"), ("int8", "uint8", "float32"), ("int8", "int16"), ("int8", "int16", "float32"))
_STREAMS = (("int8",), ("int8",), ("float32",), ("int16",))


def graphs(seed: int, count: int, family: str = "int8") -> Iterator[Graph]:
    """Yield the graphs of seeds ``seed`` .. ``seed + count - 1`` of one of :data:`FAMILIES`."""
    for number in range(seed, seed + count):
        yield _graph(number, family)


def pruned_graphs(seed: int, count: int) -> Iterator[Graph]:
    """The same for graphs of layers that keep channels apart or mix them, with channels that are constant or unread."""
    for number in range(seed, seed + count):
        yield _graph(number, pruned=True)


def _graph(seed: int, family: str = "int8", *, pruned: bool = False) -> Graph:
    salt = 0x9A0D if pruned else 0x62A9 + FAMILIES.index(family)
    rng = np.random.default_rng([salt, seed])
    dtypes = _dtypes(rng, family)
    # Sums of int16 with scales that are powers of two have an arithmetic of their own, and an option that says so.
    dyadic = bool(rng.random() < 0.15) and "int16" not in dtypes
    draw = Draw(rng, dtypes[0], dyadic=dyadic, pruned=pruned)
    network = Network(draw, dtypes, names=_names(draw))
    float_edges = draw.chance(0.25) and "float32" not in dtypes
    inputs = [_input(network, float_edges) for _ in range(draw.pick((1, 1, 1, 2, 3)))]
    if pruned:
        conv(network, network.values[-1])
    if family == "streaming":
        remember(network, network.values[-1])
    steps = PRUNED_STEPS if pruned else STEPS_OF.get(family, ALL_STEPS)
    _grow(network, draw.integer(3, 12), steps)
    outputs = _outputs(network, float_edges)
    model = draw.writer.finish(inputs, outputs)
    sets = input_sets(rng, [draw.writer.tensors[index] for index in inputs])
    operators = tuple(spec.op for spec in draw.writer.operators)
    name = "pruned" if pruned else "graph" if family == "int8" else family
    return Graph(f"{name}_{seed}", seed, model, operators, sets)


def _dtypes(rng: np.random.Generator, family: str) -> tuple[str, ...]:
    """The number formats of a graph, its inputs' one first."""
    choices = {"mixed": _MIXTURES, "streaming": _STREAMS}.get(family)
    return (family,) if choices is None else choices[int(rng.integers(len(choices)))]


def _names(draw: Draw) -> list[str]:
    if not draw.chance(1 / 3):
        return []
    return [ODD_NAMES[int(i)] for i in draw.rng.permutation(len(ODD_NAMES))]


def _input(network: Network, as_float: bool) -> int:
    draw = network.draw
    shape = (1, draw.integer(3, 8), draw.integer(3, 8), draw.pick((1, 2, 3, 4, 8)))
    quant = draw.affine(draw.log_uniform(2.0**-6, 2.0**-3), draw.pick((draw.integer(-128, 127), -128, 0)))
    if len(network.dtypes) > 1:
        draw.dtype = draw.pick(network.dtypes)
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
        draw.dtype = value.dtype
        made += draw.pick(choices)(network, value) is not None
    if draw.chance(0.25):
        draw.dtype = network.values[-1].dtype
        reshape(network, network.values[-1])


def _outputs(network: Network, as_float: bool) -> list[int]:
    draw = network.draw
    leaves = [value for value in network.values if value.index not in network.consumed]
    made = {index for spec in draw.writer.operators for index in spec.outputs}
    inner = [value for value in network.values if value.index in network.consumed and value.index in made]
    chosen = [value for value in leaves if value.index in made]
    if inner and draw.chance(0.4):  # an output that is also consumed
        chosen.append(draw.pick(inner))
    return [_float_output(network, value) if as_float else value.index for value in chosen] + network.extras


def _float_output(network: Network, value: Value) -> int:
    target = network.draw.activation(network.name(), value.shape, None, "float32")
    network.draw.writer.operator("DEQUANTIZE", [value.index], [target])
    return target
