/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that are wrong, or whose own code fails: tiny with one thing changed. */
#ifndef FAULTY_H
#define FAULTY_H

#include "tiny.h"

typedef enum {
    FAULTY_MAJOR_2,
    FAULTY_MAJOR_0,
    FAULTY_MAJOR_10,
    FAULTY_VERSION_EMPTY,
    FAULTY_VERSION_NULL,
    FAULTY_VERSION_SHORT,
    FAULTY_NO_CREATE,
    FAULTY_NO_DESTROY,
    FAULTY_NO_RUN,
    FAULTY_CREATE,
    FAULTY_RUN,
    FAULTY_DESTROY,
    FAULTY_NO_GET_PARAMS
} fault;

/* The descriptor stays valid until the next call. */
const ai_model_info *faulty_model(fault kind);

#endif
