# SPDX-License-Identifier: Apache-2.0
"""TFLite_Detection_PostProcess, the custom operator at the end of SSD models; options are read from a flexbuffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tvm import relax

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.converters.common import rank, scale_of
from stm32_emitter.frontends.tflite.custom import CUSTOM, custom_map
from stm32_emitter.frontends.tflite.support import Limit, Support, takes
from stm32_emitter.operators.base import Attribute, Fused, constant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stm32_emitter.frontends.tflite.importer import Converter
    from stm32_emitter.frontends.tflite.reader import Operator

NAME = f"{CUSTOM}TFLite_Detection_PostProcess"
RESULTS = Limit("it has 4 outputs of float32: boxes, classes, scores and their number")
DEFAULT_PER_CLASS = 100
"""detections_per_class where the options do not say it."""


def convert_detection_postprocess(c: Converter, op: Operator) -> list[relax.Expr]:
    """codes [1,N,4 or more], scores [1,N,C or C + 1], anchors [N,4] -> boxes, classes, scores, number of boxes."""
    options = _options(op)
    anchors = _anchors(op)
    _check_shapes(op, anchors, options["classes"])
    RESULTS.require(len(op.outputs) == 4, f"it has {len(op.outputs)} outputs")
    count = options["limit"] * (1 if options["per_class"] else options["told"])
    shapes = ((1, count, 4), (1, count), (1, count), (1,))
    operands = (*(c.bb.emit(c.real(op.input(i))) for i in range(2)), constant(anchors))
    others = tuple((shape, "float32") for shape in shapes[1:])
    call = c.bb.emit(Fused("DETECTION_POSTPROCESS", operands, shapes[0], "float32", options, others).call())
    return [relax.TupleGetItem(call, i) for i in range(4)]


def _options(op: Operator) -> dict[str, Any]:
    """Attributes of the fused operator (``operators/detection_postprocess.py``)."""
    given = custom_map(op)
    regular = bool(given.get("use_regular_nms", False))
    whole = {
        "limit": int(given.get("max_detections", 0)),
        "told": int(given.get("max_classes_per_detection", 0)),
        "per_class": int(given.get("detections_per_class", DEFAULT_PER_CLASS)) if regular else 0,
        "classes": int(given.get("num_classes", 0)),
    }
    wanted = [name for name in whole if name != "per_class" or regular]
    low = [name for name in wanted if whole[name] < 1]
    overlap = float(given.get("nms_iou_threshold", 0.0))
    divisors = [float(given.get(f"{name}_scale", 0.0)) for name in "yxhw"]
    if low or not 0 < overlap <= 1 or not all(divisors):
        raise ModelRefused(
            f"its options {dict(given)} are not those of a detection: counts from 1 on, 0 < nms_iou_threshold <= 1, "
            "scales other than 0",
            hint="Export the model again with the options of tflite's post-processing.",
        )
    if regular and whole["told"] != 1:
        raise ModelRefused(
            "the reference leaves most of its outputs undefined with use_regular_nms and several classes a detection",
            hint="Set max_classes_per_detection to 1.",
        )
    whole["per_class"] = min(whole["per_class"], whole["limit"])
    attributes: dict[str, Attribute] = {**whole, "least": float(given.get("nms_score_threshold", 0.0))}
    return {**attributes, "overlap": overlap, "divisors": divisors}


def _anchors(op: Operator) -> NDArray[np.float32]:
    """y, x, h, w of each anchor; of uint8 dequantized."""
    tensor, values = op.input(2), op.constant(2)
    if tensor.dtype == "float32":
        return values.astype(np.float32)
    scale, zero_point = scale_of(tensor)
    return np.asarray((values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale), np.float32)


def _check_shapes(op: Operator, anchors: NDArray[np.float32], classes: int) -> None:
    codes, scores = op.input(0), op.input(1)
    rank(codes.name, codes.shape, 3)
    rank(scores.name, scores.shape, 3)
    found = (codes.shape[:2], scores.shape[:2], anchors.shape)
    count = codes.shape[1]
    if found != ((1, count), (1, count), (count, 4)) or codes.shape[2] < 4:
        raise ModelRefused(
            f"its codes {list(codes.shape)}, scores {list(scores.shape)} and anchors {list(anchors.shape)} do not fit "
            "each other, or are of more than one image"
        )
    if scores.shape[2] - classes not in (0, 1):
        raise ModelRefused(f"{scores.shape[2]} scores of an anchor do not fit {classes} classes and a background")
    for tensor in (codes, scores):
        if tensor.dtype not in ("float32", "uint8") or (tensor.dtype == "uint8" and tensor.quantization is None):
            raise ModelRefused(f"its input '{tensor.name}' is {tensor.dtype}; the reference takes float32 and uint8")


CONVERTERS = {NAME: convert_detection_postprocess}

SUPPORT: dict[str, Support] = {
    NAME: takes(
        "float32",
        "uint8",
        limits=(RESULTS,),
        constants={2: "anchors"},
        note="inputs of int8 behind DEQUANTIZE are read as they are",
    ),
}
