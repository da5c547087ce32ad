# SPDX-License-Identifier: Apache-2.0
"""Memory planning: what kernels touch, how far buffers must be apart for it, where they lie, and whether that holds.

============== =====================================================================================================
footprints.py  the language in which it is said which bytes a call of a function touches, in which order
runtime_*.py   the functions of the runtime in that language: one entry a function
evaluation.py  TIR integer expressions over many loop iterations at once
access.py      a kernel's TIR and its footprints as one trace: who touches which byte when
overlap.py     two traces -> how far a buffer that dies and one that is born must be apart
constraints.py the same for every pair of buffers of a program
plan.py        offsets
order.py       the order of execution that keeps the fewest bytes alive
families.py    schedules that are worth their code
budget.py      working memory that layers may take without raising the peak
check.py       replays a planned program byte by byte, by other means than the above; replay.py is its interpreter
============== =====================================================================================================
"""
