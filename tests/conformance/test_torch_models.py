# SPDX-License-Identifier: Apache-2.0
"""Programs of torch.export against PyTorch: float32, and quantized by PT2E's quantizers.

One import of torch and one export take seconds, so each test compares many small models in one program.
"""

import warnings

import numpy as np
import pytest

from tests.conformance.batch import Stored, run_batch
from tests.conformance.toolchain import MACHINES

torch = pytest.importorskip("torch", reason="torch is not installed: make setup WITH_TORCH=1")
pt2e = pytest.importorskip(
    "torchao.quantization.pt2e.quantize_pt2e", reason="torchao is not installed: make setup WITH_TORCH=1"
)
from torchao.quantization.pt2e.observer import HistogramObserver, MinMaxObserver  # noqa: E402
from torchao.quantization.pt2e.quantizer import (  # noqa: E402
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
)

prepare_pt2e, convert_pt2e = pt2e.prepare_pt2e, pt2e.convert_pt2e
nn, functional = torch.nn, torch.nn.functional

SEED = 31
SAMPLES = 4


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about its own insides
        yield


class Net(nn.Sequential):
    """Layers in order, with parameters of every layer away from their first values."""

    def __init__(self, *layers):
        super().__init__(*layers)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)


class Residual(nn.Module):
    """f(x) + x."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return functional.relu(self.inner(x) + x)


class Function(nn.Module):
    """A function of one tensor, or of several."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


def classifier():
    depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    return Net(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        Residual(nn.Sequential(depthwise, nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 1))),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(48, 5), nn.Softmax(dim=1),
    ), (1, 3, 12, 9)  # fmt: skip


def inverted_residual():
    return Net(
        nn.Conv2d(4, 12, 1, bias=False), nn.BatchNorm2d(12), nn.Hardswish(),
        nn.Conv2d(12, 12, 3, stride=2, padding=1, groups=12), nn.BatchNorm2d(12), nn.SiLU(),
        nn.Conv2d(12, 6, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4), nn.LeakyReLU(0.2),
    ), (1, 4, 8, 8)  # fmt: skip


def keyword():
    return Net(
        nn.Conv1d(10, 8, 5, stride=2, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(8, 8, 3, dilation=2, groups=2), nn.Tanh(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3),
    ), (1, 10, 40)  # fmt: skip


def perceptron():
    return Net(nn.Linear(16, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 16), nn.Sigmoid()), (1, 16)


def moved():
    def function(x):
        left, right = torch.chunk(functional.pad(x, (1, 2, 0, 1), value=0.5), 2, dim=1)
        joined = torch.cat([right, left[:, :, ::1], left * right], dim=1)
        picked = joined[:, 1:5, :, 1:7:2].permute(0, 2, 3, 1).mean(dim=1).unsqueeze(2)
        return picked, joined.amax(dim=1), joined.amin(dim=(2, 3)), joined.var(dim=(2, 3), keepdim=True)

    return Function(function), (1, 4, 6, 7)


def upsampled():
    return Net(
        nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, padding=1),
        nn.Upsample(scale_factor=2, mode="bilinear"), nn.ConvTranspose2d(2, 3, 2, stride=2), nn.GELU(),
    ), (1, 3, 6, 5)  # fmt: skip


def attention():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.inner = nn.LayerNorm(8), nn.Linear(8, 24)
            self.outer = nn.Linear(8, 8)

        def forward(self, x):
            q, k, v = self.inner(self.norm(x)).chunk(3, dim=-1)
            weights = torch.softmax(q @ k.transpose(1, 2) / 8**0.5, dim=-1)
            return x + self.outer(weights @ v)

    return Block(), (1, 6, 8)


def recurrent():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.LSTM(5, 6, batch_first=True), nn.Linear(6, 3)

        def forward(self, x):
            return self.out(self.cell(x)[0][:, -1])

    return Last(), (1, 4, 5)


FLOAT = (classifier, inverted_residual, keyword, perceptron, moved, upsampled, attention, recurrent)


def samples(shape):
    return [torch.randn(shape) for _ in range(SAMPLES)]


