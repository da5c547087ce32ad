/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about one model. An instance lives in the model's own pool or the common one, and from one sample of a
 * series to the next: a model may keep a state. */
#include "describe.h"
#include "pool.h"
#include "run.h"

#include <string.h>

static const ai_model_info *model_number(uint32_t index)
{
    ai_model_iterator it = ai_model_iterator_begin();
    for (uint32_t i = 0; i < index && it != ai_model_iterator_end(); i++) {
        it = ai_model_iterator_next(it);
    }
    return ai_model_iterator_value(it);
}

/* The host knows names as they were sent: shortened like them. */
static bool has_name(const ai_model_info *model, const char *name)
{
    char sent[sizeof(((stm32_ai_aiModelInfoMsg *)0)->name)];
    session_copy_text(sent, sizeof(sent), model->name);
    return strcmp(sent, name) == 0;
}

/* An empty name means the first model. */
static const ai_model_info *model_named(const char *name)
{
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
         it = ai_model_iterator_next(it)) {
        const ai_model_info *model = ai_model_iterator_value(it);
        if (name[0] == '\0' || has_name(model, name)) {
            return model;
        }
    }
    return NULL;
}

/* The instance of the last sample; a pool holds one at a time. */
static model_view current;

static bool create(session *s, const ai_model_info *model, model_view *view)
{
    (void)ai_destroy(current.handle);
    current.handle = AI_HANDLE_NULL;
    view->model = model;
    if (ai_create_sized(model, app_pool, app_pool_bytes, &view->handle) == AI_STATUS_OK) {
        return true;
    }
    return session_refuse(s, stm32_ai_E_GENERIC, ai_get_create_error(model, app_pool, app_pool_bytes), 0);
}

bool command_network_info(session *s)
{
    const ai_model_info *model = model_number(s->request.param);
    if (model == NULL) {
        return session_acknowledge(s, stm32_ai_S_ERROR, stm32_ai_E_INVALID_PARAM, s->request.param);
    }
    model_view view;
    if (!create(s, model, &view)) {
        return false;
    }
    session_begin(s, stm32_ai_S_DONE, stm32_ai_respMsg_minfo_tag);
    describe_model(&s->response.payload.minfo, &view);
    const bool sent = session_send(s);
    (void)ai_destroy(view.handle);
    return sent;
}

bool command_network_run(session *s)
{
    const ai_model_info *model = model_named(s->request.name);
    if (model == NULL) {
        return session_refuse(s, stm32_ai_E_INVALID_PARAM, "no model of that name is in this firmware", 0);
    }
    if ((s->request.param & (stm32_ai_RUN_DIRECT_WRITE | stm32_ai_RUN_DIRECT_READ)) != 0) {
        return session_refuse(s, stm32_ai_E_INVALID_PARAM, "direct access to memory is not supported",
                              s->request.param);
    }
    const bool first_of_series = s->request.opt != 0;
    const bool is_ready = !first_of_series && current.model == model && ai_get_name(current.handle) != NULL;
    if (!is_ready && !create(s, model, &current)) {
        return false;
    }
    return run_receive_inputs(s, &current) && run_inference(s, &current) && run_send_outputs(s, &current);
}
