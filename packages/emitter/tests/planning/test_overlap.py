# SPDX-License-Identifier: Apache-2.0
"""Safe differences against a brute force over every byte, for hand-made kernels and for every operator."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.planning.access import NotAnalysable, trace_of
from stm32_emitter.planning.overlap import Separation, separation
from stm32_emitter.testing.cases import cases, operators
from stm32_emitter.tir.builder import KernelBuilder, address
from stm32_emitter.tir.lowering import lower


def recording_class() -> Any:
    """Recording of the file beside this one, which is in no package."""
    name = "planning_recording"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("recording.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name].Recording


def compared(kernel: Any, constants: dict[int, Any], dying: int, born: int) -> Separation:
    """The separation, after every difference was compared with brute force."""
    trace = trace_of(kernel, constants)
    found = separation(trace, [dying], [born])
    sizes = (trace.sizes[dying], trace.sizes[born])
    safe = recording_class()(kernel, constants).safe_differences(dying, born, sizes)
    allowed = {d for d in range(1 - sizes[1], sizes[0]) if found.allows(d)}
    assert allowed <= safe, f"not safe: {sorted(allowed - safe)[:5]}"
    nearest = [d for d in (found.below + 1, found.above - 1) if -sizes[1] < d < sizes[0]]
    assert not {d for d in nearest if d in safe and not found.allows(d)}, "closer is safe, too"
    if 0 in safe:
        assert found.allows(0)
    return found


def built(emit: Any, read: int, written: int, scratch: int = 0) -> Any:
    with KernelBuilder("test") as k:
        x = k.input("x", (read,), "int8")
        y = k.output("y", (written,), "int8")
        emit(k, x, y, *([k.scratch("s", scratch, "int32")] if scratch else []))
    return lower(k.kernel().function, "test")


def test_a_forward_copy_goes_down() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 10) as i:
            k.store(y, [i], x[i])

    assert compared(built(emit, 10, 10), {}, 0, 1) == Separation(0, 10)


def test_a_backward_copy_goes_up() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 10, backward=True) as i:
            k.store(y, [i], x[i])

    assert compared(built(emit, 10, 10), {}, 0, 1) == Separation(-10, 0)


def test_a_window_needs_the_rows_that_it_still_reads() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 8) as i:
            k.store(y, [i], x[i] + x[i + 2])

    assert compared(built(emit, 10, 8), {}, 0, 1) == Separation(0, 10)


def test_a_window_that_looks_back() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 8) as i:
            k.store(y, [i + 2], x[i] + x[i + 2])

    found = compared(built(emit, 10, 10), {}, 0, 1)
    assert found.below == -2


def test_interleaved_channels_may_lie_on_each_other() -> None:
    """Channel by channel over all pixels: only whole pixels of distance are safe."""

    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("c", 4) as c:
            k.call("ai_k_mean_s8", address(x, c * 4), address(y, c * 4, write=True), 6, 4, 0, 1, 0, 0)

    assert compared(built(emit, 96, 16), {}, 0, 1).allows(0)


def test_a_choice_by_data_counts_as_both() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 8) as i, k.when(x[i] > 0):
            k.store(y, [i], x[7 - i])

    assert compared(built(emit, 8, 8), {}, 0, 1) == Separation(-7, 8)


def test_a_choice_by_index_is_known() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 8) as i, k.choose(i < 4) as (low, high):
            with low:
                k.store(y, [i], x[i])
            with high:
                k.store(y, [i], x[i - 4])

    assert compared(built(emit, 8, 8), {}, 0, 1) == Separation(-4, 4)


def test_scratch_may_take_the_place_of_an_input_that_was_read() -> None:
    def emit(k: Any, x: Any, y: Any, s: Any) -> None:
        with k.loop("i", 8) as i:
            k.store(y, [i], x[i])
        with k.loop("j", 2) as j:
            k.store(s, [j], j)

    kernel = built(emit, 8, 8, scratch=2)
    assert separation(trace_of(kernel, {}), [0], [2]).allows(0)
    assert not separation(trace_of(kernel, {}), [2], [1]).allows(0)


def test_an_unknown_function_is_not_analysed() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        k.call("ai_k_unheard_of", address(x), address(y, write=True))

    with pytest.raises(NotAnalysable, match="ai_k_unheard_of"):
        trace_of(built(emit, 8, 8), {})


def test_an_access_outside_of_its_buffer_is_not_analysed() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        k.call("memcpy", address(y, write=True), address(x), 9)

    with pytest.raises(NotAnalysable, match="outside"):
        separation(trace_of(built(emit, 8, 9), {}), [0], [1])


@given(
    st.integers(-60, 60), st.integers(-60, 60), st.integers(0, 12), st.integers(-6, 6), st.integers(-6, 6),
    st.integers(-99, 99), st.sampled_from([1, 4, 8]),
)  # fmt: skip
@settings(max_examples=300, deadline=None, derandomize=True)
def test_next_is_the_least_that_is_allowed(
    below: int, span: int, period: int, last: int, gap: int, start: int, alignment: int
) -> None:
    plain = Separation(below, below + 1 + abs(span), period, last, last + 1 + abs(gap))
    found = plain.aligned(alignment)
    least = next(d for d in range(start, start + 400) if plain.allows(d) and d % alignment == 0)
    assert found.next(-(-start // alignment) * alignment) == least
    assert found.mirrored().allows(-least)
    assert all(plain.mirrored().allows(-d) == plain.allows(d) for d in range(-80, 80))


APART = ("DYNAMIC_UPDATE_SLICE", "EMBEDDING_LOOKUP", "GATHER", "GATHER_ND")
"""What is read or written may depend on the data: then there is no distance, and the buffers never overlap."""


@pytest.mark.parametrize("op", operators())
def test_every_operator_against_brute_force(op: str, seed: int) -> None:
    """Each pair of an input and the output of random cases, at every difference."""
    pairs = 0
    for case in cases(op, seed % 1000, 4):
        try:
            program = compile_model(case.model, name="one").program
        except ModelRefused:
            continue
        for node in program.nodes:
            kernel, written = program.kernels[node.kernel], program.written[node.kernel]
            constants = {i: program.constants[a.index].value for i, a in enumerate(node.arguments) if a.is_constant}
            for position, parameter in enumerate(kernel.parameters):
                if position in constants or position in written or parameter.bytes > 4000:
                    continue
                try:
                    compared(kernel, constants, position, min(written))
                except NotAnalysable:
                    assert op in APART
                    continue
                pairs += 1
    assert pairs or op in ("QUANTIZE", "DEQUANTIZE", *APART)


def test_distances_of_numpy_arrays_are_plain_numbers() -> None:
    def emit(k: Any, x: Any, y: Any) -> None:
        with k.loop("i", 8) as i:
            k.store(y, [i], x[i])

    found = separation(trace_of(built(emit, 8, 8), {}), [0], [1])
    assert not any(isinstance(value, np.generic) for value in (found.below, found.above, found.period))


@pytest.mark.parametrize("seed", range(20))
def test_turned_differences_are_those_seen_from_the_other_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    below, above = int(rng.integers(-60, 0)), int(rng.integers(1, 60))
    period = int(rng.choice([0, 4, 8]))
    safe = Separation(below, above, period, int(rng.integers(-4, 1)), int(rng.integers(1, 4)))
    longer = int(rng.integers(-4, 5)) * max(period, 1)
    turned = safe.turned(longer)
    for difference in range(-150, 150):
        assert turned.allows(longer - difference) == safe.allows(difference), f"seed {seed}, {difference}"
    # A period that the sizes do not keep is given up: fewer differences, none that was unsafe.
    odd = safe.turned(longer + 1)
    assert all(safe.allows(longer + 1 - d) for d in range(-150, 150) if odd.allows(d))
