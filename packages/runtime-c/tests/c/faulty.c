/* SPDX-License-Identifier: Apache-2.0 */
#include "faulty.h"

static ai_model_info model;

static ai_status create_fails(ai_ptr pool, ai_handle *handle)
{
    *handle = pool;
    return AI_STATUS_DELEGATE_ERROR;
}

/* The instance shall lead to the changed descriptor. */
static ai_status create(ai_ptr pool, ai_handle *handle)
{
    return ai_instance_create(&model, pool, handle);
}

static ai_status fails(ai_handle handle)
{
    (void)handle;
    return AI_STATUS_DELEGATE_ERROR;
}

const ai_model_info *faulty_model(fault kind)
{
    static const char *const versions[] = {"2.0.0", "0.9.0", "10.0.0", "", NULL, "1"};
    model = tiny_network;
    model.create = create;
    if (kind <= FAULTY_VERSION_SHORT) {
        model.api_version = versions[kind];
    } else if (kind == FAULTY_NO_CREATE) {
        model.create = NULL;
    } else if (kind == FAULTY_NO_DESTROY) {
        model.destroy = NULL;
    } else if (kind == FAULTY_NO_RUN) {
        model.run = NULL;
    } else if (kind == FAULTY_CREATE) {
        model.create = create_fails;
    } else if (kind == FAULTY_RUN) {
        model.run = fails;
    } else if (kind == FAULTY_DESTROY) {
        model.destroy = fails;
    } else {
        model.get_params = NULL;
    }
    return &model;
}
