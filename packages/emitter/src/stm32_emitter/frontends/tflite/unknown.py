# SPDX-License-Identifier: Apache-2.0
"""Operators that nobody converts: why, and what helps."""

from __future__ import annotations

from collections.abc import Mapping

from stm32_emitter.errors import ModelRefused
from stm32_emitter.frontends.tflite.custom import CUSTOM
from stm32_emitter.frontends.tflite.reader import Operator

_CONTROL = "its condition depends on data, and a plan of memory and time has no place for what data choose or repeat"
_BRANCHES = (
    "Compute both branches and choose with tf.where, or make the condition a constant when the model is exported."
)
_LOOP = (
    "Export recurrent layers with a fixed number of steps, or with unroll=True: loops that count to a known number "
    "are compiled."
)
_LENGTH = "the length of its result depends on the data"
_TABLE = "it looks texts or keys up in a table that is built when the model starts"
_COMPLEX = "it computes with complex numbers"
_RANDOM = "its result is random, so that nothing could be proven of it"
_FLEX = "it is an operator of TensorFlow, which only a library of TensorFlow can run"
_STABLE = "the converter left an operator of StableHLO in the model"
_BEFORE = "Compute this in front of the model, and make its result an input."
_BEHIND = "End the model in front of this operator, and compute the rest from its outputs."

_KNOWN: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("WHILE", "STABLEHLO_WHILE"), (_CONTROL, _LOOP)),
    **dict.fromkeys(("IF", "STABLEHLO_CASE"), (_CONTROL, _BRANCHES)),
    "UNIQUE": (_LENGTH, _BEHIND),
    **dict.fromkeys(
        ("RANGE", "BROADCAST_ARGS"), (_LENGTH, "Give the model constant shapes, so that it is computed here.")
    ),
    **dict.fromkeys(
        ("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "HASHTABLE_LOOKUP"), (_TABLE, _BEFORE)
    ),
    **dict.fromkeys(("RFFT2D", "COMPLEX_ABS", "REAL", "IMAG"), (_COMPLEX, _BEFORE)),
    **dict.fromkeys(
        ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "STABLEHLO_RNG_BIT_GENERATOR"),
        (_RANDOM, "Take it out of the model, as dropout is taken out for inference."),
    ),
    "FAKE_QUANT": (
        "it imitates quantization for training",
        "Convert the model to int8; the converter then replaces it by real quantization.",
    ),
    "LSTM": ("one step of an LSTM as this operator is outdated", "Export the layer again with a current converter."),
    "DENSIFY": ("its sparse weights are not stored as a plain constant", "Convert the model without sparsity."),
}
"""Operator -> (reason, what helps)."""


def unknown_operator(operator: Operator) -> ModelRefused:
    """The refusal of an operator without converter."""
    kind = operator.kind
    if kind.startswith(f"{CUSTOM}Flex"):
        return ModelRefused(_FLEX, hint="Convert with TFLITE_BUILTINS only; the converter then names what it lacks.")
    if kind.startswith(CUSTOM):
        return ModelRefused(
            "custom operators have no public definition",
            hint="Bring one of your own, see docs/extending.md: stm32 compile --plugin FILE.py",
        )
    if kind not in _KNOWN and kind.startswith("STABLEHLO_"):
        return ModelRefused(_STABLE, hint="Convert to TFLite's builtin operators.")
    reason, hint = _KNOWN.get(kind, ("this operator is not supported", "Replace it in the model."))
    return ModelRefused(reason, hint=hint)
