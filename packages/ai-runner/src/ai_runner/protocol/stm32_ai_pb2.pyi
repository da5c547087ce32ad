# SPDX-License-Identifier: Apache-2.0
# mypy: ignore-errors
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CAP_CHECKED: Capability
CAP_FILTERING: Capability
CAP_OBSERVER: Capability
CAP_RANDOM: Capability
CAP_READ_WRITE: Capability
CAP_RELOC: Capability
CAP_SELF_TEST: Capability
CMD_MEMORY_CHECKSUM: Cmd
CMD_MEMORY_READ: Cmd
CMD_MEMORY_WRITE: Cmd
CMD_NETWORK_INFO: Cmd
CMD_NETWORK_RUN: Cmd
CMD_SET_FILTER: Cmd
CMD_SYNC: Cmd
CMD_SYS_INFO: Cmd
CMD_TEST: Cmd
DESCRIPTOR: _descriptor.FileDescriptor
E_GENERIC: Error
E_INVALID_CMD: Error
E_INVALID_FORMAT: Error
E_INVALID_PARAM: Error
E_INVALID_SHAPE: Error
E_INVALID_SIZE: Error
E_INVALID_STATE: Error
E_INVALID_UNINITIALIZED: Error
E_MEM_OVERFLOW: Error
E_NONE: Error
OPERATOR_INTERNAL: OperatorFlag
OPERATOR_LAST: OperatorFlag
OPERATOR_MODEL: OperatorFlag
OPERATOR_WITHOUT_TENSOR: OperatorFlag
RT_ST_AI: Runtime
RT_TFLM: Runtime
RT_TVM: Runtime
RUN_CONST_VALUE: RunParam
RUN_DEBUG: RunParam
RUN_DIRECT_READ: RunParam
RUN_DIRECT_WRITE: RunParam
RUN_IO_ONLY: RunParam
RUN_PERF: RunParam
RUN_PER_LAYER: RunParam
RUN_WITH_DATA: RunParam
SHAPE_BCHW: ShapeFormat
SHAPE_BCWH: ShapeFormat
SHAPE_BHWC: ShapeFormat
SHAPE_RAW: ShapeFormat
SHAPE_ST_AI: ShapeFormat
SHAPE_UNDEFINED: ShapeFormat
S_DONE: State
S_ERROR: State
S_IDLE: State
S_PROCESSING: State
S_WAITING: State
TENSOR_INPUT: TensorFlag
TENSOR_INTERNAL: TensorFlag
TENSOR_IN_MEMPOOL: TensorFlag
TENSOR_LAST: TensorFlag
TENSOR_MEMPOOL: TensorFlag
TENSOR_NO_DATA: TensorFlag
TENSOR_OUTPUT: TensorFlag
TOOLS_AC5: Toolchain
TOOLS_AC6: Toolchain
TOOLS_GCC: Toolchain
TOOLS_IAR: Toolchain

