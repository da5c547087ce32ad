# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an operator from outside is said by name, before anything is emitted; plug-in files."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stm32_emitter import ModelRefused, OperatorError, compile_model
from stm32_emitter.extension import (
    ENTRY_POINTS,
    Call,
    CKernel,
    Input,
    Operator,
    Output,
    Scratch,
    TeKernel,
    Tensor,
    elementwise,
    load_file,
    load_installed,
    reads,
    register_operator,
    sequence,
    together,
    unregister_operator,
    writes,
)
from stm32_emitter.operators import BY_KIND, REGISTRY
from stm32_emitter.operators.max_pool_2d import MaxPool2D
from stm32_emitter.testing.tflite_writer import ModelWriter
from tvm import te

TEXT = "void f(const float *x, float *y, int32_t n) { for (int32_t i = 0; i < n; ++i) { y[i] = x[i]; } }"
ARGUMENTS = (Input(0), Output(0), 12)


def same(call: Call) -> Tensor:
    return Tensor(call.inputs[0].shape, call.inputs[0].dtype)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing stays registered."""
    yield
    for definition in [definition for definition in REGISTRY if REGISTRY.origin(definition.kind) != "stm32_emitter"]:
        unregister_operator(definition.kind)


@pytest.fixture
def registered_names() -> Callable[[], set[str]]:
    """Names of the operators that do not come with the emitter."""
    return lambda: {d.kind for d in REGISTRY if REGISTRY.origin(d.kind) != "stm32_emitter"}


def model() -> bytes:
    writer = ModelWriter()
    x, y = (writer.tensor(name, (1, 3, 4), "float32") for name in "xy")
    writer.custom("Op", [x], [y])
    return writer.finish([x], [y])


def compiled(kernel: Any, results: Any = same) -> Any:
    register_operator(Operator("OP", results, kernel, tflite="Op"))
    return compile_model(model(), name="m")


def c(
    arguments: Any = ARGUMENTS, text: Any = TEXT, footprint: Any = None, function: str = "f"
) -> Callable[[Call], Any]:
    return lambda _call: CKernel(function, arguments, text, footprint)


def expression(compute: Callable[..., Any]) -> Callable[[Call], Any]:
    return lambda _call: TeKernel(compute)


def smaller(x: te.Tensor) -> te.Tensor:
    return te.compute((3, 4), lambda i, j: x[0, i, j])


def narrower(x: te.Tensor) -> te.Tensor:
    return te.compute(x.shape, lambda *i: x(*i).astype("int8"))


def test_without_an_operator_the_refusal_says_how_to_bring_one() -> None:
    with pytest.raises(ModelRefused, match=r"operator 0 \(CUSTOM Op\) 'y': custom operators .*\n.*--plugin FILE.py"):
        compile_model(model())


def test_the_same_names_twice() -> None:
    register_operator(Operator("OP", same, c(), tflite="Op"), origin="first.py")
    for other, said in (
        (Operator("OP", same, c()), r"'OP' is there twice: of first.py and of second.py"),
        (
            Operator("OTHER", same, c(), tflite="Op"),
            r"'OTHER' of second.py: the TFLite operator 'CUSTOM Op' has a meaning",
        ),
        (Operator("CONV_2D", same, c()), r"'CONV_2D' is there twice: of stm32_emitter and of second.py"),
        (MaxPool2D(), r"'MAX_POOL_2D' is there twice"),
        (Operator("no name", same, c()), r"second.py names an operator 'no name'"),
        (Operator("OTHER", same, c(), onnx="Soft"), r"'Soft' names no domain of ONNX"),
    ):
        with pytest.raises(OperatorError, match=said):
            register_operator(other, origin="second.py")
        assert "OTHER" not in BY_KIND
    with pytest.raises(OperatorError, match="no operator 'CONV_2D' was registered"):
        unregister_operator("CONV_2D")


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        (Operator("OP", lambda: Tensor((1,)), c()), r"'OP': results\(\) cannot be called with one argument, a Call"),
        (Operator("OP", same, lambda _a, _b: None), r"'OP': kernel\(_a, _b\) cannot be called with one argument"),
        (Operator("OP", same, "f"), "'OP': kernel is a str, not a function"),  # type: ignore[arg-type]
        (object(), "registers a object, which is no operator"),
    ],
)
def test_wrong_registrations(operator: Any, said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        register_operator(operator)
    assert "OP" not in BY_KIND


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (lambda _call: (1, 2), r"results\(\) gives \(1, 2\), not a Tensor"),
        (lambda _call: [], r"results\(\) gives \[\], not a Tensor"),
        (lambda _call: Tensor((0, 2)), r"the shape \(0, 2\), not of positive integers"),
        (lambda _call: Tensor((2,), "float16"), "elements of type float16, which C99 does not have"),
        (lambda _call: 1 / 0, r"results\(\) failed with ZeroDivisionError"),
    ],
)
def test_wrong_results(results: Any, said: str) -> None:
    with pytest.raises(OperatorError, match=f"operator 'OP': .*{said}"):
        compiled(c(), results)


def test_results_that_the_file_contradicts_are_the_models_fault() -> None:
    with pytest.raises(ModelRefused, match=r"the file declares float32\[1, 3, 4\] for its output 'y', .* int8\[12\]"):
        compiled(c(), lambda _call: Tensor((12,), "int8"))


def test_an_operator_may_refuse_a_model() -> None:
    def results(_call: Call) -> Tensor:
        raise ModelRefused("its option 'by' is missing", hint="Train it again.")

    with pytest.raises(
        ModelRefused, match=r"operator 0 \(CUSTOM Op\) 'y': its option 'by' is missing\nTrain it again."
    ):
        compiled(c(), results)


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (lambda _call: 3, "gives a int"),
        (c((Input(1), Output(0), 12)), r"hold Input\(position=1\), but there are 1"),
        (c((Input(0), 12)), "leave result 0 out"),
        (c((Input(0), Output(0), "12")), "hold a str"),
        (c((Input(0), Output(0), 1 << 31)), "2147483648, which int32_t does not"),
        (c((*ARGUMENTS, Scratch("s", 4), Scratch("s", 8))), "name a table or scratch twice"),
        (c(function="ai_copy"), "'ai_copy' has the name of a function of the runtime"),
        (c(function="memcpy"), r"memcpy.c does not define a function 'memcpy'"),
        (c(function="f-1"), "'f-1' is no name of a C function"),
        (c((Input(0), Output(0))), r"'f' in f.c takes \(const .*, int32_t\), .* \(const float \*, float \*\)"),
        (c(text=TEXT.replace("const float *x", "const int8_t *const x")), r"takes \(const int8_t \*, "),
        (c(text=f"/* {TEXT} */"), "does not define a function 'f'"),
        (c(text=f"static {TEXT}"), "is static"),
        (c(text=Path("/nowhere/f.c")), "cannot be read: .*No such file"),
        (expression(smaller), r"float32\[3, 4\] for result 0, which is float32\[1, 3, 4\]"),
        (expression(lambda x, _y: x), "its tensor expression failed with TypeError"),
        (expression(lambda x: [smaller(x), smaller(x)]), "takes 3 tensors, but has 1 inputs and 1 results"),
        (expression(narrower), r"int8\[1, 3, 4\] for result 0"),
    ],
)  # fmt: skip
def test_wrong_kernels(kernel: Any, said: str) -> None:
    with pytest.raises(OperatorError, match=f"operator 'OP': .*{said}|{said}"):
        compiled(kernel)


@pytest.mark.parametrize(
    ("footprint", "said"),
    [
        (lambda call: elementwise([0], 1, call[2], 8), "touches 96 bytes of argument 0, which has 48"),
        (lambda call: writes(1, 4 * call[2]), r"says nothing of reading arguments \[0\]"),
        (
            lambda _call: together(reads(0, 48), writes(0, 48)),
            r"writes through arguments \[0\], the kernel through \[1\]",
        ),
        (lambda call: sequence(reads(0, call[3]), writes(1, 48)), "failed with IndexError"),
    ],
)
def test_wrong_footprints(footprint: Any, said: str) -> None:
    with pytest.raises(OperatorError, match=f"operator 'OP': the footprint of 'f' {said}"):
        compiled(c(footprint=footprint))


def test_a_function_that_two_operators_define_differently() -> None:
    writer = ModelWriter()
    x, y, z = (writer.tensor(name, (1, 3, 4), "float32") for name in "xyz")
    writer.custom("Op", [x], [y])
    writer.custom("Other", [y], [z])
    register_operator(Operator("OTHER", same, c(text=TEXT.replace("= x[i]", "= -x[i]")), tflite="Other"))
    register_operator(Operator("OP", same, c(), tflite="Op"))
    with pytest.raises(OperatorError, match="two C functions are named 'f'"):
        compile_model(writer.finish([x], [z]))


PLUGIN = """
    from stm32_emitter.extension import CKernel, Input, Operator, Output, Tensor, register_operator

    def kernel(call):
        return CKernel("f", [Input(0), Output(0), call.inputs[0].elements], {text!r})

    register_operator(Operator("OP", lambda call: call.inputs[0], kernel, tflite="Op"))
