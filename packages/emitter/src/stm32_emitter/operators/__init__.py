# SPDX-License-Identifier: Apache-2.0
"""The operators, one file each; the order is the order in which they are tried."""

from __future__ import annotations

from stm32_emitter.operators.activation_float import EluFloat, HardSwishFloat, LogisticFloat, TanhFloat
from stm32_emitter.operators.add import Add, Sub
from stm32_emitter.operators.arg_max import ArgMax, ArgMin
from stm32_emitter.operators.arithmetic_float import AddFloat, MulFloat, SubFloat
from stm32_emitter.operators.average_pool_2d import AveragePool2D
from stm32_emitter.operators.base import OperatorDefinition
from stm32_emitter.operators.batch_matmul import BatchMatmul
from stm32_emitter.operators.batch_matmul_float import BatchMatmulFloat
from stm32_emitter.operators.batch_matmul_hybrid import BatchMatmulHybrid
from stm32_emitter.operators.bitcast import Bitcast
from stm32_emitter.operators.cast import Cast
from stm32_emitter.operators.comparison import Comparison
from stm32_emitter.operators.concatenation import Concatenation
from stm32_emitter.operators.conv_2d import Conv2D
from stm32_emitter.operators.conv_2d_float import Conv2DFloat
from stm32_emitter.operators.conv_2d_hybrid import Conv2DHybrid
from stm32_emitter.operators.copy import Copy
from stm32_emitter.operators.cumsum import Cumsum
from stm32_emitter.operators.depthwise_conv_2d import DepthwiseConv2D
from stm32_emitter.operators.depthwise_conv_2d_float import DepthwiseConv2DFloat
from stm32_emitter.operators.depthwise_conv_2d_hybrid import DepthwiseConv2DHybrid
from stm32_emitter.operators.detection_postprocess import DetectionPostprocess
from stm32_emitter.operators.div import Div, DivFloat
from stm32_emitter.operators.dynamic_update_slice import DynamicUpdateSlice
from stm32_emitter.operators.fully_connected import FullyConnected
from stm32_emitter.operators.fully_connected_float import FullyConnectedFloat
from stm32_emitter.operators.fully_connected_hybrid import FullyConnectedHybrid
from stm32_emitter.operators.gather import Gather, GatherNd
from stm32_emitter.operators.hard_swish import HardSwish
from stm32_emitter.operators.hybrid import QuantizeRows
from stm32_emitter.operators.l2_normalization import L2Normalization
from stm32_emitter.operators.local_response import LocalResponseNormalization
from stm32_emitter.operators.logistic import Logistic, Tanh
from stm32_emitter.operators.lstm import Lstm
from stm32_emitter.operators.lstm_general import LstmGeneral
from stm32_emitter.operators.lstm_hybrid import LstmHybrid
from stm32_emitter.operators.max_pool_2d import MaxPool2D
from stm32_emitter.operators.mean import Mean, Sum
from stm32_emitter.operators.mean_float import MeanFloat
from stm32_emitter.operators.mul import Mul
from stm32_emitter.operators.pad import Pad
from stm32_emitter.operators.pool_2d_float import AveragePool2DFloat, MaxPool2DFloat
from stm32_emitter.operators.prelu import Prelu, PreluFloat
from stm32_emitter.operators.quantize import Dequantize, Quantize, Requantize
from stm32_emitter.operators.reduce_prod import ReduceProd
from stm32_emitter.operators.registry import OperatorRegistry
from stm32_emitter.operators.relu import LeakyRelu, Relu, Relu0To1, Relu6, ReluN1To1
from stm32_emitter.operators.requantize_32 import Requantize32
from stm32_emitter.operators.resize_bilinear import ResizeBilinear
from stm32_emitter.operators.resize_nearest_neighbor import ResizeNearestNeighbor
from stm32_emitter.operators.reverse_sequence import ReverseSequence
from stm32_emitter.operators.rnn import Rnn
from stm32_emitter.operators.rnn_hybrid import RnnHybrid
from stm32_emitter.operators.scatter import Scatter
from stm32_emitter.operators.softmax import LogSoftmax, Softmax
from stm32_emitter.operators.softmax_float import LogSoftmaxFloat, SoftmaxFloat
from stm32_emitter.operators.softmax_wide import SoftmaxWide
from stm32_emitter.operators.squared_difference import SquaredDifference, SquaredDifferenceFloat
from stm32_emitter.operators.strided_slice import StridedSlice
from stm32_emitter.operators.svdf import Svdf, SvdfState
from stm32_emitter.operators.top_k import TopK
from stm32_emitter.operators.transpose import Transpose
from stm32_emitter.operators.transpose_conv import TransposeConv
from stm32_emitter.operators.transpose_conv_float import TransposeConvFloat
from stm32_emitter.operators.transpose_conv_hybrid import TransposeConvHybrid
from stm32_emitter.operators.unary_table import Abs, Elu, Exp, Gelu, GeluTanh, Log, Neg, Rsqrt, Sqrt
from stm32_emitter.operators.volume import Conv3D

