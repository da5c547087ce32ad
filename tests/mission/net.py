# SPDX-License-Identifier: Apache-2.0
"""What the topologies are written in: layers over images, with seeded weights, for any file format.

``Net`` draws the weights and knows the shapes; a subclass writes the layers of one format. Every format gets the same
weights, as one seed gives the same numbers in the same order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

SEED = 2025


@dataclass(frozen=True)
class Image:
    """A tensor of the network: height, width, channels (1 x 1 x channels behind a mean), and the format's own name."""

    height: int
    width: int
    channels: int
    name: object


@dataclass(frozen=True)
class Window:
    """A sliding window: (height, width), stride along both axes, padding SAME or VALID as TensorFlow defines them."""

    size: tuple[int, int]
    stride: int = 1
    padding: str = "SAME"

    def pads(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right)."""
        if self.padding == "VALID":
            return 0, 0, 0, 0
        totals = [
            max((-(-n // self.stride) - 1) * self.stride + k - n, 0)
            for n, k in zip((height, width), self.size, strict=True)
        ]
        return totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2

    def over(self, x: Image) -> tuple[int, int]:
        """Height and width of the result."""
        top, left, bottom, right = self.pads(x.height, x.width)
        return (
            (x.height + top + bottom - self.size[0]) // self.stride + 1,
            (x.width + left + right - self.size[1]) // self.stride + 1,
        )


class Net(ABC):
    """A network under construction.

    Weights are normal with the variance 2 / fan-in, which keeps the size of what goes through layers with rectifiers;
    half of that where no rectifier follows.
    """

    def __init__(self, height: int, width: int, channels: int = 3) -> None:
        self.rng = np.random.default_rng(SEED)
        self.macs = self.parameters = 0
        self.shape = (height, width, channels)

    def draw(self, fan_in: int, *shape: int, rectified: bool = True) -> np.ndarray:
        """Weights, float32."""
        self.parameters += int(np.prod(shape))
        deviation = np.sqrt((2 if rectified else 1) / fan_in)
        return self.rng.normal(0, deviation, shape).astype(np.float32)

    def bias(self, count: int) -> np.ndarray:
        """Biases, float32."""
        self.parameters += count
        return self.rng.normal(0, 0.1, count).astype(np.float32)

    def conv(
        self, x: Image, filters: int, size: int | tuple[int, int] = 1, stride: int = 1, padding: str = "SAME",
        activation: str | None = "relu",
    ) -> Image:  # fmt: skip
        """A convolution with bias and activation: relu, relu6 or None."""
        window = Window((size, size) if isinstance(size, int) else size, stride, padding)
        area = window.size[0] * window.size[1]
        weights = self.draw(area * x.channels, filters, *window.size, x.channels, rectified=activation is not None)
        height, width = window.over(x)
        self.macs += height * width * filters * area * x.channels
        return self.write_conv(x, weights, self.bias(filters), window, activation, depthwise=False)

    def depthwise(self, x: Image, size: int = 3, stride: int = 1, activation: str | None = "relu6") -> Image:
        """A convolution of each channel with itself."""
        window = Window((size, size), stride)
        weights = self.draw(size * size, x.channels, size, size, 1, rectified=activation is not None)
        height, width = window.over(x)
        self.macs += height * width * x.channels * size * size
        return self.write_conv(x, weights, self.bias(x.channels), window, activation, depthwise=True)

    def dense(self, x: Image, count: int) -> Image:
        """A layer that connects all of 1 x 1 x channels, without an activation."""
        weights = self.draw(x.channels, count, x.channels, rectified=False)
        self.macs += count * x.channels
        return self.write_dense(x, weights, self.bias(count))

    def pool(self, x: Image, kind: str, size: int, stride: int, padding: str = "SAME") -> Image:
        """The maximum ("max") or the mean ("average") of each window; padding does not count."""
        return self.write_pool(x, kind, Window((size, size), stride, padding))

    @abstractmethod
    def start(self) -> Image:
        """The input."""

    @abstractmethod
    def write_conv(
        self, x: Image, weights: np.ndarray, bias: np.ndarray, window: Window, activation: str | None, *,
        depthwise: bool,
    ) -> Image:  # fmt: skip
        """Weights are [filters, height, width, channels], or [channels, height, width, 1] if depthwise."""

    @abstractmethod
    def write_dense(self, x: Image, weights: np.ndarray, bias: np.ndarray) -> Image:
        """Weights are [count, channels]."""

    @abstractmethod
    def write_pool(self, x: Image, kind: str, window: Window) -> Image:
        """See ``pool``."""

    @abstractmethod
    def concat(self, parts: list[Image]) -> Image:
        """Along the channels."""

    @abstractmethod
    def add(self, left: Image, right: Image) -> Image:
        """The sum of two images of one shape."""

    @abstractmethod
    def mean(self, x: Image) -> Image:
        """Over height and width."""

    @abstractmethod
    def finish(self, y: Image) -> bytes:
        """The file with the output ``y``."""
