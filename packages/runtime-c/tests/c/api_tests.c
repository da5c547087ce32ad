/* SPDX-License-Identifier: Apache-2.0 */
/* What the API does when it is used rightly. The seed of the random numbers is the first argument. */
#include "check.h"
#include "fixtures.h"

#include <stdlib.h>
#include <string.h>

unsigned check_failures;

static void test_tensor_accessors(void)
{
    ai_handle handle;
    CHECK(ai_create(&tiny_network, NULL, &handle) == AI_STATUS_OK);
    const ai_tensor *const image = ai_get_input(handle, 0);
    const ai_tensor *const bias = ai_get_input(handle, 1);
    const ai_tensor *const channels = ai_get_output(handle, 0);
    CHECK(get_tensor_elts(image) == 12 && get_tensor_size(image) == 12);
    CHECK(get_tensor_elts(bias) == 3 && get_tensor_size(bias) == 12);
    CHECK(get_tensor_elts(channels) == 12 && get_tensor_size(channels) == 24);
    CHECK(get_dltensor(ai_get_output(handle, 1))->ndim == 0);
    CHECK(get_tensor_elts(ai_get_output(handle, 1)) == 1 && get_tensor_size(ai_get_output(handle, 1)) == 4);
    CHECK(get_quantization_size(image) == 1 && ai_get_quantization(image)->dim == -1);
    CHECK(ai_get_quantization(image)->scale[0] > 0.49f && ai_get_quantization(image)->zero_point[0] == -1);
    CHECK(get_quantization_size(bias) == 0 && ai_get_quantization(bias) == NULL);
    CHECK(get_quantization_size(channels) == 3 && ai_get_quantization(channels)->dim == 3);
    CHECK(ai_get_quantization(channels)->zero_point[2] == -5);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

static void test_ranks_and_dtypes(void)
{
    static const uint32_t elements[7] = {1, 2, 2, 2, 2, 2, 2};
    static const uint32_t bytes[7] = {1, 2, 4, 8, 8, 16, 2};
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_RANKS_ACTIVATION_BYTES_];
    ai_handle handle;
    CHECK(ai_create_sized(&ranks_network, pool, sizeof pool, &handle) == AI_STATUS_OK);
    CHECK(ai_get_input_size(handle) == 7 && ai_get_output_size(handle) == 2);
    for (int32_t i = 0; i < 7; i++) {
        CHECK(get_dltensor(ai_get_input(handle, i))->ndim == i);
        CHECK(get_tensor_elts(ai_get_input(handle, i)) == elements[i]);
        CHECK(get_tensor_size(ai_get_input(handle, i)) == bytes[i]);
        CHECK(get_dltensor(ai_get_input(handle, i))->data == NULL);
    }
    CHECK(get_dltensor(ai_get_output(handle, 0))->data == NULL);
    CHECK(get_dltensor(ai_get_output(handle, 1))->data == pool + _RANKS_ACTIVATION_BYTES_ - _RANKS_PLANNED_BYTES_);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

static void test_model_facts(void)
{
    ai_handle handle;
    CHECK(ai_create(&tiny_network, NULL, &handle) == AI_STATUS_OK);
    CHECK(strcmp(ai_get_name(handle), "tiny") == 0 && strcmp(ai_get_datetime(handle), "") == 0);
    CHECK(strcmp(ai_get_revision(handle), "1") == 0 && strcmp(ai_get_tool_version(handle), "0.1.0") == 0);
    CHECK(strcmp(ai_get_api_version(handle), "1.0.0") == 0);
    CHECK(ai_get_node_size(handle) == 2 && ai_get_params_size(handle) == 3);
    CHECK(ai_get_activations_size(handle) == _TINY_ACTIVATION_BYTES_);
    CHECK(ai_get_activations(handle) == tiny_activations && handle == (ai_handle)tiny_activations);
    CHECK(ai_get_params(handle)[2] == (uint8_t)-4);
    CHECK(AI_MODEL_n_inputs(&tiny_network) == 2 && AI_MODEL_activations(&tiny_network) == tiny_activations);
    CHECK(strcmp(ai_get_error(handle), "") == 0);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

static void test_model_functions(void)
{
    ai_handle handle = AI_HANDLE_NULL;
    CHECK(ai_tiny_create(NULL, &handle) == AI_STATUS_OK && handle != AI_HANDLE_NULL);
    CHECK(run_tiny(handle, ai_tiny_run));
    CHECK(ai_tiny_destroy(handle) == AI_STATUS_OK);
    CHECK(ai_tiny_run(handle) == AI_STATUS_ERROR);
}

/* One instance each on the heap, in static memory, in the model's own activations, and one of another model. */
static void test_interleaved_instances(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t fixed[_TINY_ACTIVATION_BYTES_];
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t other[_RANKS_ACTIVATION_BYTES_];
    uint8_t *const heap = (uint8_t *)aligned_heap(_TINY_ACTIVATION_BYTES_);
    ai_handle tiny[3];
    ai_handle ranks;
    CHECK(ai_create(&tiny_network, heap, &tiny[0]) == AI_STATUS_OK);
    CHECK(ai_create(&tiny_network, fixed, &tiny[1]) == AI_STATUS_OK);
    CHECK(ai_create(&tiny_network, NULL, &tiny[2]) == AI_STATUS_OK);
    CHECK(ai_create(&ranks_network, other, &ranks) == AI_STATUS_OK);
    ranks_io io;
    bind_ranks(ranks, &io);
    tiny_expectation expected[3];
    for (int32_t i = 0; i < 3; i++) {
        expected[i] = fill_tiny(tiny[i]);
    }
    for (int32_t round = 0; round < 200; round++) {
        const int32_t i = rand() % 3;
        const int64_t sum = fill_ranks(&io);
        CHECK(ai_run(tiny[i]) == AI_STATUS_OK);
        CHECK(ai_run(ranks) == AI_STATUS_OK);
        CHECK(io.sum == sum && *(int64_t *)get_dltensor(ai_get_output(ranks, 1))->data == -sum);
        CHECK(tiny_is(tiny[i], &expected[i]));
        expected[i] = fill_tiny(tiny[i]);
    }
    for (int32_t i = 0; i < 3; i++) {
        CHECK(ai_destroy(tiny[i]) == AI_STATUS_OK);
    }
    CHECK(ai_destroy(ranks) == AI_STATUS_OK);
    free(heap);
}

/* A pool at every address modulo the alignment, full of noise, between canaries. */
static void test_pool_bounds(void)
{
    enum { MARGIN = 64 };
    const size_t span = MARGIN + _TINY_ACTIVATION_BYTES_ + AI_POOL_ALIGNMENT + MARGIN;
    uint8_t *const memory = (uint8_t *)aligned_heap(span);
    uint8_t *const before = (uint8_t *)aligned_heap(span);
    for (size_t shift = 0; shift <= AI_POOL_ALIGNMENT; shift++) {
        fill_noise(memory, span);
        memcpy(before, memory, span);
        uint8_t *const pool = memory + MARGIN + shift;
        ai_handle handle = memory;
        const ai_status status = ai_create_sized(&tiny_network, pool, _TINY_ACTIVATION_BYTES_, &handle);
        CHECK((status == AI_STATUS_OK) == (shift % AI_POOL_ALIGNMENT == 0));
        if (status == AI_STATUS_OK) {
            CHECK(run_tiny(handle, ai_run));
            CHECK(ai_get_input(handle, 9) == NULL);
            CHECK(ai_destroy(handle) == AI_STATUS_OK);
            memcpy(before + MARGIN + shift, pool, _TINY_ACTIVATION_BYTES_);
        } else {
            CHECK(handle == NULL);
        }
        CHECK(memcmp(before, memory, span) == 0);
    }
    free(memory);
    free(before);
}

static void test_pool_is_reused(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_RANKS_ACTIVATION_BYTES_];
    ai_handle first;
    ai_handle second;
    CHECK(ai_create(&tiny_network, pool, &first) == AI_STATUS_OK && run_tiny(first, ai_run));
    CHECK(ai_create(&tiny_network, pool, &second) == AI_STATUS_OK && run_tiny(second, ai_run));
    CHECK(ai_destroy(second) == AI_STATUS_OK);
    CHECK(ai_destroy(second) == AI_STATUS_ERROR);
    CHECK(ai_create(&ranks_network, pool, &first) == AI_STATUS_OK && ai_get_input_size(first) == 7);
    CHECK(ai_destroy(first) == AI_STATUS_OK);
}

static void test_error_is_per_instance(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_TINY_ACTIVATION_BYTES_];
    ai_handle one;
    ai_handle two;
    CHECK(ai_create(&tiny_network, pool, &one) == AI_STATUS_OK && ai_create(&tiny_network, NULL, &two) == AI_STATUS_OK);
    CHECK(ai_get_output(one, 2) == NULL);
    CHECK(strcmp(ai_get_error(one), "") != 0 && strcmp(ai_get_error(two), "") == 0);
    CHECK(ai_get_output(one, 1) != NULL && strcmp(ai_get_error(one), "") != 0);
    CHECK(run_tiny(one, ai_run) && strcmp(ai_get_error(one), "") == 0);
    CHECK(ai_destroy(one) == AI_STATUS_OK && ai_destroy(two) == AI_STATUS_OK);
}

