# SPDX-License-Identifier: Apache-2.0
"""Working memory that lifetimes leave free, on a graph whose peak can be counted by hand."""

import tvm
from stm32_emitter.passes.slack import working_memory
from tvm.script import ir as I  # noqa: N812 - as TVM spells it
from tvm.script import relax as R  # noqa: N812


@I.ir_module
class Branches:
    @R.function
    def main(x: R.Tensor((4000,), "int8")):  # noqa: N805
        with R.dataflow():
            a = R.nn.relu(x)
            b = R.reshape(a, (2, 2000))
            c = R.reshape(b, (4000,))
            d = R.add(x, c)
            e = R.strided_slice(d, axes=[0], begin=[0], end=[100])
            f = R.nn.relu(e)
            R.output(f)
        return f


def test_what_lives_beside_an_operator_is_counted_once():
    assert isinstance(Branches, tvm.IRModule)
    free = working_memory(Branches)
    peak, always = 12000, 1024
    assert free["a"] == peak - 8000 + always
    assert free["d"] == always
    assert free["e"] == peak - 4100 + always
    assert free["f"] == peak - 200 + always
