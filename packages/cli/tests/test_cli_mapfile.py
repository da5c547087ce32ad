# SPDX-License-Identifier: Apache-2.0
"""Reading a map file: surviving sections, attribution to model, runtime and libraries."""

from stm32_cli.project import mapfile
from stm32_cli.project.memory import model_sizes

MAP = """\
Discarded input sections

 .text.unused   0x00000000       0x40 CMakeFiles/models.dir/out/kws/kws_lib.c.obj

Linker script and memory map

.text           0x00000000      0x200
 *(.text .text.*)
 .text.kws_conv2d_0_with_a_long_name
                0x00000040       0x64 CMakeFiles/models.dir/out/kws/kws_lib.c.obj
 .text          0x000000a4       0x0a /lib/libc.a(lib_a-memcpy.o)
 .text          0x000000ae       0x14 /lib/libc.a(lib_a-strlen.o)
 .text          0x000000c2       0x06 /lib/libgcc.a(_udivmoddi4.o)
 *fill*         0x000000c8        0x2
 .rodata.kws_network
                0x000000cc        0x8 CMakeFiles/models.dir/out/kws/kws.c.obj
 .text.ai_run   0x000000d4       0x10 libstm32_ai_runtime.a(ai_runtime.c.obj)
 .text.main     0x000000e4       0x80 CMakeFiles/app.dir/SystemPerformance/main.c.obj
 .rodata.empty  0x00000164        0x0 CMakeFiles/models.dir/out/kws/kws.c.obj
.nn_weights_0   0x00000170      0x190
 .nn_weights    0x00000170      0x190 CMakeFiles/models.dir/out/kws/kws_data.c.obj
.nn_data_act_0  0x20000000      0x100
 .kws.nn_data_act
                0x20000000      0x100 CMakeFiles/models.dir/out/kws/kws.c.obj

Cross Reference Table

Symbol                                            File
memcpy                                            /lib/libc.a(lib_a-memcpy.o)
                                                  CMakeFiles/models.dir/out/kws/kws_lib.c.obj
strlen                                            /lib/libc.a(lib_a-strlen.o)
                                                  CMakeFiles/app.dir/SystemPerformance/main.c.obj
__udivmoddi4                                      /lib/libgcc.a(_udivmoddi4.o)
                                                  /lib/libc.a(lib_a-memcpy.o)
a_symbol_whose_name_is_longer_than_the_column_of_the_table
                                                  libstm32_ai_runtime.a(ai_runtime.c.obj)
"""


def test_discarded_and_empty_sections_are_left_out() -> None:
    found = {(part.section, part.size) for part in mapfile.contributions(MAP)}
    assert (".text.unused", 0x40) not in found
    assert (".rodata.empty", 0) not in found
    assert (".text.kws_conv2d_0_with_a_long_name", 0x64) in found
    assert len(found) == 9


def test_library_members_count_only_where_the_model_needs_them() -> None:
    table = mapfile.references(MAP)
    needed = mapfile.pulled_in(table, ["CMakeFiles/models.dir/out/kws/kws_lib.c.obj"])
    assert needed == {"/lib/libc.a(lib_a-memcpy.o)", "/lib/libgcc.a(_udivmoddi4.o)"}


def test_symbol_longer_than_its_column() -> None:
    name = "a_symbol_whose_name_is_longer_than_the_column_of_the_table"
    assert mapfile.references(MAP)[name] == ["libstm32_ai_runtime.a(ai_runtime.c.obj)"]


def test_sizes_of_a_model() -> None:
    sizes = model_sizes(MAP, ["kws"])
    assert (sizes.model_code, sizes.runtime_code, sizes.library_code) == (0x64 + 0x8, 0x10, 0xA + 0x6)
    assert (sizes.constants, sizes.activations) == (0x190, 0x100)
    assert sizes.code == 0x64 + 0x8 + 0x10 + 0xA + 0x6
