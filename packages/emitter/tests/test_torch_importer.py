# SPDX-License-Identifier: Apache-2.0
"""Programs of torch.export: refusals, shapes, names; what they compute is compared in tests/conformance."""

import importlib
import io
import sys
import warnings
import zipfile

import pytest
from stm32_emitter import MissingPackage, ModelRefused, OptionError, compile_model

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install stm32-ai-emitter[torch]")
nn = torch.nn


class Function(nn.Module):
    """A function of tensors."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


def exported(model, *inputs, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(model, inputs, **options)


def saved(program):
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def test_a_file_and_a_program_compile_to_the_same_bytes(tmp_path):
    program = exported(nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU()).eval(), torch.zeros(1, 2, 5, 5))
    path = tmp_path / "net.pt2"
    path.write_bytes(saved(program))
    compiled = compile_model(path)
    assert compiled.name == "net"
    assert compile_model(program, name="net").files == compiled.files
    assert compile_model(path.read_bytes(), name="net").files == compiled.files
    assert [(t.name, t.shape) for t in (*compiled.inputs, *compiled.outputs)] == [
        ("input", (1, 2, 5, 5)), ("relu", (1, 4, 3, 3)),
    ]  # fmt: skip


def test_all_refusals_come_in_one_list():
    def function(x):
        return torch.linalg.det(torch.relu(x)) + torch.nonzero(x).sum() + torch.sort(torch.cdist(x, x))[0].sum()

    program = exported(Function(function), torch.zeros(4, 4))
    with pytest.raises(ModelRefused) as caught:
        compile_model(program)
    found = {problem.operator for problem in caught.value.problems}
    assert len(found) > 1
    assert all(problem.index is not None and problem.name and problem.hint for problem in caught.value.problems)
    assert "nonzero.default" in found


def test_what_dynamic_quantizers_insert_is_refused_with_a_hint():
    def function(x):
        low, high, kind = -128, 127, torch.int8
        scale, zero = torch.ops.quantized_decomposed.choose_qparams.tensor(x, low, high, 1e-5, kind)
        return torch.ops.quantized_decomposed.quantize_per_tensor.tensor(x, scale, zero, low, high, kind)

    importlib.import_module("torch.ao.quantization.fx._decomposed")  # registers the operators

    with pytest.raises(ModelRefused, match="static quantizer"):
        compile_model(exported(Function(function), torch.zeros(1, 4)))


def test_models_that_change_their_buffers_are_refused():
    with pytest.raises(ModelRefused, match=r"changes .*\n.*eval\(\)"):
        compile_model(exported(nn.BatchNorm2d(3).train(), torch.ones(2, 3, 4, 4)))


@pytest.fixture
def dynamic():
    sizes = {"x": {0: torch.export.Dim("batch"), 2: torch.export.Dim("width", min=4, max=64)}}
    model = Function(lambda *x: torch.flatten(torch.relu(x[0]), 1).sum(1))

    class Named(nn.Module):
        def forward(self, x):
            return model(x)

    return exported(Named(), torch.zeros(3, 2, 8), dynamic_shapes=sizes)


def test_free_dimensions_are_the_least_or_what_is_given(dynamic):
    assert compile_model(dynamic).inputs[0].shape == (1, 2, 4)
    compiled = compile_model(dynamic, shapes={"x": (3, 2, 10)})
    assert (compiled.inputs[0].shape, compiled.outputs[0].shape) == ((3, 2, 10), (3,))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 2, 8)}, "no input of the model; inputs: x"),
        ({"x": (1, 3, 8)}, "does not fit input 'x'"),
        ({"x": (1, 2)}, "does not fit input 'x'"),
        ({"x": (1, 2, 65)}, "cannot be 65; it is exported for sizes from 4 to 64"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(dynamic, shapes, message):
    with pytest.raises(OptionError, match=message):
        compile_model(dynamic, shapes=shapes)


def test_files_that_are_no_programs_are_refused(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data.pkl", b"\x80\x02}.")
    for name, data in (("garbage", b"garbage"), ("archive", archive.getvalue()), ("empty", b"")):
        path = tmp_path / f"{name}.pt2"
        path.write_bytes(data)
        with pytest.raises(ModelRefused, match=r"torch.*\n.*torch\.export\.save"):
            compile_model(path)


def test_missing_package_is_named_with_the_way_to_get_it(tmp_path, monkeypatch):
    path = tmp_path / "net.pt2"
    path.write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"pip install 'stm32-ai-emitter\[torch\]'"):
        compile_model(path)
