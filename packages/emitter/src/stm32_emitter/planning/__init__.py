# SPDX-License-Identifier: Apache-2.0
"""Memory planning: what kernels touch, how far buffers must be apart for it, where they lie, and whether that holds.

============== =====================================================================================================
footprints.py  which bytes a call of each function of the runtime touches, in which order: one entry a function
footprints_float.py  the entries of the float32 functions
evaluation.py  TIR integer expressions over many loop iterations at once
access.py      a kernel's TIR and its footprints as one trace: who touches which byte when
overlap.py     two traces -> how far a buffer that dies and one that is born must be apart
constraints.py the same for every pair of buffers of a program
plan.py        offsets
check.py       replays a planned program byte by byte, by other means than the above
============== =====================================================================================================
"""

from stm32_emitter.planning import footprints_float as footprints_float  # its entries register themselves