"""


def test_a_plug_in_file_is_run_once(tmp_path: Path, host: Any) -> None:
    file = tmp_path / "op.py"
    file.write_text(textwrap.dedent(PLUGIN.format(text=TEXT)))
    load_file(file)
    load_file(str(file))
    assert REGISTRY.origin("OP") == str(file)
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    np.testing.assert_array_equal(host.run(compile_model(model(), name="m"), [x])[0], x)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("\nraise ValueError('broken')", r"failed in line 9 with ValueError: broken"),
        ("\nregister_operator(Operator('OP', kernel, kernel))", "'OP' is there twice: of "),
        ("\nimport nothing_of_this_name", "failed in line 9 with ModuleNotFoundError"),
        ("\ndef", "failed with SyntaxError"),
    ],
)
def test_a_plug_in_that_fails_registers_nothing(tmp_path: Path, more: str, said: str) -> None:
    file = tmp_path / "op.py"
    file.write_text(textwrap.dedent(PLUGIN.format(text=TEXT)) + more)
    with pytest.raises(OperatorError, match=f"the plug-in .*op.py.*{said}"):
        load_file(file)
    assert "OP" not in BY_KIND
    with pytest.raises(OperatorError, match="there is no plug-in"):
        load_file(tmp_path / "other.py")


def installed(site: Path, text: str, entry: str) -> None:
    """A package with an entry point, as pip leaves it."""
    for name, content in {
        "ops_of_a_test.py": textwrap.dedent(text),
        "ops_of_a_test-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: ops-of-a-test\nVersion: 1.0\n",
        "ops_of_a_test-1.0.dist-info/entry_points.txt": f"[{ENTRY_POINTS}]\nops = ops_of_a_test{entry}\n",
    }.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(content)


@pytest.mark.parametrize("entry", [":OP", ":EVERY", ":register"])
def test_what_an_entry_point_leads_to(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered_names: Callable[[], set[str]]
) -> None:
    more = "\nOP = Operator('A', kernel, kernel)\nEVERY = [OP, Operator('B', kernel, kernel)]\n"
    more += "def register():\n    register_operator(OP)\n"
    installed(tmp_path, textwrap.dedent(PLUGIN.format(text=TEXT)) + more, entry)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ops_of_a_test", raising=False)
    monkeypatch.setattr("stm32_emitter.extension.plugins._LOADED", set())
    load_installed()
    load_installed()
    assert registered_names() == {"OP", "A"} | ({"B"} if entry == ":EVERY" else set())
    assert REGISTRY.origin("OP").endswith("ops_of_a_test.py")


def test_an_installed_plug_in_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "raise RuntimeError('old version')", "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ops_of_a_test", raising=False)
    with pytest.raises(OperatorError, match="the plug-in 'ops' of ops-of-a-test failed with RuntimeError: old version"):
        load_installed()
