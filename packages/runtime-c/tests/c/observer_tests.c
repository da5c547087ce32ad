/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as an observer sees them; compiled with AI_OBSERVER. The seed of the random numbers is the first argument. */
#include "check.h"
#include "fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned check_failures;

/* What an observer was told, and what the nodes' outputs held at that time. */
typedef struct {
    char events[32];
    int16_t products[12];
    int32_t sum;
} tiny_log;

static void log_tiny(ai_handle handle, ai_event event, uint32_t index, void *user)
{
    tiny_log *const log = (tiny_log *)user;
    const size_t used = strlen(log->events);
    (void)snprintf(log->events + used, sizeof log->events - used, "%c%u", event == AI_EVENT_NODE_BEGIN ? 'b' : 'e',
                   (unsigned)index);
    if (event == AI_EVENT_NODE_END && index == 0u) {
        memcpy(log->products, ai_get_node_data(handle, 0, 0), sizeof log->products);
    }
    if (event == AI_EVENT_NODE_END && index == 1u) {
        memcpy(&log->sum, ai_get_node_data(handle, 1, 0), sizeof log->sum);
    }
}

static void test_events_and_data(void)
{
    tiny_log log = {"", {0}, 0};
    ai_handle handle;
    CHECK(ai_create(&tiny_network, NULL, &handle) == AI_STATUS_OK);
    CHECK(ai_set_observer(handle, log_tiny, &log) == AI_STATUS_OK);
    const tiny_expectation expected = fill_tiny(handle);
    CHECK(ai_run(handle) == AI_STATUS_OK && tiny_is(handle, &expected));
    CHECK(strcmp(log.events, "b0e0b1e1") == 0);
    CHECK(memcmp(log.products, expected.products, sizeof log.products) == 0 && log.sum == expected.sum);
    CHECK(ai_set_observer(handle, NULL, NULL) == AI_STATUS_OK && run_tiny(handle, ai_run));
    CHECK(strcmp(log.events, "b0e0b1e1") == 0);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

static void test_observer_is_per_instance(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_TINY_ACTIVATION_BYTES_];
    tiny_log log = {"", {0}, 0};
    ai_handle watched;
    ai_handle other;
    CHECK(ai_create(&tiny_network, NULL, &watched) == AI_STATUS_OK);
    fill_noise(pool, sizeof pool);
    CHECK(ai_create(&tiny_network, pool, &other) == AI_STATUS_OK);
    CHECK(ai_set_observer(watched, log_tiny, &log) == AI_STATUS_OK);
    CHECK(run_tiny(other, ai_run) && strcmp(log.events, "") == 0);
    CHECK(ai_destroy(watched) == AI_STATUS_OK && ai_destroy(other) == AI_STATUS_OK);
    CHECK(ai_set_observer(watched, log_tiny, &log) == AI_STATUS_ERROR);
    CHECK(ai_set_observer(NULL, log_tiny, &log) == AI_STATUS_ERROR);
}

static void test_node_info(void)
{
    ai_handle handle;
    CHECK(ai_create(&tiny_network, NULL, &handle) == AI_STATUS_OK);
    const ai_node_info *const node = ai_get_node_info(handle, 1);
    CHECK(node != NULL && strcmp(node->name, "2:SUM") == 0 && node->n_outputs == 1);
    CHECK(node->n_source_ops == 2 && node->source_ops[1] == 2 && node->n_macc == 0);
    CHECK(strcmp(ai_get_node_info(handle, 0)->outputs[0].name, "Identity") == 0);
    CHECK(get_tensor_size(&ai_get_node_info(handle, 0)->outputs[0].tensor) == 24);
    CHECK(strcmp(ai_get_error(handle), "") == 0);
    CHECK(ai_get_node_info(handle, 2) == NULL && strcmp(ai_get_error(handle), "index is out of range") == 0);
    CHECK(ai_get_node_data(handle, 2, 0) == NULL && ai_get_node_data(handle, 0, 1) == NULL);
    CHECK(ai_get_node_data(handle, UINT32_MAX, UINT32_MAX) == NULL);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
    CHECK(ai_get_node_info(handle, 0) == NULL && ai_get_node_data(handle, 0, 0) == NULL);
}

static void test_external_output(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_RANKS_ACTIVATION_BYTES_];
    ranks_io io;
    ai_handle handle;
    CHECK(ai_create(&ranks_network, pool, &handle) == AI_STATUS_OK);
    CHECK(ai_get_node_data(handle, 0, 0) == NULL);
    bind_ranks(handle, &io);
    const int64_t sum = fill_ranks(&io);
    CHECK(ai_run(handle) == AI_STATUS_OK && io.sum == sum);
    CHECK(ai_get_node_data(handle, 0, 0) == &io.sum);
    CHECK(ai_get_node_data(handle, 0, 1) == get_dltensor(ai_get_output(handle, 1))->data);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

