# SPDX-License-Identifier: Apache-2.0
# Project.elf, Project.map; of images that are flashed also Project.hex, and Project.bin of the memory that holds the code.
set(image_objects $<TARGET_OBJECTS:app> $<TARGET_OBJECTS:models>)
if(APP STREQUAL "valid")
  list(APPEND image_objects $<TARGET_OBJECTS:nanopb>)
endif()
if(TARGET vendor)
  list(APPEND image_objects $<TARGET_OBJECTS:vendor>)
endif()

function(add_image target)
  add_executable(${target} ${image_objects})
  target_link_libraries(${target} PRIVATE ${runtime})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME "${target}.elf" SUFFIX "" LINKER_LANGUAGE C)
  target_link_options(${target} PRIVATE ${STM32_BOARD_CPU_FLAGS} -Wl,--gc-sections "-Wl,-Map=${CMAKE_BINARY_DIR}/${target}.map")
  if(STM32_BOARD_LINKER_SCRIPT)
    target_link_options(${target} PRIVATE -nostartfiles -Wl,--no-warn-rwx-segments
                        "-Wl,-T,${STM32_BOARD_LINKER_SCRIPT}")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${STM32_BOARD_LINKER_SCRIPT}")
  endif()
endfunction()

add_image(Project)
if(STM32_BOARD_LINKER_SCRIPT)
  target_link_options(Project PRIVATE ${STM32_BOARD_LINK_OPTIONS})
  # An image that does not fit, linked all the same: its sections tell need and largest items. It cannot run.
  add_image(Oversize)
  target_link_options(Oversize PRIVATE -Wl,--noinhibit-exec -Wl,--no-check-sections)
  set_target_properties(Oversize PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
if(STM32_BOARD_KIND STREQUAL "hardware")
  get_filename_component(tools "${STM32_BOARD_COMPILER}" DIRECTORY)
  set(bin_sections "")
  foreach(section IN LISTS STM32_BOARD_BIN_SECTIONS)
    list(APPEND bin_sections -j "${section}")
  endforeach()
  add_custom_command(TARGET Project POST_BUILD
    COMMAND "${tools}/arm-none-eabi-objcopy" -O binary ${bin_sections} Project.elf Project.bin
    COMMAND "${tools}/arm-none-eabi-objcopy" -O ihex Project.elf Project.hex
    BYPRODUCTS Project.bin Project.hex WORKING_DIRECTORY "${CMAKE_BINARY_DIR}" VERBATIM)
endif()
