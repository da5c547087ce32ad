# SPDX-License-Identifier: Apache-2.0
"""Builtin options and versions of the operators that ``ModelWriter`` writes.

Source: the TFLite schema (schema.fbs), as generated in the ``tflite`` package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tflite

Option = int | float | bool | str | Sequence[int]

# Operator -> (options table of the schema or "", lowest version that knows int8 tensors).
OPERATORS: Mapping[str, tuple[str, int]] = {
    "ABS": ("AbsOptions", 2),
    "ADD": ("AddOptions", 2),
    "ADD_N": ("AddNOptions", 1),
    "ARG_MAX": ("ArgMaxOptions", 2),
    "ARG_MIN": ("ArgMinOptions", 2),
    "ATAN2": ("ATan2Options", 1),
    "ASSIGN_VARIABLE": ("AssignVariableOptions", 1),
    "AVERAGE_POOL_2D": ("Pool2DOptions", 2),
    "BATCH_MATMUL": ("BatchMatMulOptions", 2),
    "BATCH_TO_SPACE_ND": ("BatchToSpaceNDOptions", 2),
    "BIDIRECTIONAL_SEQUENCE_LSTM": ("BidirectionalSequenceLSTMOptions", 1),
    "BIDIRECTIONAL_SEQUENCE_RNN": ("BidirectionalSequenceRNNOptions", 1),
    "BITCAST": ("BitcastOptions", 1),
    "BITWISE_XOR": ("BitwiseXorOptions", 1),
    "BROADCAST_ARGS": ("", 1),
    "BROADCAST_TO": ("BroadcastToOptions", 2),
    "CALL_ONCE": ("CallOnceOptions", 1),
    "CAST": ("CastOptions", 1),
    "CEIL": ("", 1),
    "CONCATENATION": ("ConcatenationOptions", 2),
    "CONV_3D": ("Conv3DOptions", 1),
    "CONV_3D_TRANSPOSE": ("Conv3DOptions", 1),
    "CONV_2D": ("Conv2DOptions", 3),
    "COS": ("CosOptions", 1),
    "CUMSUM": ("CumsumOptions", 1),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", 3),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", 1),
    "DEQUANTIZE": ("DequantizeOptions", 2),
    "DIV": ("DivOptions", 2),
    "DYNAMIC_UPDATE_SLICE": ("DynamicUpdateSliceOptions", 1),
    "ELU": ("", 1),
    "EMBEDDING_LOOKUP": ("", 3),
    "EQUAL": ("EqualOptions", 2),
    "EXP": ("ExpOptions", 2),
    "EXPAND_DIMS": ("ExpandDimsOptions", 1),
    "FILL": ("FillOptions", 2),
    "FLOOR": ("", 1),
    "FLOOR_DIV": ("FloorDivOptions", 2),
    "FLOOR_MOD": ("FloorModOptions", 1),
    "FULLY_CONNECTED": ("FullyConnectedOptions", 4),
    "GATHER": ("GatherOptions", 2),
    "GATHER_ND": ("GatherNdOptions", 2),
    "GELU": ("GeluOptions", 2),
    "GREATER": ("GreaterOptions", 2),
    "GREATER_EQUAL": ("GreaterEqualOptions", 2),
    "HARD_SWISH": ("HardSwishOptions", 1),
    "IF": ("IfOptions", 1),
    "L2_NORMALIZATION": ("L2NormOptions", 2),
    "L2_POOL_2D": ("Pool2DOptions", 1),
    "LEAKY_RELU": ("LeakyReluOptions", 2),
    "LESS": ("LessOptions", 2),
    "LESS_EQUAL": ("LessEqualOptions", 2),
    "LOCAL_RESPONSE_NORMALIZATION": ("LocalResponseNormalizationOptions", 1),
    "LOG": ("", 2),
    "LOGICAL_AND": ("LogicalAndOptions", 1),
    "LOGICAL_NOT": ("LogicalNotOptions", 1),
    "LOGICAL_OR": ("LogicalOrOptions", 1),
    "LOGISTIC": ("", 2),
    "LOG_SOFTMAX": ("LogSoftmaxOptions", 2),
    "MATRIX_DIAG": ("MatrixDiagOptions", 1),
    "MATRIX_SET_DIAG": ("MatrixSetDiagOptions", 1),
    "MAXIMUM": ("MaximumMinimumOptions", 2),
    "MAX_POOL_2D": ("Pool2DOptions", 2),
    "MEAN": ("ReducerOptions", 2),
    "MINIMUM": ("MaximumMinimumOptions", 2),
    "MIRROR_PAD": ("MirrorPadOptions", 2),
    "MUL": ("MulOptions", 2),
    "NEG": ("NegOptions", 1),
    "NOT_EQUAL": ("NotEqualOptions", 2),
    "ONE_HOT": ("OneHotOptions", 1),
    "PACK": ("PackOptions", 2),
    "PAD": ("PadOptions", 2),
    "PADV2": ("PadV2Options", 2),
    "POW": ("PowOptions", 1),
    "PRELU": ("", 1),
    "QUANTIZE": ("QuantizeOptions", 1),
    "RANGE": ("RangeOptions", 1),
    "READ_VARIABLE": ("ReadVariableOptions", 1),
    "REDUCE_ALL": ("ReducerOptions", 1),
    "REDUCE_ANY": ("ReducerOptions", 1),
    "REDUCE_MAX": ("ReducerOptions", 2),
    "REDUCE_MIN": ("ReducerOptions", 2),
    "REDUCE_PROD": ("ReducerOptions", 2),
    "RELU": ("", 2),
    "RELU6": ("", 2),
    "RELU_0_TO_1": ("", 1),
    "RELU_N1_TO_1": ("", 1),
    "RESHAPE": ("ReshapeOptions", 1),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", 3),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", 3),
    "REVERSE_SEQUENCE": ("ReverseSequenceOptions", 1),
    "RIGHT_SHIFT": ("RightShiftOptions", 1),
    "REVERSE_V2": ("ReverseV2Options", 1),
    "RNN": ("RNNOptions", 1),
    "ROUND": ("", 1),
    "RSQRT": ("", 2),
    "SCATTER_ND": ("ScatterNdOptions", 1),
    "SEGMENT_SUM": ("SegmentSumOptions", 1),
    "SELECT": ("SelectOptions", 2),
    "SELECT_V2": ("SelectV2Options", 1),
    "SIGN": ("SignOptions", 1),
    "SIN": ("", 1),
    "SLICE": ("SliceOptions", 2),
    "SOFTMAX": ("SoftmaxOptions", 2),
    "SPACE_TO_BATCH_ND": ("SpaceToBatchNDOptions", 2),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", 2),
    "SPARSE_TO_DENSE": ("SparseToDenseOptions", 1),
    "SPLIT": ("SplitOptions", 2),
    "SPLIT_V": ("SplitVOptions", 2),
    "SQRT": ("", 1),
    "SQUARE": ("SquareOptions", 1),
    "SQUARED_DIFFERENCE": ("SquaredDifferenceOptions", 2),
    "SQUEEZE": ("SqueezeOptions", 1),
    "STRIDED_SLICE": ("StridedSliceOptions", 2),
    "SUB": ("SubOptions", 2),
    "SUM": ("ReducerOptions", 2),
    "SVDF": ("SVDFOptions", 3),
    "TANH": ("", 2),
    "TILE": ("TileOptions", 1),
    "TOPK_V2": ("TopKV2Options", 2),
    "TRANSPOSE": ("TransposeOptions", 2),
    "TRANSPOSE_CONV": ("TransposeConvOptions", 4),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("UnidirectionalSequenceLSTMOptions", 1),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ("SequenceRNNOptions", 1),
    "UNPACK": ("UnpackOptions", 2),
    "UNSORTED_SEGMENT_MAX": ("UnsortedSegmentMaxOptions", 1),
    "UNSORTED_SEGMENT_MIN": ("UnsortedSegmentMinOptions", 1),
    "UNSORTED_SEGMENT_PROD": ("UnsortedSegmentProdOptions", 1),
    "UNSORTED_SEGMENT_SUM": ("UnsortedSegmentSumOptions", 1),
    "VAR_HANDLE": ("VarHandleOptions", 1),
    "WHERE": ("WhereOptions", 1),
    "WHILE": ("WhileOptions", 1),
    "ZEROS_LIKE": ("ZerosLikeOptions", 1),
}

_ENUMS: Mapping[str, type] = {
    "padding": tflite.Padding,
    "fused_activation_function": tflite.ActivationFunctionType,
}


def builtin_code(op: str) -> int:
    """Number of a builtin operator in the schema.

    Raises:
        ValueError: the schema has no operator of that name.
    """
    code = getattr(tflite.BuiltinOperator, op, None)
    if code is None:
        raise ValueError(f"{op} is not a builtin operator of the TFLite schema")
    return int(code)


def write_options(builder: object, op: str, options: Mapping[str, Option]) -> tuple[int, int]:
    """Write the options table of one operator.

    Args:
        builder: the ``flatbuffers.Builder`` of the model.
        op: operator name, such as ``CONV_2D``.
        options: fields of the schema's table in snake case; ``padding`` and ``fused_activation_function`` also
            by name ("SAME", "RELU6").

    Returns:
        (union type, offset); (0, 0) for an operator without options.

    Raises:
        ValueError: unknown operator, or a field the operator's table does not have.
    """
    if op not in OPERATORS:
        raise ValueError(f"no options are known for {op}; known operators: {', '.join(sorted(OPERATORS))}")
    table = OPERATORS[op][0]
    setters = {name: _setter(op, table, name) for name in options}
    if not table:
        return 0, 0
    values = {name: _encode(builder, table, name, value) for name, value in options.items()}
    getattr(tflite, f"{table}Start")(builder)
    for name, value in values.items():
        getattr(tflite, setters[name])(builder, value)
    return int(getattr(tflite.BuiltinOptions, table)), int(getattr(tflite, f"{table}End")(builder))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _setter(op: str, table: str, name: str) -> str:
    setter = f"{table}Add{_camel(name)}"
    if not table or not hasattr(tflite, setter):
        raise ValueError(f"{op} has no option {name!r}")
    return setter


def _encode(builder: object, table: str, name: str, value: Option) -> int | float:
    if isinstance(value, str):
        return int(getattr(_ENUMS[name], value)) if name in _ENUMS else int(builder.CreateString(value))  # type: ignore[attr-defined]
    if isinstance(value, int | float):
        return value
    getattr(tflite, f"{table}Start{_camel(name)}Vector")(builder, len(value))
    for item in reversed(value):
        builder.PrependInt32(item)  # type: ignore[attr-defined]
    return int(builder.EndVector())  # type: ignore[attr-defined]
