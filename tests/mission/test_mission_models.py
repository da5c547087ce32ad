# SPDX-License-Identifier: Apache-2.0
"""The mission's topologies are the published ones; small ones of the same layers are quantized, compiled and compared.

Full-size models: ``python -m tests.mission.report``, whose figures are in docs/mission-models.json.
"""

import json

import pytest

from tests.mission import topologies
from tests.mission.models import FULL, REDUCED, TRAINED, inputs_of, quantized
from tests.mission.report import PAGE, RESULTS, page
from tests.mission.run import Nearness, run_exactly, run_nearly
from tests.mission.tflite_net import TfliteNet

PUBLISHED = {
    topologies.mobilenet_v1: (224, 569, 4.2),
    topologies.mobilenet_v2: (224, 300, 3.5),
    topologies.squeezenet: (224, 349, 1.24),
    topologies.inception_v3: (299, 5713, 23.8),
}
"""Height and width of the input, millions of multiply-accumulates and of parameters, with 1000 classes."""


@pytest.mark.parametrize("topology", PUBLISHED, ids=lambda topology: topology.__name__)
def test_topologies_have_the_published_sizes(topology):
    size, macs, parameters = PUBLISHED[topology]
    net = TfliteNet(size, size)
    result = topology(net)
    assert (result.height, result.width, result.channels) == (1, 1, 1000)
    assert net.macs / 1e6 == pytest.approx(macs, rel=0.005)
    assert net.parameters / 1e6 == pytest.approx(parameters, rel=0.01)


@pytest.mark.parametrize("model", [m for m in REDUCED if m.kind == "tflite"], ids=lambda model: model.name)
def test_tflite_models_equal_the_reference(model, tmp_path):
    report = quantized(model, tmp_path)
    inputs = inputs_of(model, report)
    assert len({x.tobytes() for (x,) in inputs}) == model.samples
    assert report.comparison.outputs[0].snr_db > 15
    outcome = run_exactly(model, report, tmp_path / "c")
    assert (outcome.status, outcome.differing) == ("equal", 0), outcome.detail
    assert outcome.compared == model.samples * model.classes


@pytest.mark.parametrize("model", [m for m in REDUCED if m.kind == "onnx"], ids=lambda model: model.name)
def test_onnx_models_are_as_near_to_the_float_model_as_in_onnxruntime(model, tmp_path):
    report = quantized(model, tmp_path)
    found = run_nearly(model, report, tmp_path / "c")
    assert isinstance(found, Nearness), found
    assert found.original > 15
    assert found.compiled > found.original - 1
    assert found.between > 25


def test_the_document_tells_of_every_model():
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert list(results) == [model.name for model in (*TRAINED, *REDUCED, *FULL)]
    assert PAGE.read_text(encoding="utf-8") == page(results)
    exact = [entry["host"] for entry in results.values() if "between" not in entry["host"]]
    assert {(host["status"], host["differing"]) for host in exact} == {("equal", 0)}
    assert all(any(entry["fits"].values()) for entry in results.values())
    for name, entry in results.items():
        for board, found in entry.get("images", {}).items():
            links = {layout for layout, image in found.items() if isinstance(image, dict)}
            assert set(entry["fits"][board]) <= links, name
