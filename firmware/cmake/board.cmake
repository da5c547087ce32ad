# SPDX-License-Identifier: Apache-2.0
# The board's facts come from its descriptor before project() looks for a compiler.
set(BOARD_BUILD_DIR "${CMAKE_BINARY_DIR}/board")
execute_process(
  COMMAND "${PYTHON}" -m stm32_board_support configure --board "${BOARD}" --layout "${LAYOUT}" --output "${BOARD_BUILD_DIR}"
          --weights-order "${WEIGHTS_ORDER}" --x-cube-path "${X_CUBE_PATH}"
  RESULT_VARIABLE board_result ERROR_VARIABLE board_error)
if(NOT board_result EQUAL 0)
  message(FATAL_ERROR "cannot configure board '${BOARD}': ${board_error}")
endif()
include("${BOARD_BUILD_DIR}/board.cmake")
set(CMAKE_C_COMPILER "${STM32_BOARD_COMPILER}")
if(NOT STM32_BOARD_KIND STREQUAL "host")
  set(CMAKE_SYSTEM_NAME Generic)
  set(CMAKE_SYSTEM_PROCESSOR arm)
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
endif()
