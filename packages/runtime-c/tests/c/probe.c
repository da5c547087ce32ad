/* SPDX-License-Identifier: Apache-2.0 */
/* Answers one question a line: "<function> <condition>" -> "<what it gives>|<error string>". error_cases.toml has the
 * questions and the right answers. */
#include "faulty.h"
#include "ranks.h"

#include <stdio.h>
#include <string.h>

AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_RANKS_ACTIVATION_BYTES_];
AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t copy[_RANKS_ACTIVATION_BYTES_];
static int8_t external[64];

static void say_count(long count)
{
    (void)printf("%ld", count);
}

static void say_pointer(const void *pointer)
{
    (void)printf("%s", pointer == NULL ? "NULL" : "pointer");
}

static void say_status(ai_status status)
{
    static const char *const names[] = {"OK", "ERROR", "DELEGATE_ERROR"};
    (void)printf("%s", names[status]);
}

/* A handle in the state `condition`; a live one for every other word. */
static ai_handle handle_in_state(const char *condition)
{
    ai_handle handle;
    if (ai_create(&tiny_network, pool, &handle) != AI_STATUS_OK) {
        return NULL;
    }
    if (strcmp(condition, "null") == 0) {
        return NULL;
    }
    if (strcmp(condition, "odd") == 0) {
        return pool + 1;
    }
    if (strcmp(condition, "half_aligned") == 0) {
        return pool + AI_POOL_ALIGNMENT / 2u;
    }
    if (strcmp(condition, "inside") == 0) {
        return pool + AI_POOL_ALIGNMENT;
    }
    if (strcmp(condition, "destroyed") == 0) {
        (void)ai_destroy(handle);
    } else if (strcmp(condition, "overwritten") == 0) {
        pool[0] ^= 1u;
    } else if (strcmp(condition, "zeroed") == 0) {
        memset(pool, 0, sizeof pool);
    } else if (strcmp(condition, "copied") == 0) {
        memcpy(copy, pool, sizeof copy);
        return copy;
    }
    return handle;
}

typedef const char *(*text_getter)(ai_handle handle);

static bool say_text(const char *function, ai_handle handle)
{
    static const char *const names[] = {"ai_get_name", "ai_get_datetime", "ai_get_revision", "ai_get_tool_version",
                                        "ai_get_api_version"};
    static const text_getter getters[] = {ai_get_name, ai_get_datetime, ai_get_revision, ai_get_tool_version,
                                          ai_get_api_version};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(function, names[i]) == 0) {
            say_pointer(getters[i](handle));
            return true;
        }
    }
    return false;
}

static bool say_number(const char *function, ai_handle handle)
{
    if (strcmp(function, "ai_get_input_size") == 0) {
        say_count(ai_get_input_size(handle));
    } else if (strcmp(function, "ai_get_output_size") == 0) {
        say_count(ai_get_output_size(handle));
    } else if (strcmp(function, "ai_get_node_size") == 0) {
        say_count((long)ai_get_node_size(handle));
    } else if (strcmp(function, "ai_get_params_size") == 0) {
        say_count((long)ai_get_params_size(handle));
    } else if (strcmp(function, "ai_get_activations_size") == 0) {
        say_count(ai_get_activations_size(handle) == 0u ? 0 : 1);
    } else {
        return false;
    }
    return true;
}

static bool say_other(const char *function, ai_handle handle)
{
    if (strcmp(function, "ai_run") == 0) {
        say_status(ai_run(handle));
    } else if (strcmp(function, "ai_reset") == 0) {
        say_status(ai_reset(handle));
    } else if (strcmp(function, "ai_tiny_run") == 0) {
        say_status(ai_tiny_run(handle));
    } else if (strcmp(function, "ai_ranks_run") == 0) {
        say_status(ai_ranks_run(handle));
    } else if (strcmp(function, "ai_destroy") == 0) {
        say_status(ai_destroy(handle));
    } else if (strcmp(function, "ai_tiny_destroy") == 0) {
        say_status(ai_tiny_destroy(handle));
    } else if (strcmp(function, "ai_get_input") == 0) {
        say_pointer(ai_get_input(handle, 0));
    } else if (strcmp(function, "ai_get_output") == 0) {
        say_pointer(ai_get_output(handle, 0));
    } else if (strcmp(function, "ai_get_activations") == 0) {
        say_pointer(ai_get_activations(handle));
    } else if (strcmp(function, "ai_get_params") == 0) {
        say_pointer(ai_get_params(handle));
    } else {
        return false;
    }
    return true;
}

