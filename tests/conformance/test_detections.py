# SPDX-License-Identifier: Apache-2.0
"""The end of SSD models, TFLite_Detection_PostProcess: random cases, codes of int8, results without declared shapes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from stm32_emitter import ModelRefused, compile_model
from stm32_emitter.testing.cases import cases
from stm32_emitter.testing.tflite_writer import ModelWriter, Quant

from tests.conformance.batch import run_batch
from tests.conformance.toolchain import MACHINES

NAME = "TFLite_Detection_PostProcess"
FIRST = 100_000
OPTIONS = {
    "max_detections": 10,
    "max_classes_per_detection": 1,
    "nms_score_threshold": 0.0,
    "nms_iou_threshold": 0.6,
    "num_classes": 3,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}
"""A detection of each class; an anchor is below no threshold, so that all results are filled."""
ANCHORS = 60


def model(*, ranked=True, **options):
    """Codes and scores of int8 that are dequantized for the detection, as converters write them."""
    writer, rng = ModelWriter(), np.random.default_rng(FIRST)
    given = [
        writer.tensor("codes", (1, ANCHORS, 4), "int8", quant=Quant(0.05, 3)),
        writer.tensor("scores", (1, ANCHORS, 4), "int8", quant=Quant(1 / 256, -128)),
    ]
    real = []
    for index in given:
        spec = writer.tensors[index]
        real.append(writer.tensor(f"real_{spec.name}", spec.shape, "float32"))
        writer.operator("DEQUANTIZE", [index], [real[-1]])
    anchors = writer.constant("anchors", rng.uniform(0.1, 0.9, (ANCHORS, 4)).astype(np.float32))
    names = {"boxes": (1, 10, 4), "classes": (1, 10), "best": (1, 10), "number": (1,)}
    results = [writer.tensor(name, shape if ranked else (), "float32", ranked=ranked) for name, shape in names.items()]
    writer.custom(NAME, [*real, anchors], results, {**OPTIONS, **options})
    return writer.finish(given, results)


def inputs(seed):
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(-128, 128, (1, ANCHORS, 4), dtype=np.int8) for _ in range(2))


def check(outcomes):
    assert all(outcome.status == "equal" for outcome in outcomes), outcomes


@pytest.mark.parametrize("machine", ["host", "host-sanitized"])
def test_random_detections(machine, tmp_path):
    found = [case for dtype in ("float32", "uint8") for case in cases(f"CUSTOM {NAME}", FIRST, 6, dtype)]
    check(run_batch(found, MACHINES[machine], tmp_path))


@pytest.mark.emulator
@pytest.mark.usefixtures("cross_compiler", "emulator")
def test_random_detections_on_a_cortex_m4(tmp_path):
    found = [case for dtype in ("float32", "uint8") for case in cases(f"CUSTOM {NAME}", FIRST + 6, 6, dtype)]
    check(run_batch(found, MACHINES["mps2-an386"], tmp_path))


@pytest.mark.parametrize("regular", [False, True])
@pytest.mark.parametrize("ranked", [False, True])
def test_scores_of_int8_are_read_where_they_are(ranked, regular, tmp_path):
    data = model(ranked=ranked, use_regular_nms=regular)
    compiled = compile_model(data, name="detections")
    assert [node["name"] for node in compiled.info["nodes"]] == [f"2:CUSTOM {NAME}"]
    assert [tuple(t["shape"]) for t in compiled.info["outputs"]] == [(1, 10, 4), (1, 10), (1, 10), (1,)]
    case = SimpleNamespace(name="detections", model=data, inputs=(inputs(FIRST), inputs(FIRST + 1)))
    check(run_batch([case], MACHINES["host"], tmp_path))


@pytest.mark.parametrize("options", [{"max_detections": 0}, {"nms_iou_threshold": 0.0}, {"num_classes": 2}])
def test_options_that_fit_no_detection_are_refused(options):
    with pytest.raises(ModelRefused, match=f"CUSTOM {NAME}"):
        compile_model(model(**options))


def test_several_classes_of_a_detection_need_the_fast_form():
    with pytest.raises(ModelRefused, match="Set max_classes_per_detection to 1"):
        compile_model(model(use_regular_nms=True, max_classes_per_detection=2))