/* A tensor of 3 pixels with 11 channels, of which 1, 2, 8 and 9 are in the pool. */
static void test_removed_channels(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_TINY_ACTIVATION_BYTES_];
    static const int64_t shape[2] = {3, 11};
    static const uint8_t kept[2] = {0x06, 0x03};
    static const uint8_t values[7] = {100, 103, 104, 105, 106, 107, 110};
    static const ai_removed_channels removed = {kept, values};
    static const ai_node_tensor outputs[1] = {
        {.name = "narrow",
         .tensor = {.dltensor = {.device = {kDLCPU, 0}, .ndim = 2, .dtype = {kDLInt, 8, 1}, .shape = shape}},
         .pool_offset = 4,
         .io_index = -1,
         .removed = &removed},
    };
    static const ai_node_info nodes[1] = {{"0:NARROW", NULL, outputs, 0, 0, 1}};
    static const uint8_t order[11] = {100, 0, 1, 103, 104, 105, 106, 107, 2, 3, 110};
    ai_model_info narrow = tiny_network;
    uint8_t expected[33];
    uint8_t data[33];
    ai_handle handle;
    narrow.nodes = nodes;
    narrow.n_nodes = 1;
    CHECK(ai_instance_create(&narrow, pool, &handle) == AI_STATUS_OK);
    uint8_t *const memory = pool + AI_CONTEXT_BYTES(_TINY_INPUTS_COUNT_ + _TINY_OUTPUTS_COUNT_) + 4;
    fill_noise(memory, 12);
    for (uint32_t i = 0; i < sizeof expected; i++) {
        expected[i] = order[i % 11u] < 100u ? memory[i / 11u * 4u + order[i % 11u]] : order[i % 11u];
    }
    for (uint32_t first = 0; first < sizeof data; first++) {
        memset(data, 0, sizeof data);
        CHECK(ai_read_node_data(handle, 0, 0, first, data, (uint32_t)sizeof data - first) == AI_STATUS_OK);
        CHECK(memcmp(data, expected + first, sizeof data - first) == 0);
    }
    CHECK(ai_get_node_data(handle, 0, 0) == NULL);
    CHECK(strcmp(ai_get_error(handle), "channels of the tensor were removed: use ai_read_node_data") == 0);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

/* A tensor of uint8 that the pool holds as int8. */
static void test_inverted_bytes(void)
{
    AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t pool[_TINY_ACTIVATION_BYTES_];
    static const int64_t shape[1] = {5};
    static const ai_node_tensor outputs[1] = {
        {.name = "unsigned",
         .tensor = {.dltensor = {.device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLUInt, 8, 1}, .shape = shape}},
         .pool_offset = 4,
         .io_index = -1,
         .inverted = 0x80u},
    };
    static const ai_node_info nodes[1] = {{"0:UNSIGNED", NULL, outputs, 0, 0, 1}};
    static const uint8_t expected[5] = {0, 127, 128, 129, 255};
    ai_model_info unsigned_model = tiny_network;
    uint8_t data[5];
    ai_handle handle;
    unsigned_model.nodes = nodes;
    unsigned_model.n_nodes = 1;
    CHECK(ai_instance_create(&unsigned_model, pool, &handle) == AI_STATUS_OK);
    uint8_t *const memory = pool + AI_CONTEXT_BYTES(_TINY_INPUTS_COUNT_ + _TINY_OUTPUTS_COUNT_) + 4;
    for (uint32_t i = 0; i < sizeof expected; i++) {
        memory[i] = (uint8_t)(expected[i] - 128u);
    }
    CHECK(ai_read_node_data(handle, 0, 0, 0, data, sizeof data) == AI_STATUS_OK);
    CHECK(memcmp(data, expected, sizeof data) == 0);
    CHECK(ai_get_node_data(handle, 0, 0) == NULL);
    CHECK(strcmp(ai_get_error(handle), "the tensor of uint8 is kept as int8: use ai_read_node_data") == 0);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
}

static void test_pieces_of_a_tensor(void)
{
    ai_handle handle;
    CHECK(ai_create(&tiny_network, NULL, &handle) == AI_STATUS_OK);
    const tiny_expectation expected = fill_tiny(handle);
    int16_t products[12] = {0};
    CHECK(ai_run(handle) == AI_STATUS_OK);
    CHECK(ai_read_node_data(handle, 0, 0, 6, &products[3], 18) == AI_STATUS_OK);
    CHECK(memcmp(&products[3], &expected.products[3], 18) == 0 && products[2] == 0);
    CHECK(ai_read_node_data(handle, 0, 0, 24, products, 0) == AI_STATUS_OK);
    CHECK(ai_read_node_data(handle, 0, 0, 24, products, 1) == AI_STATUS_ERROR);
    CHECK(ai_read_node_data(handle, 0, 0, 1, products, UINT32_MAX) == AI_STATUS_ERROR);
    CHECK(ai_read_node_data(handle, 0, 0, 0, NULL, 4) == AI_STATUS_ERROR);
    CHECK(ai_read_node_data(handle, 0, 1, 0, products, 1) == AI_STATUS_ERROR);
    CHECK(ai_read_node_data(handle, 2, 0, 0, products, 1) == AI_STATUS_ERROR);
    CHECK(ai_destroy(handle) == AI_STATUS_OK);
    CHECK(ai_read_node_data(handle, 0, 0, 0, products, 1) == AI_STATUS_ERROR);
}

int main(int argc, char **argv)
{
    srand(argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0u);
    test_events_and_data();
    test_observer_is_per_instance();
    test_node_info();
    test_external_output();
    test_removed_channels();
    test_inverted_bytes();
    test_pieces_of_a_tensor();
    (void)printf("%u failures\n", check_failures);
    return check_failures == 0u ? 0 : 1;
}
