/* SPDX-License-Identifier: Apache-2.0 */
/* All linked models, and a second instance of the first one, first each alone, then taking turns: the outputs must be
 * the same. Prints a checksum per instance, so that boards can be compared with each other. */
#include "board.h"
#include "random.h"
#include "text.h"

#include "ai_instance.h"

#define MAX_INSTANCES 8u
#define ROUNDS 3u
#define POOL_BYTES (1024u * 1024u)

typedef struct {
    const ai_model_info *model;
    ai_ptr pool; /* NULL: the model's own */
    ai_handle handle;
    uint32_t seed;
    uint32_t alone[ROUNDS]; /* checksums of the outputs */
} instance;

AI_SECTION(".interleave.nn_data_act") AI_ALIGNED(AI_POOL_ALIGNMENT) static uint8_t second_pool[POOL_BYTES];

static void fill_inputs(instance *one, uint32_t round)
{
    uint32_t state = one->seed + round * 977u;
    for (int32_t i = 0; i < ai_get_input_size(one->handle); i++) {
        random_fill(ai_get_input(one->handle, i), &state);
    }
}

/* FNV-1a over all outputs. */
static uint32_t checksum(const instance *one)
{
    uint32_t sum = 2166136261u;
    for (int32_t i = 0; i < ai_get_output_size(one->handle); i++) {
        const ai_tensor *tensor = ai_get_output(one->handle, i);
        const uint8_t *data = tensor->dltensor.data;
        for (uint32_t at = 0; at < get_tensor_size(tensor); at++) {
            sum = (sum ^ data[at]) * 16777619u;
        }
    }
    return sum;
}

static bool run_alone(instance *one)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (ai_create_sized(one->model, one->pool, POOL_BYTES, &one->handle) != AI_STATUS_OK) {
            return false;
        }
        fill_inputs(one, round);
        if (ai_run(one->handle) != AI_STATUS_OK) {
            return false;
        }
        one->alone[round] = checksum(one);
        if (ai_destroy(one->handle) != AI_STATUS_OK) {
            return false;
        }
    }
    return true;
}

/* All inputs are in place before the first instance runs; they run backwards and are read forwards. */
static bool run_in_turns(instance *all, uint32_t count, uint32_t round)
{
    for (uint32_t i = 0; i < count; i++) {
        fill_inputs(&all[i], round);
    }
    for (uint32_t i = count; i > 0; i--) {
        if (ai_run(all[i - 1u].handle) != AI_STATUS_OK) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (checksum(&all[i]) != all[i].alone[round]) {
            return false;
        }
    }
    return true;
}

static uint32_t list_instances(instance *all)
{
    uint32_t count = 0;
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
         it = ai_model_iterator_next(it)) {
        all[count++] = (instance){.model = ai_model_iterator_value(it), .seed = 1000u + count};
    }
    all[count] = (instance){.model = all[0].model, .pool = second_pool, .seed = 2000u};
    return count + 1u;
}

static bool check(instance *all, uint32_t count)
{
    bool ok = true;
    for (uint32_t i = 0; i < count; i++) {
        ok = run_alone(&all[i]) && ok;
    }
    for (uint32_t i = 0; i < count; i++) {
        ok = ok && ai_create(all[i].model, all[i].pool, &all[i].handle) == AI_STATUS_OK;
    }
    for (uint32_t round = 0; ok && round < ROUNDS; round++) {
        ok = run_in_turns(all, count, round);
    }
    return ok;
}

int app_main(void)
{
    static instance all[MAX_INSTANCES];
    const uint32_t count = list_instances(all);
    const bool ok = check(all, count);
    for (uint32_t i = 0; i < count; i++) {
        put_text(all[i].model->name);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            put_text(" ");
            put_hex(all[i].alone[round]);
        }
        put_line("");
    }
    put_line(ok ? "same" : "different");
    return ok ? 0 : 1;
}
