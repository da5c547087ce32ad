# SPDX-License-Identifier: Apache-2.0
"""Published topologies; widths and sizes are parameters, so that a small one of the same layers can be tested often.

Sources: MobileNet v1 arXiv:1704.04861 table 1, MobileNet v2 arXiv:1801.04381 table 2, Inception v3 arXiv:1512.00567
table 1 with the filters of its released model, SqueezeNet 1.1 the release behind arXiv:1602.07360. All end before the
softmax: with weights that were not trained, it gives nearly the same small number for each of 1000 classes.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.mission.net import Image, Net


def _scaled(filters: int, width: float, step: int = 8) -> int:
    """A number of filters times the width multiplier: a multiple of ``step``, at least 90 % of the product."""
    product = filters * width
    rounded = max(step, int(product + step / 2) // step * step)
    return rounded if rounded >= 0.9 * product else rounded + step


def mobilenet_v1(net: Net, width: float = 1.0, classes: int = 1000) -> Image:
    """13 pairs of a depthwise and a pointwise convolution."""
    x = net.conv(net.start(), _scaled(32, width), 3, 2, activation="relu6")
    pairs = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for filters, stride in pairs:
        x = net.depthwise(x, 3, stride)
        x = net.conv(x, _scaled(filters, width), activation="relu6")
    return net.dense(net.mean(x), classes)


def mobilenet_v2(net: Net, width: float = 1.0, classes: int = 1000) -> Image:
    """17 inverted residual blocks."""
    blocks = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    x = net.conv(net.start(), _scaled(32, width), 3, 2, activation="relu6")
    for expansion, filters, count, first in blocks:
        for position in range(count):
            x = _residual(net, x, expansion, _scaled(filters, width), first if position == 0 else 1)
    x = net.conv(x, _scaled(1280, max(width, 1.0)), activation="relu6")
    return net.dense(net.mean(x), classes)


def _residual(net: Net, x: Image, expansion: int, filters: int, stride: int) -> Image:
    y = net.conv(x, x.channels * expansion, activation="relu6") if expansion > 1 else x
    y = net.conv(net.depthwise(y, 3, stride), filters, activation=None)
    return net.add(x, y) if stride == 1 and filters == x.channels else y


def squeezenet(net: Net, width: float = 1.0, classes: int = 1000) -> Image:
    """8 fire modules; the classes are channels of the last convolution."""
    x = net.conv(net.start(), _scaled(64, width), 3, 2, "VALID")
    for squeeze, expand, pooled in (
        (16, 64, True), (16, 64, False), (32, 128, True), (32, 128, False), (48, 192, True), (48, 192, False),
        (64, 256, False), (64, 256, False),
    ):  # fmt: skip
        x = net.pool(x, "max", 3, 2, "VALID") if pooled else x
        x = net.conv(x, _scaled(squeeze, width))
        x = net.concat([net.conv(x, _scaled(expand, width)), net.conv(x, _scaled(expand, width), 3)])
    return net.mean(net.conv(x, classes))


Conv = Callable[..., Image]


def inception_v3(net: Net, width: float = 1.0, classes: int = 1000) -> Image:
    """11 modules of parallel branches behind 5 convolutions, without the auxiliary classifier."""

    def conv(x: Image, filters: int, size: int | tuple[int, int] = 1, stride: int = 1, padding: str = "SAME") -> Image:
        return net.conv(x, _scaled(filters, width, 4), size, stride, padding)

    x = conv(net.start(), 32, 3, 2, "VALID")
    x = conv(conv(x, 32, 3, 1, "VALID"), 64, 3)
    x = conv(conv(net.pool(x, "max", 3, 2, "VALID"), 80), 192, 3, 1, "VALID")
    x = net.pool(x, "max", 3, 2, "VALID")
    for pooled in (32, 64, 64):
        x = _inception_a(net, conv, x, pooled)
    x = _reduction_a(net, conv, x)
    for inner in (128, 160, 160, 192):
        x = _inception_b(net, conv, x, inner)
    x = _reduction_b(net, conv, x)
    for _ in range(2):
        x = _inception_c(net, conv, x)
    return net.dense(net.mean(x), classes)


def _pooled(net: Net, conv: Conv, x: Image, filters: int) -> Image:
    return conv(net.pool(x, "average", 3, 1), filters)


def _inception_a(net: Net, conv: Conv, x: Image, pooled: int) -> Image:
    """Figure 5: windows of 5 x 5, and two of 3 x 3 in place of one."""
    five = conv(conv(x, 48), 64, 5)
    threes = conv(conv(conv(x, 64), 96, 3), 96, 3)
    return net.concat([conv(x, 64), five, threes, _pooled(net, conv, x, pooled)])


def _reduction_a(net: Net, conv: Conv, x: Image) -> Image:
    """Figure 10: half the height and width."""
    three = conv(x, 384, 3, 2, "VALID")
    threes = conv(conv(conv(x, 64), 96, 3), 96, 3, 2, "VALID")
    return net.concat([three, threes, net.pool(x, "max", 3, 2, "VALID")])


def _inception_b(net: Net, conv: Conv, x: Image, inner: int) -> Image:
    """Figure 6: windows of 1 x 7 and 7 x 1."""
    once = conv(conv(conv(x, inner), inner, (1, 7)), 192, (7, 1))
    twice = conv(conv(conv(x, inner), inner, (7, 1)), inner, (1, 7))
    twice = conv(conv(twice, inner, (7, 1)), 192, (1, 7))
    return net.concat([conv(x, 192), once, twice, _pooled(net, conv, x, 192)])


def _reduction_b(net: Net, conv: Conv, x: Image) -> Image:
    """Half the height and width again."""
    three = conv(conv(x, 192), 320, 3, 2, "VALID")
    seven = conv(conv(conv(conv(x, 192), 192, (1, 7)), 192, (7, 1)), 192, 3, 2, "VALID")
    return net.concat([three, seven, net.pool(x, "max", 3, 2, "VALID")])


def _inception_c(net: Net, conv: Conv, x: Image) -> Image:
    """Figure 7: branches that branch again."""
    left = conv(x, 384)
    right = conv(conv(x, 448), 384, 3)
    split = [net.concat([conv(part, 384, (1, 3)), conv(part, 384, (3, 1))]) for part in (left, right)]
    return net.concat([conv(x, 320), *split, _pooled(net, conv, x, 192)])
