/* SPDX-License-Identifier: Apache-2.0 */
/* SystemPerformance: what each linked model costs on this board, on random inputs. */
#include "board.h"
#include "console.h"
#include "measure.h"
#include "report.h"

#define LONGER 10u

static bool measure_all(uint32_t runs)
{
    bool ok = true;
    uint32_t random_state = PERF_SEED;
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
         it = ai_model_iterator_next(it)) {
        ok = measure_model(ai_model_iterator_value(it), runs, &random_state) && ok;
    }
    return ok;
}

static void report_all(void)
{
    report_system();
    if (ai_model_iterator_begin() == ai_model_iterator_end()) {
        put_line("No model is linked.");
    }
    for (ai_model_iterator it = ai_model_iterator_begin(); it != ai_model_iterator_end();
         it = ai_model_iterator_next(it)) {
        report_model(ai_model_iterator_value(it));
    }
    put_line("");
}

#if PERF_BATCH
int app_main(void)
{
    report_all();
    const bool ok = measure_all(PERF_RUNS);
    put_line(ok ? "END: ok" : "END: failed");
    return ok ? 0 : 1;
}
#else
/* Rounds until a key ends them; a round that failed, or nothing to run, waits for a key. */
static console_command run_rounds(void)
{
    uint32_t runs = PERF_RUNS;
    const bool some = ai_model_iterator_begin() != ai_model_iterator_end();
    put_line("keys: q quit, r restart, p pause, x ten times longer, h this help");
    for (;;) {
        const bool ok = some && measure_all(runs);
        const console_command command = ok ? console_poll() : console_wait();
        if (command == CONSOLE_LONGER) {
            runs = runs > UINT32_MAX / LONGER ? runs : runs * LONGER;
        } else if (command != CONSOLE_NONE) {
            return command;
        }
    }
}

int app_main(void)
{
    do {
        report_all();
    } while (run_rounds() != CONSOLE_QUIT);
    put_line("END: quit");
    return 0;
}
#endif