class ackMsg(_message.Message):
    __slots__ = ["error", "param"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    error: int
    param: int
    def __init__(self, param: _Optional[int] = ..., error: _Optional[int] = ...) -> None: ...

class aiDataMsg(_message.Message):
    __slots__ = ["addr", "datas", "size", "type"]
    ADDR_FIELD_NUMBER: _ClassVar[int]
    DATAS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    addr: int
    datas: bytes
    size: int
    type: int
    def __init__(self, type: _Optional[int] = ..., size: _Optional[int] = ..., addr: _Optional[int] = ..., datas: _Optional[bytes] = ...) -> None: ...

class aiModelInfoMsg(_message.Message):
    __slots__ = ["activations", "compile_datetime", "inputs", "n_activations", "n_inputs", "n_macc", "n_nodes", "n_outputs", "n_params", "name", "outputs", "params", "rtid", "runtime_desc", "runtime_version", "signature", "tool_version"]
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    COMPILE_DATETIME_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    N_ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    N_INPUTS_FIELD_NUMBER: _ClassVar[int]
    N_MACC_FIELD_NUMBER: _ClassVar[int]
    N_NODES_FIELD_NUMBER: _ClassVar[int]
    N_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    N_PARAMS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    RTID_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_DESC_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    TOOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    activations: _containers.RepeatedCompositeFieldContainer[aiTensorDescMsg]
    compile_datetime: str
    inputs: _containers.RepeatedCompositeFieldContainer[aiTensorDescMsg]
    n_activations: int
    n_inputs: int
    n_macc: int
    n_nodes: int
    n_outputs: int
    n_params: int
    name: str
    outputs: _containers.RepeatedCompositeFieldContainer[aiTensorDescMsg]
    params: _containers.RepeatedCompositeFieldContainer[aiTensorDescMsg]
    rtid: int
    runtime_desc: str
    runtime_version: int
    signature: str
    tool_version: int
    def __init__(self, name: _Optional[str] = ..., rtid: _Optional[int] = ..., signature: _Optional[str] = ..., compile_datetime: _Optional[str] = ..., runtime_version: _Optional[int] = ..., tool_version: _Optional[int] = ..., n_macc: _Optional[int] = ..., n_nodes: _Optional[int] = ..., n_inputs: _Optional[int] = ..., inputs: _Optional[_Iterable[_Union[aiTensorDescMsg, _Mapping]]] = ..., n_outputs: _Optional[int] = ..., outputs: _Optional[_Iterable[_Union[aiTensorDescMsg, _Mapping]]] = ..., n_activations: _Optional[int] = ..., activations: _Optional[_Iterable[_Union[aiTensorDescMsg, _Mapping]]] = ..., n_params: _Optional[int] = ..., params: _Optional[_Iterable[_Union[aiTensorDescMsg, _Mapping]]] = ..., runtime_desc: _Optional[str] = ...) -> None: ...

class aiOperatorMsg(_message.Message):
    __slots__ = ["counter_type", "counters", "duration", "heap_used", "id", "name", "stack_used", "type"]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    COUNTER_TYPE_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    HEAP_USED_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STACK_USED_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    counter_type: int
    counters: _containers.RepeatedScalarFieldContainer[int]
    duration: float
    heap_used: int
    id: int
    name: str
    stack_used: int
    type: int
    def __init__(self, name: _Optional[str] = ..., type: _Optional[int] = ..., id: _Optional[int] = ..., duration: _Optional[float] = ..., counter_type: _Optional[int] = ..., counters: _Optional[_Iterable[int]] = ..., stack_used: _Optional[int] = ..., heap_used: _Optional[int] = ...) -> None: ...

class aiTensorDescMsg(_message.Message):
    __slots__ = ["addr", "dims", "flags", "format", "n_dims", "name", "scale", "size", "zeropoint"]
    ADDR_FIELD_NUMBER: _ClassVar[int]
    DIMS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    N_DIMS_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ZEROPOINT_FIELD_NUMBER: _ClassVar[int]
    addr: int
    dims: _containers.RepeatedScalarFieldContainer[int]
    flags: int
    format: int
    n_dims: int
    name: str
    scale: float
    size: int
    zeropoint: int
    def __init__(self, name: _Optional[str] = ..., format: _Optional[int] = ..., size: _Optional[int] = ..., n_dims: _Optional[int] = ..., dims: _Optional[_Iterable[int]] = ..., scale: _Optional[float] = ..., zeropoint: _Optional[int] = ..., addr: _Optional[int] = ..., flags: _Optional[int] = ...) -> None: ...

class aiTensorMsg(_message.Message):
    __slots__ = ["data", "desc"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DESC_FIELD_NUMBER: _ClassVar[int]
    data: aiDataMsg
    desc: aiTensorDescMsg
    def __init__(self, desc: _Optional[_Union[aiTensorDescMsg, _Mapping]] = ..., data: _Optional[_Union[aiDataMsg, _Mapping]] = ...) -> None: ...

class logMsg(_message.Message):
    __slots__ = ["level", "str"]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STR_FIELD_NUMBER: _ClassVar[int]
    level: int
    str: str
    def __init__(self, level: _Optional[int] = ..., str: _Optional[str] = ...) -> None: ...

class reqMsg(_message.Message):
    __slots__ = ["cmd", "name", "opt", "param", "reqid"]
    CMD_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPT_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    REQID_FIELD_NUMBER: _ClassVar[int]
    cmd: int
    name: str
    opt: int
    param: int
    reqid: int
    def __init__(self, reqid: _Optional[int] = ..., cmd: _Optional[int] = ..., param: _Optional[int] = ..., name: _Optional[str] = ..., opt: _Optional[int] = ...) -> None: ...

class respMsg(_message.Message):
    __slots__ = ["ack", "data", "log", "minfo", "op", "reqid", "sinfo", "state", "sync", "tensor"]
    ACK_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    MINFO_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    REQID_FIELD_NUMBER: _ClassVar[int]
    SINFO_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    ack: ackMsg
    data: aiDataMsg
    log: logMsg
    minfo: aiModelInfoMsg
    op: aiOperatorMsg
    reqid: int
    sinfo: sysinfoMsg
    state: State
    sync: syncMsg
    tensor: aiTensorMsg
    def __init__(self, reqid: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., sync: _Optional[_Union[syncMsg, _Mapping]] = ..., sinfo: _Optional[_Union[sysinfoMsg, _Mapping]] = ..., ack: _Optional[_Union[ackMsg, _Mapping]] = ..., log: _Optional[_Union[logMsg, _Mapping]] = ..., data: _Optional[_Union[aiDataMsg, _Mapping]] = ..., op: _Optional[_Union[aiOperatorMsg, _Mapping]] = ..., tensor: _Optional[_Union[aiTensorMsg, _Mapping]] = ..., minfo: _Optional[_Union[aiModelInfoMsg, _Mapping]] = ...) -> None: ...

class syncMsg(_message.Message):
    __slots__ = ["capability", "rtid", "version"]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    RTID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    capability: int
    rtid: int
    version: int
    def __init__(self, version: _Optional[int] = ..., capability: _Optional[int] = ..., rtid: _Optional[int] = ...) -> None: ...

class sysinfoMsg(_message.Message):
    __slots__ = ["cache", "devid", "extra", "hclock", "sclock"]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    DEVID_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    HCLOCK_FIELD_NUMBER: _ClassVar[int]
    SCLOCK_FIELD_NUMBER: _ClassVar[int]
    cache: int
    devid: int
    extra: _containers.RepeatedScalarFieldContainer[int]
    hclock: int
    sclock: int
    def __init__(self, devid: _Optional[int] = ..., sclock: _Optional[int] = ..., hclock: _Optional[int] = ..., cache: _Optional[int] = ..., extra: _Optional[_Iterable[int]] = ...) -> None: ...

class Cmd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RunParam(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Error(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Runtime(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Toolchain(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Capability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class TensorFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ShapeFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OperatorFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
