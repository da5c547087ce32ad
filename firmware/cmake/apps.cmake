# SPDX-License-Identifier: Apache-2.0
file(GLOB core_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/core/*.c")
file(GLOB app_sources CONFIGURE_DEPENDS "${app_dir}/*.c")
if(APP STREQUAL "valid")
  file(GLOB protocol_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/protocol/*.c")
  list(APPEND app_sources ${protocol_sources})
endif()

add_library(app OBJECT ${core_sources} ${app_sources} ${STM32_BOARD_SOURCES})
target_include_directories(app PRIVATE core "${BOARD_BUILD_DIR}" ${STM32_BOARD_INCLUDE_DIRS})
target_include_directories(app SYSTEM PRIVATE ${STM32_BOARD_VENDOR_INCLUDE_DIRS})
target_compile_options(app PRIVATE ${APP_OPT} ${STRICT_FLAGS})
target_compile_definitions(app PRIVATE PERF_RUNS=${RUNS}u PERF_SEED=${SEED}u PERF_BATCH=$<BOOL:${batch}>)
target_link_libraries(app PRIVATE ${runtime})

if(STM32_BOARD_VENDOR_SOURCES) # the HAL of a Cube package is not ours: our warnings do not apply
  add_library(vendor OBJECT ${STM32_BOARD_VENDOR_SOURCES})
  target_include_directories(vendor SYSTEM PRIVATE "${BOARD_BUILD_DIR}" ${STM32_BOARD_INCLUDE_DIRS} ${STM32_BOARD_VENDOR_INCLUDE_DIRS})
  target_compile_options(vendor PRIVATE ${APP_OPT} -w)
  set_target_properties(vendor PROPERTIES C_EXTENSIONS ON)
endif()

if(APP STREQUAL "valid")
  set(generated "${CMAKE_CURRENT_SOURCE_DIR}/protocol/generated")
  # nanopb and the code it generates are not ours: our warnings do not apply.
  add_library(nanopb OBJECT "${NANOPB_DIR}/pb_common.c" "${NANOPB_DIR}/pb_encode.c" "${NANOPB_DIR}/pb_decode.c"
              "${generated}/stm32_ai.pb.c")
  target_include_directories(nanopb SYSTEM PUBLIC "${NANOPB_DIR}" "${generated}")
  target_compile_options(nanopb PRIVATE ${APP_OPT} -w)
  target_compile_definitions(nanopb PUBLIC PB_NO_ERRMSG)
  target_include_directories(app PRIVATE protocol)
  target_link_libraries(app PRIVATE nanopb)
endif()
