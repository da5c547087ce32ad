/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the DLPack tensor description that the API uses, laid out as in dlpack.h; shapes are constant here.
 * An application that also uses dlpack.h includes it before this file: its own declarations are used then. */
#ifndef AI_DLPACK_H
#define AI_DLPACK_H

#ifndef DLPACK_DLPACK_H_
#include <stdint.h>

/* DLDevice.device_type */
enum { kDLCPU = 1 };

/* DLDataType.code */
enum { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBool = 6 };

typedef struct {
    int32_t device_type;
    int32_t device_id;
} DLDevice;

typedef struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} DLDataType;

typedef struct {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    const int64_t *shape;   /* ndim entries; may be NULL for rank 0 */
    const int64_t *strides; /* NULL: compact, row-major */
    uint64_t byte_offset;   /* always 0 */
} DLTensor;
#endif

#endif
