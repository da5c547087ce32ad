# SPDX-License-Identifier: Apache-2.0
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
add_compile_options(${STM32_BOARD_CPU_FLAGS} -g -ffunction-sections -fdata-sections -fno-common)
# Paths of this computer stay out of the image.
add_compile_options("-ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}=firmware" "-ffile-prefix-map=${CMAKE_BINARY_DIR}=build")
add_compile_definitions(${STM32_BOARD_DEFINES})
set(STRICT_FLAGS -Wall -Wextra -Werror -pedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wcast-align -Wundef
    -Wdouble-promotion -Wvla -Wstrict-prototypes -Wmissing-prototypes)
# What the stack bound of ai_run is computed from.
set(MODEL_FLAGS ${MODEL_OPT} -fstack-usage)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND MODEL_FLAGS -fcallgraph-info=su,da -fno-tree-loop-distribute-patterns)
endif()