/* ai_create and ai_create_sized of wrong arguments; the error is ai_get_create_error's. */
static bool say_create(const char *function, const char *condition)
{
    static const char *const faults[] = {"major_2",       "major_0",   "major_10",   "version_empty", "version_null",
                                         "version_short", "no_create", "no_destroy", "no_run",        "create_fails"};
    const ai_model_info *model = &tiny_network;
    ai_ptr memory = pool;
    size_t bytes = SIZE_MAX;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(condition, faults[i]) == 0) {
            model = faulty_model((fault)i);
        }
    }
    if (strcmp(condition, "model_null") == 0) {
        model = NULL;
    } else if (strcmp(condition, "pool_null_none_own") == 0) {
        model = &ranks_network;
        memory = NULL;
    } else if (strcmp(condition, "pool_null_own") == 0) {
        memory = NULL;
        bytes = 0;
    } else if (strcmp(condition, "pool_misaligned") == 0) {
        memory = pool + 4;
    } else if (strcmp(condition, "pool_short") == 0) {
        bytes = _TINY_ACTIVATION_BYTES_ - 1u;
    } else if (strcmp(condition, "pool_exact") == 0) {
        bytes = _TINY_ACTIVATION_BYTES_;
    }
    ai_handle handle = external;
    ai_handle *const result = strcmp(condition, "handle_null") == 0 ? NULL : &handle;
    if (strcmp(function, "ai_create") == 0) {
        say_status(ai_create(model, memory, result));
    } else if (strcmp(function, "ai_create_sized") == 0) {
        say_status(ai_create_sized(model, memory, bytes, result));
    } else if (strcmp(function, "ai_instance_create") == 0) {
        say_status(ai_instance_create(model, memory, result));
    } else {
        return false;
    }
    if (result != NULL) {
        (void)printf(handle == NULL ? " handle=NULL" : " handle=set");
    }
    (void)printf("|%s\n", ai_get_create_error(model, memory, bytes));
    return true;
}

/* Runs of instances of ranks whose external memory is wrong, or of tiny whose own is. */
static ai_handle wrong_memory(const char *condition)
{
    ai_handle handle = NULL;
    if (strcmp(condition, "data_changed") == 0) {
        (void)ai_create(&tiny_network, pool, &handle);
        get_dltensor(ai_get_output(handle, 1))->data = external;
        return handle;
    }
    (void)ai_create(&ranks_network, pool, &handle);
    for (int32_t i = 0; i < 7; i++) {
        get_dltensor(ai_get_input(handle, i))->data = external;
    }
    get_dltensor(ai_get_output(handle, 0))->data = external;
    if (strcmp(condition, "input_data_null") == 0) {
        get_dltensor(ai_get_input(handle, 3))->data = NULL;
    } else if (strcmp(condition, "output_data_null") == 0) {
        get_dltensor(ai_get_output(handle, 0))->data = NULL;
    } else if (strcmp(condition, "data_misaligned") == 0) {
        get_dltensor(ai_get_input(handle, 4))->data = external + 2;
    } else if (strcmp(condition, "data_odd_int8") == 0) {
        get_dltensor(ai_get_input(handle, 1))->data = external + 1;
    }
    return handle;
}

/* Functions of an instance with another argument or model that is wrong. NULL: no such condition. */
static ai_handle say_special(const char *function, const char *condition)
{
    static const int32_t indices[] = {-1, 2, INT32_MAX, INT32_MIN};
    static const char *const names[] = {"index=-1", "index=2", "index=max", "index=min"};
    ai_handle handle = NULL;
    for (size_t i = 0; i < 4u; i++) {
        if (strcmp(condition, names[i]) == 0) {
            handle = handle_in_state("live");
            say_pointer(strcmp(function, "ai_get_input") == 0 ? ai_get_input(handle, indices[i])
                                                              : ai_get_output(handle, indices[i]));
            return handle;
        }
    }
    if (strstr(condition, "data_") != NULL) {
        handle = wrong_memory(condition);
        say_status(ai_run(handle));
    } else if (strcmp(condition, "run_fails") == 0) {
        (void)ai_create(faulty_model(FAULTY_RUN), pool, &handle);
        say_status(ai_run(handle));
    } else if (strcmp(condition, "destroy_fails") == 0) {
        (void)ai_create(faulty_model(FAULTY_DESTROY), pool, &handle);
        say_status(ai_destroy(handle));
    } else if (strcmp(condition, "no_get_params") == 0) {
        (void)ai_create(faulty_model(FAULTY_NO_GET_PARAMS), pool, &handle);
        say_pointer(ai_get_params(handle));
    } else if (strcmp(condition, "tensor_null") == 0) {
        handle = handle_in_state("live");
        say_pointer(ai_get_quantization(NULL));
    }
    return handle;
}

static bool answer(const char *function, const char *condition)
{
    if (say_create(function, condition)) {
        return true;
    }
    ai_handle handle = say_special(function, condition);
    if (handle == NULL) {
        handle = handle_in_state(condition);
        if (!say_text(function, handle) && !say_number(function, handle) && !say_other(function, handle)) {
            return false;
        }
    }
    (void)printf("|%s\n", ai_get_error(handle));
    return true;
}

int main(void)
{
    char function[40];
    char condition[40];
    while (scanf("%39s %39s", function, condition) == 2) {
        if (!answer(function, condition)) {
            (void)printf("no such function: %s\n", function);
            return 1;
        }
    }
    return 0;
}
