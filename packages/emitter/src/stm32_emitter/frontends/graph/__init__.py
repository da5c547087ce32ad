# SPDX-License-Identifier: Apache-2.0
"""What the frontends of channels-first models share: graphs in ONNX's terms -> Relax, channels last."""
