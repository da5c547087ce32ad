# SPDX-License-Identifier: Apache-2.0
"""Kinds of model files that need another package, or cannot be read at all; neither torch nor TensorFlow is needed."""

import subprocess
import sys

import pytest
from stm32_emitter import MissingPackage, ModelRefused, compile_model
from stm32_emitter.frontends.keras import is_keras


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.ckpt", "net.safetensors"])
def test_weights_without_a_program_are_refused_with_the_way_to_export(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelRefused, match=r"weights or pickled Python.*\n.*torch\.export\.save"):
        compile_model(path)


@pytest.mark.parametrize("name", ["net.keras", "net.H5", "saved"])
def test_keras_models_without_tensorflow_get_a_hint(name, tmp_path, monkeypatch):
    path = tmp_path / name
    if name == "saved":
        path.mkdir()
        path = path.parent / "saved"
        (path / "saved_model.pb").write_bytes(b"")
    else:
        path.write_bytes(b"")
    assert is_keras(path)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingPackage, match=r"(?s)TensorFlow.*pip install tensorflow.*from_keras_model"):
        compile_model(path)


def test_a_keras_file_that_does_not_exist_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        compile_model(tmp_path / "net.keras")


def test_compiling_imports_neither_torch_nor_tensorflow_nor_onnx(tmp_path):
    program = (
        "import sys\n"
        "from stm32_emitter import compile_model, ModelRefused\n"
        "try:\n    compile_model(bytes(64))\nexcept ModelRefused:\n    pass\n"
        "print([name for name in ('torch', 'tensorflow', 'onnx') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