OPERATORS: tuple[OperatorDefinition, ...] = (
    DepthwiseConv2D(),
    Conv2D(),
    TransposeConv(),
    FullyConnected(),
    BatchMatmul(),
    Copy(),
    AveragePool2D(),
    Concatenation(),
    MaxPool2D(),
    Mean(),
    Sum(),
    ReduceProd(),
    ArgMax(),
    ArgMin(),
    Cast(),
    Cumsum(),
    Gather(),
    GatherNd(),
    DynamicUpdateSlice(),
    DetectionPostprocess(),
    TopK(),
    Bitcast(),
    Conv3D(),
    LocalResponseNormalization(),
    ReverseSequence(),
    Scatter(),
    L2Normalization(),
    Pad(),
    ResizeBilinear(),
    ResizeNearestNeighbor(),
    StridedSlice(),
    Transpose(),
    Prelu(),
    Elu(),
    Add(),
    Sub(),
    Mul(),
    Comparison(),
    Div(),
    SquaredDifference(),
    Relu(),
    Relu6(),
    ReluN1To1(),
    Relu0To1(),
    LeakyRelu(),
    HardSwish(),
    Logistic(),
    Tanh(),
    Softmax(),
    LogSoftmax(),
    Abs(),
    Exp(),
    Gelu(),
    GeluTanh(),
    Log(),
    Neg(),
    Rsqrt(),
    Sqrt(),
    DepthwiseConv2DFloat(),
    Conv2DFloat(),
    TransposeConvFloat(),
    FullyConnectedFloat(),
    QuantizeRows(),
    BatchMatmulHybrid(),
    TransposeConvHybrid(),
    Conv2DHybrid(),
    DepthwiseConv2DHybrid(),
    FullyConnectedHybrid(),
    BatchMatmulFloat(),
    AveragePool2DFloat(),
    MaxPool2DFloat(),
    MeanFloat(),
    HardSwishFloat(),
    LogisticFloat(),
    TanhFloat(),
    EluFloat(),
    PreluFloat(),
    AddFloat(),
    SubFloat(),
    MulFloat(),
    DivFloat(),
    SquaredDifferenceFloat(),
    SoftmaxFloat(),
    LogSoftmaxFloat(),
    SoftmaxWide(),
    Requantize32(),
    Lstm(),
    Rnn(),
    RnnHybrid(),
    LstmGeneral(),
    LstmHybrid(),
    Svdf(),
    SvdfState(),
    Requantize(),
    Quantize(),
    Dequantize(),
)
"""Every operator of this package that can be recognised."""

REGISTRY = OperatorRegistry(OPERATORS)
"""The same, and those that were registered from outside (:mod:`stm32_emitter.extension`)."""

BY_KIND = REGISTRY.by_kind
"""All of them by kind."""
