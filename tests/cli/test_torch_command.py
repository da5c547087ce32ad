# SPDX-License-Identifier: Apache-2.0
"""`stm32` with .pt2 models, and with kinds of models that need a package that is not there."""

import importlib
import warnings

import pytest


@pytest.fixture
def net(tmp_path):
    """A convolution [batch,2,8,8] whose quantized output is dequantized at the end."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: make setup WITH_TORCH=1")
    importlib.import_module("torch.ao.quantization.fx._decomposed")  # registers the operators

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(2, 3, 3)

        def forward(self, x):
            quantized = torch.ops.quantized_decomposed
            y = torch.relu(self.conv(x))
            y = quantized.quantize_per_tensor(y, 0.02, -128, -128, 127, torch.int8)
            return quantized.dequantize_per_tensor(y, 0.02, -128, -128, 127, torch.int8)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = ({0: torch.export.Dim("batch")},)
        program = torch.export.export(Net().eval(), (torch.zeros(2, 2, 8, 8),), dynamic_shapes=sizes)
        torch.export.save(program, tmp_path / "net.pt2")
    return "net.pt2"


def test_validate_compares_with_torch(stm32, net):
    done = stm32("validate", net, "--shape", "x=2,2,8,8", "-d", "host")
    assert done.code == 0, done.err
    assert "compared to : PyTorch" in done.out
    assert "Traceback" not in done.err


def test_layers_of_programs_are_not_compared(stm32, tmp_path):
    (tmp_path / "x.pt2").write_bytes(b"PK")
    done = stm32("validate", "x.pt2", "--per-layer", "-d", "host")
    assert done.code == 2
    assert "--per-layer compares the layers of .tflite models only" in done.err


@pytest.mark.parametrize("command", ["compile", "validate"])
def test_files_that_are_no_programs_are_refused(stm32, tmp_path, command):
    (tmp_path / "x.pt2").write_bytes(b"no program")
    done = stm32(command, "x.pt2")
    assert done.code == 3, done.err
    assert "Traceback" not in done.err


def test_keras_models_name_tensorflow(stm32, tmp_path):
    (tmp_path / "x.keras").write_bytes(b"PK\x03\x04")
    done = stm32("compile", "x.keras", "-o", "out")
    if "cannot convert" in done.err:
        pytest.skip("TensorFlow is installed here")
    assert done.code == 5, done.err
    assert "pip install tensorflow" in done.err
    assert not (tmp_path / "out").exists()


def test_validate_says_how_keras_models_are_compared(stm32, tmp_path):
    (tmp_path / "x.h5").write_bytes(b"")
    done = stm32("validate", "x.h5")
    assert done.code == 2, done.err
    assert "validate the .tflite file" in done.err
