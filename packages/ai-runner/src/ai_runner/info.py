# SPDX-License-Identifier: Apache-2.0
"""Descriptions of models and devices, as dictionaries and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_runner.protocol.messages import DeviceInfo, ModelInfo, SyncInfo, TensorInfo

__all__ = ["format_summary", "model_to_dict", "tensor_to_dict"]


def _dotted(version: Sequence[int]) -> str:
    return ".".join(str(part) for part in version)


def tensor_to_dict(tensor: TensorInfo) -> dict[str, Any]:
    """Return name, shape, dtype (as text), bytes, scale, zero_point."""
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": str(tensor.dtype),
        "bytes": tensor.nbytes,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def model_to_dict(
    model: ModelInfo, device: DeviceInfo | None, sync: SyncInfo | None, *, checked: bool = False
) -> dict[str, Any]:
    """Return what is known about a model; everything in it can be written as JSON.

    Keys: name, signature, compile_datetime, n_nodes, macc, inputs, outputs (see `tensor_to_dict`), activations and
        weights in
    bytes, runtime {name, description, version, tool_version, toolchain}, device {id, core_hz, bus_hz, cache}, protocol
    {version, checked, capability}.
    """
    return {
        "name": model.name,
        "signature": model.signature,
        "compile_datetime": model.compile_datetime,
        "n_nodes": model.n_nodes,
        "macc": model.n_macc,
        "inputs": [tensor_to_dict(tensor) for tensor in model.inputs],
        "outputs": [tensor_to_dict(tensor) for tensor in model.outputs],
        "activations": model.activations_size,
        "weights": model.params_size,
        "runtime": {
            "name": model.runtime,
            "description": model.runtime_desc,
            "version": _dotted(model.runtime_version),
            "tool_version": _dotted(model.tool_version),
            "toolchain": model.toolchain,
        },
        "device": None if device is None else _device_to_dict(device),
        "protocol": None if sync is None else _sync_to_dict(sync, checked=checked),
    }


def _device_to_dict(device: DeviceInfo) -> dict[str, Any]:
    return {"id": device.device_id, "core_hz": device.core_hz, "bus_hz": device.bus_hz, "cache": device.cache}


def _sync_to_dict(sync: SyncInfo, *, checked: bool) -> dict[str, Any]:
    return {"version": _dotted(sync.version), "checked": checked, "capability": sync.capability}


def _tensor_line(kind: str, tensor: dict[str, Any]) -> str:
    text = f"{kind:<13}: {tensor['name']} {tensor['dtype']}{tensor['shape']} {tensor['bytes']:,} B"
    if tensor["scale"]:
        text += f", scale {tensor['scale']:.9g}, zero point {tensor['zero_point']}"
    return text


def format_summary(info: dict[str, Any]) -> str:
    """Return a model's dictionary (see `model_to_dict`) as text."""
    runtime = info["runtime"]
    lines = [
        f"model        : {info['name']}",
        f"signature    : {info['signature'] or 'none'}",
        f"compiled     : {info['compile_datetime'] or 'date not recorded'}",
        *(_tensor_line("input", tensor) for tensor in info["inputs"]),
        *(_tensor_line("output", tensor) for tensor in info["outputs"]),
        f"nodes, MACC  : {info['n_nodes']}, {info['macc']:,}",
        f"activations  : {info['activations']:,} B",
        f"weights      : {info['weights']:,} B",
        f"runtime      : {runtime['name']} {runtime['version']} {runtime['description']} ({runtime['toolchain']})",
    ]
    device, protocol = info["device"], info["protocol"]
    if device is not None:
        lines.append(
            f"device       : id 0x{device['id']:x}, {device['core_hz'] / 1e6:g} MHz, bus {device['bus_hz'] / 1e6:g} MHz"
        )
    if protocol is not None:
        lines.append(f"protocol     : {protocol['version']}, {'checked' if protocol['checked'] else 'compatible'} mode")
    return "\n".join(lines)
