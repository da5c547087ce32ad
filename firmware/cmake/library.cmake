# SPDX-License-Identifier: Apache-2.0
# Target `library`: models and runtime in one archive, to be linked into another project.
add_library(library STATIC EXCLUDE_FROM_ALL
            "$<FILTER:$<TARGET_OBJECTS:models>,EXCLUDE,ai_models>" $<TARGET_OBJECTS:${runtime}>)
set_target_properties(library PROPERTIES OUTPUT_NAME stm32_models LINKER_LANGUAGE C)
add_dependencies(library models ${runtime})
