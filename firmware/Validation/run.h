/* SPDX-License-Identifier: Apache-2.0 */
/* The three parts of an inference for the host. Each returns false when the command is over: refused, or link broken.
 */
#ifndef RUN_H
#define RUN_H

#include "describe.h"

/* Takes the inputs straight into the tensors' memory. */
bool run_receive_inputs(session *s, const model_view *view);

/* Runs; sends the nodes if asked for, then the final operator message. */
bool run_inference(session *s, const model_view *view);

/* Sends the outputs straight from the tensors' memory. */
bool run_send_outputs(session *s, const model_view *view);

/* Sends an operator message. type: stm32_ai_OperatorFlag << 24. count: of board_counter(). */
bool run_send_operator(session *s, const char *name, uint32_t type, uint32_t id, uint64_t count, int32_t stack_used);

/* Sends a tensor message. data NULL: described only. */
bool run_send_tensor(session *s, stm32_ai_State state, const ai_tensor *tensor, const char *name, const void *data,
                     uint32_t flags);

/* Runs with an observer that sends each node. *count: their sum; *stack_used: the most of one. False as above. */
bool run_observed(session *s, const model_view *view, uint64_t *count, uint32_t *stack_used);

#endif
