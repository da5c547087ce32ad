# SPDX-License-Identifier: Apache-2.0
"""The same model gives the same bytes: in another process, with other hash seeds, from another folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from stm32_emitter import OptionError, compile_model
from stm32_emitter.testing.graphs import graphs

SEEDS = (3, 5, 8)
COMPILE = """
import sys
from pathlib import Path
from stm32_emitter import compile_model
for model in sorted(Path(sys.argv[1]).glob("*.tflite")):
    compile_model(model).write(Path(sys.argv[2]) / model.stem)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for seed in SEEDS:
        (graph,) = graphs(seed, 1)
        (folder / f"{graph.name}.tflite").write_bytes(graph.model)
    return folder


def compile_in_process(models: Path, target: Path, **environment: str) -> dict[str, bytes]:
    target.mkdir(parents=True)
    env = {**os.environ, **environment}
    env.pop("SOURCE_DATE_EPOCH", None)
    argv = [sys.executable, "-c", COMPILE, str(models), str(target)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, env=env, cwd=target)
    assert result.returncode == 0, result.stderr
    return {str(p.relative_to(target)): p.read_bytes() for p in sorted(target.rglob("*")) if p.is_file()}


def compile_here(models: Path) -> dict[str, bytes]:
    compiled = [compile_model(path) for path in sorted(models.glob("*.tflite"))]
    return {f"{model.name}/{name}": data for model in compiled for name, data in model.files.items()}


def test_two_processes_give_the_same_bytes(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    first = compile_here(models)  # with the hash seed of this process
    other = "1" if os.environ.get("PYTHONHASHSEED") == "4242" else "4242"
    second = compile_in_process(models, tmp_path / "deeper" / "two", PYTHONHASHSEED=other, TZ="Asia/Tokyo")
    assert len(first) == 10 * len(SEEDS)
    assert first == second
    forbidden = [str(tmp_path), str(models), str(Path.home()), socket.gethostname(), sys.prefix]
    for name, data in first.items():
        for word in forbidden:
            assert len(word) < 4 or word.encode() not in data, (name, word)


def test_the_date_comes_from_source_date_epoch(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = min(models.glob("*.tflite"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    without = compile_model(model)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    dated = compile_model(model)
    source = f"{dated.name}.c"
    assert b'.datetime = ""' in without.files[source]
    assert b'.datetime = "2023-11-14T22:13:20Z"' in dated.files[source]
    assert {n: d for n, d in dated.files.items() if n != source} == {
        n: d for n, d in without.files.items() if n != source
    }


@pytest.mark.parametrize("value", ["yesterday", "12.5", "9" * 30, "²"])
def test_another_date_is_an_option_error(models: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(OptionError, match="SOURCE_DATE_EPOCH is '"):
        compile_model(min(models.glob("*.tflite")))


def test_the_signature_tells_models_and_options_apart(models: Path) -> None:
    compiled = [compile_model(path, name="same") for path in sorted(models.glob("*.tflite"))]
    other = compile_model(min(models.glob("*.tflite")), name="same", include_inputs=False)
    signatures = [m.signature for m in (*compiled, other)]
    assert len(set(signatures)) == len(signatures)
    for model in compiled:
        assert f".signature = 0x{model.signature:08X}u".encode() in model.files["same.c"]
        assert json.loads(model.files["same.json"])["signature"] == model.signature


def test_bytes_path_and_string_give_the_same(models: Path) -> None:
    path = min(models.glob("*.tflite"))
    files = compile_model(path, name="m").files
    assert compile_model(str(path), name="m").files == files
    assert compile_model(path.read_bytes(), name="m").files == files


def test_progress_goes_from_nothing_to_done(models: Path) -> None:
    seen: list[tuple[str, float]] = []
    compile_model(min(models.glob("*.tflite")), progress=lambda what, share: seen.append((what, share)))
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert seen[-1] == ("done", 1.0)


def test_params_hold_the_constants_as_imported(models: Path) -> None:
    import tvm

    compiled = compile_model(min(models.glob("*.tflite")), name="m")
    params = tvm.runtime.load_param_dict(compiled.files["m.params"])
    assert params
    assert all(value.numpy().size for value in params.values())
