/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that emitted kernels call. */
#ifndef AI_KERNELS_H
#define AI_KERNELS_H

#include "ai_k_activation_f32.h"
#include "ai_k_add.h"
#include "ai_k_arith.h"
#include "ai_k_conv.h"
#include "ai_k_conv_d8.h"
#include "ai_k_conv_f32.h"
#include "ai_k_conv_winograd.h"
#include "ai_k_dense.h"
#include "ai_k_dense_d8.h"
#include "ai_k_dense_f32.h"
#include "ai_k_depthwise.h"
#include "ai_k_depthwise_f32.h"
#include "ai_k_detections.h"
#include "ai_k_lstm.h"
#include "ai_k_elementwise.h"
#include "ai_k_hybrid.h"
#include "ai_k_recurrent_hybrid.h"
#include "ai_k_reference_f32.h"
#include "ai_k_matmul.h"
#include "ai_k_mul.h"
#include "ai_k_norm.h"
#include "ai_k_plain.h"
#include "ai_k_pool.h"
#include "ai_k_pool_f32.h"
#include "ai_k_quantize.h"
#include "ai_k_s16.h"
#include "ai_k_softmax.h"
#include "ai_k_softmax_f32.h"
#include "ai_k_svdf.h"
#include "ai_k_table.h"

#endif
