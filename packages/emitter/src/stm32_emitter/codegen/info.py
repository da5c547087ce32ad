# SPDX-License-Identifier: Apache-2.0
"""``<m>.json``: the model as data (schema: ``schema/model.schema.json`` in this package), and its signature."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from typing import Any

import numpy as np

from stm32_emitter.codegen.model import Model
from stm32_emitter.program import Argument, IOTensor, NodeOutput, TensorInfo

SCHEMA = 1


def plan_record(model: Model) -> dict[str, Any]:
    """Everything that does not depend on when or by which version the model was emitted."""
    program = model.program
    return {
        "name": model.name,
        "target": model.options.target,
        "options": asdict(model.options),
        "macs": program.macs,
        "planned_bytes": model.plan.bytes,
        "context_bytes": model.context_bytes,
        "params_size": program.params_size,
        "inputs": [_io(model, entry) for entry in program.inputs],
        "outputs": [_io(model, entry) for entry in program.outputs],
        "tensors": [_tensor_record(model, i) for i in range(len(program.buffers))],
        "constants": [
            {"name": model.constant_name(i), "dtype": str(c.value.dtype), "elements": int(c.value.size),
             "bytes": int(c.value.nbytes)}
            for i, c in enumerate(program.constants)
        ],
        "nodes": [_node(model, i) for i in range(len(program.nodes))],
        "states": [
            _described(s.tensor) | {"offset": model.offset(s.buffer), "buffer": s.buffer, "initial": s.initial.hex()}
            for s in program.states
        ],
        "folded": [{"index": s.index, "kind": s.kind, "output": s.output} for s in program.folded],
    }  # fmt: skip


def signature_of(model: Model) -> int:
    """CRC-32 of the constants, the plan and C from outside: tells this compiled model from any other."""
    crc = zlib.crc32(json.dumps(plan_record(model), sort_keys=True).encode())
    for constant in model.program.constants:
        crc = zlib.crc32(np.ascontiguousarray(constant.value).tobytes(), crc)
    for kernel in model.program.kernels:
        if kernel.external is not None:
            crc = zlib.crc32(kernel.external.text.encode(), crc)
    return crc


def info_record(model: Model, signature: int) -> dict[str, Any]:
    """The content of ``<m>.json``."""
    head = {"schema": SCHEMA, "tool_version": model.tool_version, "signature": signature}
    return head | plan_record(model)


def _io(model: Model, entry: IOTensor) -> dict[str, Any]:
    return _described(entry.tensor) | {"offset": model.offset(entry.buffer), "buffer": entry.buffer}


def _described(tensor: TensorInfo) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "scale": list(tensor.scale),
        "zero_point": list(tensor.zero_point),
        "bytes": tensor.bytes,
    }


def _tensor_record(model: Model, number: int) -> dict[str, Any]:
    buffer = model.program.buffers[number]
    record: dict[str, Any] = {
        "label": buffer.label,
        "offset": model.offset(number),
        "bytes": buffer.bytes,
        "first_node": buffer.first,
        "last_node": buffer.last,
    }
    for node in model.program.nodes:
        for output in node.outputs:
            if output.buffer == number:
                return record | _described(output.tensor) | _removed(output) | {"bytes": buffer.bytes}
    return record


def _removed(output: NodeOutput) -> dict[str, Any]:
    """The channels that are not in the buffer, if any; whether it holds int8 for uint8."""
    inverted = {"inverted": True} if output.inverted else {}
    if output.removed is None:
        return inverted
    return inverted | {"removed": {"channels": list(output.removed.removed), "values": list(output.removed.values)}}


def _node(model: Model, number: int) -> dict[str, Any]:
    node = model.program.nodes[number]
    kernel = model.program.kernels[node.kernel]
    written = model.program.written[node.kernel]

    def names(wanted: bool) -> list[Any]:
        return [
            _argument(model, argument)
            for position, argument in enumerate(node.arguments)
            if (position in written) is wanted
        ]

    return {
        "name": node.name,
        "kernel": model.kernel_name(node.kernel),
        "source_ops": list(node.source_ops),
        "inputs": names(wanted=False),
        "outputs": names(wanted=True),
        "macs": kernel.macs,
        "schedule": asdict(kernel.schedule),
        "layer": node.layer,
        "offered": list(node.offered),
    }


def _argument(model: Model, argument: Argument) -> Any:
    """A buffer's number or a constant's name."""
    return model.constant_name(argument.index) if argument.is_constant else argument.index
