# SPDX-License-Identifier: Apache-2.0
"""Random models with a recurrent layer that is written as a loop over its steps, as Keras exports GRU and SimpleRNN.

The loop counts its steps, gathers one of the input, moves a state and writes it to a row of a list, or only keeps the
last one. Conditions depend on the counter only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stm32_emitter.testing.cases.draw import Array, Draw, input_sets
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

LOOP_DTYPES = ("float32", "hybrid", "int8")
"""Number formats; "hybrid" has float32 with weights of int8."""


@dataclass(frozen=True)
class Loop:
    """A model with loops and inputs for it.

    Attributes:
        name: a C identifier that tells dtype and seed.
        model: the .tflite file's bytes.
        inputs: input sets; each has one array per model input, in the model's order.
    """

    name: str
    model: bytes
    inputs: tuple[tuple[Array, ...], ...]


def loops(seed: int, count: int, dtype: str = "float32") -> Iterator[Loop]:
    """The models of seeds ``seed`` .. ``seed + count - 1``; dtype is one of :data:`LOOP_DTYPES`."""
    for number in range(seed, seed + count):
        rng = np.random.default_rng([0x100B, LOOP_DTYPES.index(dtype), number])
        draw = Draw(rng, "int8" if dtype == "int8" else "float32", weights="int8" if dtype == "hybrid" else "")
        inputs, outputs = _Layers(draw).wired()
        model = draw.writer.finish(inputs, outputs)
        yield Loop(f"loops_{dtype}_{number}", model, input_sets(rng, [draw.writer.tensors[index] for index in inputs]))


class _Layers:
    """One or two recurrent layers one behind the other; x is [steps, 1, depth]."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.quant = Quant(2.0**-6, draw.integer(-20, 20)) if draw.quantized else None

    def wired(self) -> tuple[list[int], list[int]]:
        """(inputs, outputs) of the model."""
        draw, steps, depth = self.draw, self.draw.integer(1, 5), self.draw.integer(1, 9)
        x = draw.activation("x", (steps, 1, depth), self.quant)
        sequence, outputs = x, []
        for layer in range(draw.integer(1, 2)):
            units, listed = draw.integer(1, 8), layer == 0 or draw.chance(0.5)
            results = self._layer(f"layer{layer}", sequence, (steps, depth, units), listed=listed)
            sequence, depth = results[0], units
            outputs += results if draw.chance(0.5) else results[1:]
        return [x], list(dict.fromkeys([*outputs, sequence]))

    def _layer(self, name: str, x: int, sizes: tuple[int, int, int], *, listed: bool) -> list[int]:
        """WHILE with the variables counter, list, state and x; gives list and last state."""
        draw, (steps, depth, units) = self.draw, sizes
        rows = steps if listed else 1
        graphs = self._condition(steps), self._body(name, sizes, rows)
        start = [
            draw.writer.constant(f"{name}/counter", np.array(0, np.int32)),
            self._start(f"{name}/list", (rows, 1, units)),
            self._start(f"{name}/h", (1, units)),
            x,
        ]
        shapes = ((), (rows, 1, units), (1, units), (steps, 1, depth))
        ends = [
            draw.writer.tensor(f"{name}/end{i}", shape, self._dtype(i), quant=self.quant if i else None)
            for i, shape in enumerate(shapes)
        ]
        condition, body = (draw.writer.subgraph(*graph) for graph in graphs)
        draw.writer.operator("WHILE", start, ends, cond_subgraph_index=condition, body_subgraph_index=body)
        return ends[1:3]

    def _dtype(self, variable: int) -> str:
        return self.draw.dtype if variable else "int32"

    def _start(self, name: str, shape: tuple[int, ...]) -> int:
        draw = self.draw
        if draw.quantized:
            return draw.writer.constant(name, draw.rng.integers(-128, 128, shape).astype(np.int8), quant=self.quant)
        data = draw.rng.normal(0.0, 1.0, shape).astype(np.float32) * np.float32(draw.integer(0, 1))
        return draw.writer.constant(name, data)

    def _condition(self, steps: int) -> tuple[ModelWriter, list[int], list[int]]:
        """counter < steps, or its negation's negation."""
        draw, (graph, given) = self.draw, self._graph(((), None, None, None))
        less = graph.tensor("less", (), "bool")
        graph.operator("LESS", [given[0], graph.constant("steps", np.array(steps, np.int32))], [less])
        if draw.chance(0.5):
            both = graph.tensor("both", (), "bool")
            graph.operator("LOGICAL_AND", [less, less], [both])
            less = both
        return graph, given, [less]

    def _graph(self, shapes: tuple[tuple[int, ...] | None, ...]) -> tuple[ModelWriter, list[int]]:
        """A graph with the loop's variables; None for those whose shapes the condition does not say."""
        graph = ModelWriter()
        given = [
            graph.tensor(
                f"variable{i}", () if shape is None else shape, self._dtype(i),
                quant=self.quant if i else None, ranked=shape is not None,
            )
            for i, shape in enumerate(shapes)
        ]  # fmt: skip
        return graph, given

    def _body(self, name: str, sizes: tuple[int, int, int], rows: int) -> tuple[ModelWriter, list[int], list[int]]:
        steps, depth, units = sizes
        graph, given = self._graph(((), (rows, 1, units), (1, units), (steps, 1, depth)))
        counter, results, h, x = given
        following = graph.tensor("following", (), "int32")
        graph.operator("ADD", [counter, graph.constant("one", np.array(1, np.int32))], [following])
        row = self._tensor(graph, "row", (1, depth))
        graph.operator("GATHER", [x, counter], [row], axis=0)
        parts = [self._dense(graph, f"{name}/{i}", source, units) for i, source in enumerate((row, h))]
        moved = self._tensor(graph, "moved", (1, units))
        graph.operator("ADD", parts, [moved])
        if not self.draw.quantized:
            limited = self._tensor(graph, "limited", (1, units))
            # Of float32, functions agree within a last bit, which a hybrid layer turns into a whole step now and then.
            graph.operator("RELU_N1_TO_1" if self.draw.hybrid else "TANH", [moved], [limited])
            moved = limited
        item = self._tensor(graph, "item", (1, 1, units))
        graph.operator("RESHAPE", [moved, graph.constant("shape", np.array([1, 1, units], np.int32))], [item])
        listed = item if rows == 1 else self._written(graph, results, (counter, following), item, (rows, units))
        return graph, given, [following, listed, moved, x]

    def _tensor(self, graph: ModelWriter, name: str, shape: tuple[int, ...], *, is_open: bool = False) -> int:
        signature = [-1, *shape[1:]] if is_open else None
        return graph.tensor(name, shape, self.draw.dtype, quant=self.quant, signature=signature)

    def _dense(self, graph: ModelWriter, name: str, source: int, units: int) -> int:
        draw, depth = self.draw, graph.tensors[source].shape[1]
        result = self._tensor(graph, f"{name}/sum", (1, units))
        shape, spread = (units, depth), 1.0 / np.sqrt(depth)
        if draw.quantized or draw.hybrid:
            data = draw.rng.integers(-127, 128, shape).astype(np.int8)
            weights = graph.constant(f"{name}/weights", data, quant=Quant(float(np.float32(spread / 100.0))))
        else:
            weights = graph.constant(f"{name}/weights", draw.rng.normal(0.0, spread, shape).astype(np.float32))
        graph.operator("FULLY_CONNECTED", [source, weights, -1], [result])
        return result

    def _written(
        self, graph: ModelWriter, results: int, steps: tuple[int, int], item: int, sizes: tuple[int, int]
    ) -> int:
        """The list with a row replaced, as the converter writes it: what is in front of it, the row, what follows."""
        rows, units = sizes
        places = []
        for name, step, numbers in zip(("size", "begin"), steps, ([-1, -1], [0, 0]), strict=True):
            one, place = graph.tensor(f"{name}1", (1,), "int32"), graph.tensor(f"{name}3", (3,), "int32")
            graph.operator("RESHAPE", [step, graph.constant(f"{name}_shape", np.array([1], np.int32))], [one])
            graph.operator(
                "CONCATENATION", [one, graph.constant(f"{name}_rest", np.array(numbers, np.int32))], [place], axis=0
            )
            places.append(place)
        front, behind = (self._tensor(graph, name, (1, 1, units), is_open=True) for name in ("front", "behind"))
        graph.operator("SLICE", [results, graph.constant("zeros", np.zeros(3, np.int32)), places[0]], [front])
        graph.operator("SLICE", [results, places[1], graph.constant("all", np.full(3, -1, np.int32))], [behind])
        whole = self._tensor(graph, "whole", (rows, 1, units), is_open=True)
        graph.operator("CONCATENATION", [front, item, behind], [whole], axis=0)
        return whole
