/* SPDX-License-Identifier: Apache-2.0 */
/* The models that are linked. On a target the linker script puts the entries of .nn_models between two symbols; where
 * there is no such script (AI_HOST_MODELS) the build makes a table. */
#include "ai_instance.h"

#ifdef AI_HOST_MODELS
ai_model_iterator ai_model_iterator_begin(void)
{
    return ai_host_models;
}

ai_model_iterator ai_model_iterator_end(void)
{
    return ai_host_models + ai_host_models_count;
}
#else
extern const ai_model_info *const __models_section_start__[];
extern const ai_model_info *const __models_section_end__[];

/* Hides where the address comes from: to a compiler that sees both ends, two objects never have the same address,
 * though they do where no model is linked. */
static ai_model_iterator opaque(ai_model_iterator it)
{
    __asm__("" : "+r"(it));
    return it;
}

ai_model_iterator ai_model_iterator_begin(void)
{
    return opaque(__models_section_start__);
}

ai_model_iterator ai_model_iterator_end(void)
{
    return opaque(__models_section_end__);
}
#endif

static bool has_value(ai_model_iterator it)
{
    const uintptr_t address = (uintptr_t)it;
    return address >= (uintptr_t)ai_model_iterator_begin() && address < (uintptr_t)ai_model_iterator_end();
}

ai_model_iterator ai_model_iterator_next(ai_model_iterator it)
{
    return has_value(it) ? it + 1 : ai_model_iterator_end();
}

const ai_model_info *ai_model_iterator_value(ai_model_iterator it)
{
    return has_value(it) ? *it : NULL;
}
