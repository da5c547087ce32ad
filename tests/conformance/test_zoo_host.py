# SPDX-License-Identifier: Apache-2.0
"""The models of the zoo on the host: integer outputs byte for byte, float outputs within tolerance."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from stm32_emitter import compile_model

from tests.conformance.batch import Stored, run_batch
from tests.conformance.toolchain import MACHINES

INT8 = (
    "mlperf_tiny_ad01_int8", "mlperf_tiny_kws_ref_int8", "mlperf_tiny_resnet_int8", "mlperf_tiny_strww_int8",
    "mlperf_tiny_vww_int8", "emlearn_mnist_cnn_int8", "tinyengine_mnist_lenet300_int8", "mltk_audio_example1_int8",
    "mltk_image_example1_int8", "mltk_magic_wand_int8", "mltk_autoencoder_ecg_int8", "mltk_kws_mobilenetv2_int8",
    "tflm_hello_world_int8", "tflm_simple_add_int8", "tflm_test_conv_model_int8", "tflm_micro_speech_int8",
    "tflm_person_detect_int8", "efinix_yolo_person_detect_int8", "efinix_mediapipe_face_detection_int8",
    "infineon_squeezenet11_384_int8", "st_yamnet256_esc10_int8", "tflm_rf_ssd_120x160_int8",
)  # fmt: skip
STREAMING = (
    "microwakeword_vad_stream", "microwakeword_hey_jarvis_v2_stream", "tflm_mnist_lstm_int8", "tflm_mnist_lstm_float",
    "tflm_keyword_scrambled_svdf_int16x8",
)  # fmt: skip
SINGLE = (
    "op_seanet_add0_int16", "op_seanet_conv0_int16", "op_seanet_leaky_relu0_int16", "op_seanet_pad0_int16",
    "op_seanet_quantize0_int16", "op_seanet_strided_slice0_int16", "op_t2o_add_broadcast_f32",
    "op_t2o_avgpool_concat_f32",
    "op_t2o_concat5d_f32", "op_t2o_conv_dilation_f32", "op_t2o_conv_fp16w", "op_t2o_fc_f32", "op_t2o_maxpool_f32",
    "op_t2o_mean_keepdims_f32", "op_t2o_mul_f32", "op_t2o_padding_f32", "op_t2o_resize_nearest_f32",
    "op_t2o_sigmoid_f32", "op_t2o_split_f32", "op_t2o_stridedslice_f32", "op_t2o_transpose_f32",
    "op_t2o_transposeconv_same_f32",
)  # fmt: skip
"""Models of one operator or a few."""
UINT8 = ("coral_mobilenet_v1_0.25_128_uint8", "op_t2o_conv_uint8", "op_t2o_depthwise_uint8")
HYBRID = ("mlperf_tiny_ad01_dynrange", "mlperf_tiny_kws_ref_float_hybrid")
"""Weights of int8, activations of float32."""
FLOAT = ("tflm_hello_world_float", "emlearn_mnist_cnn_float", "mlperf_tiny_resnet_float", "iris_float", "xor_float")

ONNX = (
    "onnx_andes_resnet8_float", "onnx_light_squeezenet", "onnx_mnist12", "onnx_st_mobilenet_v2_0.5_128",
    "onnx_tract_qrelu",
)  # fmt: skip


def stored(zoo: Path, name: str, suffix: str = "tflite") -> Stored:
    """A model of the zoo with its samples; in0, in1, ... have one sample per entry of their first axis."""
    with np.load(zoo / "data" / f"{name}.npz") as data:
        arrays = {key: data[key] for key in data.files}
    inputs = [arrays[f"in{i}"] for i in range(sum(key.startswith("in") for key in arrays))]
    outputs = [arrays[f"out{i}"] for i in range(sum(re.fullmatch(r"out\d+", key) is not None for key in arrays))]
    samples = range(len(inputs[0]))
    return Stored(
        re.sub(r"\W", "_", name),
        (zoo / "models" / f"{name}.{suffix}").read_bytes(),
        tuple(tuple(array[i] for array in inputs) for i in samples),
        tuple(tuple(array[i] for array in outputs) for i in samples),
    )


@pytest.mark.zoo
@pytest.mark.parametrize("name", [*INT8, *STREAMING, *SINGLE, *UINT8, *HYBRID, *FLOAT])
def test_zoo_model_equals_the_stored_outputs(name, zoo, tmp_path):
    (outcome,) = run_batch([stored(zoo, name)], MACHINES["host"], tmp_path)
    assert outcome.status == "equal", outcome.detail
    assert outcome.compared > 0


@pytest.mark.zoo
@pytest.mark.parametrize("name", ONNX)
def test_onnx_model_equals_the_stored_outputs(name, zoo, tmp_path):
    (outcome,) = run_batch([stored(zoo, name, "onnx")], MACHINES["host"], tmp_path)
    assert outcome.status == "equal", outcome.detail
    assert outcome.compared > 0


FOLDED = ("mlperf_tiny_vww_int8", "tflm_person_detect_int8", "tflm_hello_world_int8")
"""Those with constant channels, of which the default leaves something out."""


@pytest.mark.zoo
@pytest.mark.parametrize("name", FOLDED)
def test_constant_channels_that_are_not_folded_give_the_same(name, zoo, tmp_path):
    model = stored(zoo, name)
    (outcome,) = run_batch([model], MACHINES["host"], tmp_path, options={"constant_channels": False})
    assert outcome.status == "equal", outcome.detail
    assert compile_model(model.model).macs < compile_model(model.model, constant_channels=False).macs


@pytest.mark.zoo
def test_what_the_constant_channels_of_vww_save(zoo):
    path = zoo / "models" / "mlperf_tiny_vww_int8.tflite"
    on, off = compile_model(path), compile_model(path, constant_channels=False)
    assert (off.macs, on.macs) == (7_489_664, 3_727_313)
    assert on.params_size < off.params_size / 5