def exported(model, x):
    return torch.export.export(model.eval(), (x,))


def stored(name, program, inputs, tolerance=0):
    run = program.module()
    with torch.no_grad():
        results = [run(x) for x in inputs]
    wanted = tuple(tuple(y.numpy() for y in (result if isinstance(result, tuple) else (result,))) for result in results)
    return Stored(name, program, tuple((x.numpy(),) for x in inputs), wanted, tolerance)


def problems(cases, folder):
    outcomes = run_batch(cases, MACHINES["host"], folder, together=True)
    return [(outcome.name, outcome.status, outcome.detail) for outcome in outcomes if outcome.status != "equal"]


def test_float_models_are_within_the_tolerance_of_torch(tmp_path):
    cases = []
    for build in FLOAT:
        model, shape = build()
        inputs = samples(shape)
        cases.append(stored(build.__name__, exported(model, inputs[0]), inputs))
    assert problems(cases, tmp_path) == []


def quantized(model, inputs, quantizer):
    """What a quantizer makes of a model, without the dequantization in front of its output, which then is integers."""
    prepared = prepare_pt2e(exported(model, inputs[0]).module(), quantizer)
    for x in inputs:
        prepared(x)
    converted = convert_pt2e(prepared)
    output = next(node for node in converted.graph.nodes if node.op == "output")
    (last,) = output.args[0]
    assert last.target.__name__ == "dequantize_per_tensor.default"
    output.args = ((last.args[0],),)
    converted.recompile()
    return torch.export.export(converted, (inputs[0],))


def backbone():
    return Net(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        Residual(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(), nn.Conv2d(8, 8, 1))),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(48, 5),
    ), (1, 3, 12, 9)  # fmt: skip


def stream():
    return Net(
        nn.Conv1d(10, 8, 5, stride=2, padding=2), nn.BatchNorm1d(8), nn.ReLU(),
        nn.Conv1d(8, 8, 3, dilation=2, groups=2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3),
    ), (1, 10, 40)  # fmt: skip


def dense():
    return Net(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5, bias=False)), (1, 16)


QUANTIZED = (backbone, stream, dense)


def signed():
    """int8, weights per channel."""
    from torchao.testing.pt2e._xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config

    return XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))


class Unsigned(Quantizer):
    """uint8 activations of 7 bits, weights per tensor: what every product and activation reads and gives."""

    PRODUCTS = ("conv1d", "conv2d", "linear")
    OTHERS = ("relu", "add", "max_pool2d", "flatten")

    def annotate(self, model):
        observer = HistogramObserver.with_args(eps=2**-12)
        numbers = QuantizationSpec(torch.uint8, observer, 0, 127, torch.per_tensor_affine)
        weights = QuantizationSpec(torch.int8, MinMaxObserver, -127, 127, torch.per_tensor_symmetric)
        for node in model.graph.nodes:
            name = getattr(node.target, "__name__", "").split(".")[0]
            if node.op != "call_function" or name not in (*self.PRODUCTS, *self.OTHERS):
                continue
            tensors = node.args[:2] if name in (*self.PRODUCTS, "add") else node.args[:1]
            chosen = [numbers, weights if name in self.PRODUCTS else numbers]
            (user, *more) = node.users
            fused = not more and getattr(user.target, "__name__", "") == "relu.default"
            node.meta["quantization_annotation"] = QuantizationAnnotation(
                dict(zip(tensors, chosen, strict=False)), None if fused else numbers, _annotated=True
            )
        return model

    def validate(self, model):
        pass


@pytest.mark.parametrize("quantizer", [signed, Unsigned])
def test_quantized_models_differ_by_one_at_most(quantizer, tmp_path):
    cases = []
    for build in QUANTIZED if quantizer is signed else (backbone, dense):
        model, shape = build()
        inputs = samples(shape)
        cases.append(stored(build.__name__, quantized(model, inputs, quantizer()), inputs, tolerance=1))
    assert {y.dtype for case in cases for outputs in case.expected for y in outputs} <= {
        np.dtype("int8"),
        np.dtype("uint8"),
    }
    assert problems(cases, tmp_path) == []
