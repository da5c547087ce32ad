# SPDX-License-Identifier: Apache-2.0
# CMake package of the C runtime.
#
# Targets (static libraries, built only where something links them):
#   stm32_ai::runtime           the runtime and the kernel library
#   stm32_ai::runtime_observer  the same with AI_OBSERVER: ai_run reports each node
# Compile with AI_K_SMALL=1 and -Os for the least code (stm32 build does for models compiled with --optimize size).
# Function:
#   stm32_ai_add_models(<target> [OBSERVER] <folder of an emitted model>...)
#       Compiles emitted models into <target> and links the runtime. A folder has the name of its model.
#       Where CMAKE_SYSTEM_NAME is not Generic there is no linker script that collects the models: their table is made here.
include_guard(GLOBAL)

set(STM32_AI_RUNTIME_TEMPLATE "${CMAKE_CURRENT_LIST_DIR}/ai_host_models.c.in" CACHE INTERNAL "")
get_filename_component(_stm32_ai_c "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

function(_stm32_ai_runtime target)
  file(GLOB sources CONFIGURE_DEPENDS "${_stm32_ai_c}/src/*.c")
  # Creation, checks and queries, and kernels that no model spends its time in or whose inner loops are assembly.
  set(small ai_runtime ai_iterator ai_k_softmax ai_k_pool ai_k_dense ai_k_depthwise)
  list(TRANSFORM small REPLACE "(.+)" "${_stm32_ai_c}/src/\\1.c")
  set_source_files_properties(${small} PROPERTIES
    COMPILE_OPTIONS "$<$<AND:$<C_COMPILER_ID:GNU,Clang,AppleClang>,$<NOT:$<CONFIG:Debug>>>:-Os>")
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${target} PUBLIC "${_stm32_ai_c}/include")
  target_compile_options(${target} PRIVATE $<$<C_COMPILER_ID:GNU,Clang,AppleClang>:-ffunction-sections$<SEMICOLON>-fdata-sections>)
  # The kernels' short loops must not become calls of memcpy and memset, which are larger than the loops.
  target_compile_options(${target} PRIVATE $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
  set_target_properties(${target} PROPERTIES C_STANDARD 99 C_EXTENSIONS ON C_STANDARD_REQUIRED ON)
  if(NOT WIN32)
    target_link_libraries(${target} PUBLIC m) # float models call expf and its like
  endif()
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
    target_compile_definitions(${target} PUBLIC AI_HOST_MODELS)
  endif()
endfunction()

_stm32_ai_runtime(stm32_ai_runtime)
add_library(stm32_ai::runtime ALIAS stm32_ai_runtime)
_stm32_ai_runtime(stm32_ai_runtime_observer)
target_compile_definitions(stm32_ai_runtime_observer PUBLIC AI_OBSERVER)
add_library(stm32_ai::runtime_observer ALIAS stm32_ai_runtime_observer)

# Writes the table of the models in `names` and gives its path in `result`.
function(_stm32_ai_host_table target names result)
  set(STM32_AI_INCLUDES "")
  set(STM32_AI_ENTRIES "")
  foreach(name IN LISTS names)
    string(APPEND STM32_AI_INCLUDES "#include \"${name}.h\"\n")
    string(APPEND STM32_AI_ENTRIES "    &${name}_network,\n")
  endforeach()
  list(LENGTH names STM32_AI_COUNT)
  set(table "${CMAKE_CURRENT_BINARY_DIR}/${target}_ai_host_models.c")
  configure_file("${STM32_AI_RUNTIME_TEMPLATE}" "${table}" @ONLY)
  set(${result} "${table}" PARENT_SCOPE)
endfunction()

function(stm32_ai_add_models target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "OBSERVER" "" "")
  set(names "")
  foreach(folder IN LISTS ARG_UNPARSED_ARGUMENTS)
    get_filename_component(folder "${folder}" ABSOLUTE)
    get_filename_component(name "${folder}" NAME)
    if(NOT EXISTS "${folder}/${name}.c")
      message(FATAL_ERROR "stm32_ai_add_models: ${folder} holds no emitted model: ${name}.c is missing. "
                          "Emit it with `stm32 compile MODEL -o ${folder} -n ${name}`.")
    endif()
    file(GLOB external CONFIGURE_DEPENDS "${folder}/${name}_ext_*.c") # of operators from outside
    target_sources(${target} PRIVATE "${folder}/${name}.c" "${folder}/${name}_data.c" "${folder}/${name}_lib.c" ${external})
    target_include_directories(${target} PRIVATE "${folder}")
    list(APPEND names "${name}")
  endforeach()
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
    _stm32_ai_host_table(${target} "${names}" table)
    target_sources(${target} PRIVATE "${table}")
  endif()
  if(ARG_OBSERVER)
    target_link_libraries(${target} PRIVATE stm32_ai::runtime_observer)
  else()
    target_link_libraries(${target} PRIVATE stm32_ai::runtime)
  endif()
endfunction()

set(stm32_ai_runtime_FOUND TRUE)
