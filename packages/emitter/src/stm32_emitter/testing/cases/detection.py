# SPDX-License-Identifier: Apache-2.0
"""Cases of TFLite_Detection_PostProcess.

The reference leaves results behind the last box unwritten (fast): they are masked with 0 by the model itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stm32_emitter.testing.tflite_writer import Quant

if TYPE_CHECKING:
    from .draw import Draw

Wiring = tuple[list[int], list[int]]
NAME = "CUSTOM TFLite_Detection_PostProcess"


def detection_postprocess(draw: Draw) -> Wiring:
    """Few and many anchors, with and without background, fast and regular, of float32 and uint8."""
    count, classes, background = draw.integer(1, 40), draw.integer(1, 6), draw.integer(0, 1)
    regular = draw.chance(0.5)
    told = 1 if regular else draw.pick((1, 1, 1, 2, classes + 1))
    limit = draw.integer(1, 12)
    options = {
        "max_detections": limit,
        "max_classes_per_detection": told,
        "num_classes": classes,
        "nms_score_threshold": float(draw.pick((-8.0, 0.0, 0.5, 1.5))),
        "nms_iou_threshold": float(draw.rng.uniform(0.1, 1.0)),
        **dict.fromkeys(("y_scale", "x_scale"), draw.log_uniform(1.0, 20.0)),
        **dict.fromkeys(("h_scale", "w_scale"), draw.log_uniform(4.0, 20.0)),
    }
    if regular:
        options |= {"use_regular_nms": True, "detections_per_class": draw.integer(1, 8)}
    elif draw.chance(0.3):
        options |= {"use_regular_nms": False}
    codes = draw.activation("codes", (1, count, draw.pick((4, 4, 6))), draw.quant(2.0**-6, 2.0**-3))
    scores = draw.activation("scores", (1, count, classes + background), _score_quant(draw))
    outputs = _results(draw, limit * told)
    draw.writer.custom(NAME.split()[1], [codes, scores, _anchors(draw, count)], outputs, options)
    return [codes, scores], [*_masked(draw, outputs, told, classes), outputs[3]]


def _score_quant(draw: Draw) -> Quant | None:
    """A scale that is a power of two, or the zero point 0: else equal bytes are not equal scores in the reference."""
    if not draw.quantized:
        return None
    if draw.chance(0.5):
        return Quant(2.0 ** -draw.integer(3, 8), draw.integer(0, 255))
    return Quant(draw.log_uniform(2.0**-6, 2.0**-3), 0)


def _anchors(draw: Draw, count: int) -> int:
    places = draw.rng.uniform(0.0, 1.0, (count, 2))
    sizes = draw.rng.uniform(0.0 if draw.chance(0.2) else 0.2, 1.0, (count, 2))
    values = np.concatenate([places, sizes], axis=1)
    if not draw.quantized:
        return draw.writer.constant("anchors", values.astype(np.float32))
    return draw.writer.constant("anchors", np.round(values * 128).astype(np.uint8), quant=draw.affine(1 / 128, 0))


def _results(draw: Draw, count: int) -> list[int]:
    shapes = {"boxes": (1, count, 4), "classes": (1, count), "best": (1, count), "number": (1,)}
    return [draw.activation(name, shape, None, "float32") for name, shape in shapes.items()]


def _masked(draw: Draw, outputs: list[int], told: int, classes: int) -> list[int]:
    """Boxes, classes and scores, 0 behind the last box, and behind the last class of each."""
    masked = []
    for output in outputs[:3]:
        spec = draw.writer.tensors[output]
        box, place = np.divmod(np.arange(spec.shape[1]), told)
        numbers = np.where(place < classes, box, spec.shape[1]).astype(np.float32)
        numbers = numbers.reshape((1, -1, *[1] * (len(spec.shape) - 2)))
        filled = draw.activation(f"{spec.name}_filled", numbers.shape, None, "bool")
        ramp = draw.writer.constant(f"{spec.name}_ramp", numbers)
        draw.writer.operator("LESS", [ramp, outputs[3]], [filled], version=1)
        y = draw.activation(f"{spec.name}_masked", spec.shape, None, "float32")
        zero = draw.writer.constant(f"{spec.name}_zero", np.zeros((), np.float32))
        draw.writer.operator("SELECT_V2", [filled, output, zero], [y])
        masked.append(y)
    return masked


GENERATORS = {NAME: detection_postprocess}