static void test_create_error_agrees(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_TINY_ACTIVATION_BYTES_];
    for (size_t bytes = 0; bytes <= sizeof pool; bytes++) {
        ai_handle handle;
        const ai_status status = ai_create_sized(&tiny_network, pool, bytes, &handle);
        CHECK((status == AI_STATUS_OK) == (bytes == sizeof pool));
        CHECK((status == AI_STATUS_OK) == (strcmp(ai_get_create_error(&tiny_network, pool, bytes), "") == 0));
        CHECK((status == AI_STATUS_OK) == (handle != NULL));
    }
}

static void test_iterator(void)
{
    const ai_model_info *found[4] = {NULL};
    size_t count = 0;
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end() && count < 4;
         it = ai_model_iterator_next(it)) {
        found[count++] = ai_model_iterator_value(it);
    }
    CHECK(count == 2);
    CHECK((found[0] == &tiny_network && found[1] == &ranks_network) ||
          (found[0] == &ranks_network && found[1] == &tiny_network));
    CHECK(ai_model_iterator_value(ai_model_iterator_end()) == NULL && ai_model_iterator_value(NULL) == NULL);
    CHECK(ai_model_iterator_next(ai_model_iterator_end()) == ai_model_iterator_end());
}

#define RUN(test)                                                                                                      \
    do {                                                                                                               \
        (void)printf("%s\n", #test);                                                                                   \
        test();                                                                                                        \
    } while (0)

int main(int argc, char **argv)
{
    srand(argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0u);
    RUN(test_tensor_accessors);
    RUN(test_ranks_and_dtypes);
    RUN(test_model_facts);
    RUN(test_model_functions);
    RUN(test_interleaved_instances);
    RUN(test_pool_bounds);
    RUN(test_pool_is_reused);
    RUN(test_error_is_per_instance);
    RUN(test_create_error_agrees);
    RUN(test_iterator);
    (void)printf("%u failures\n", check_failures);
    return check_failures == 0u ? 0 : 1;
}
