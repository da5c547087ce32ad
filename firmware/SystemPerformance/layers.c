/* SPDX-License-Identifier: Apache-2.0 */
#include "layers.h"

#ifdef AI_OBSERVER
#include "bench.h"
#include "board.h"
#include "text.h"

typedef struct {
    uint64_t start, sum, macs;
} layer_clock;

static void put_row(const char *node, uint64_t count, uint64_t macs)
{
    put_text("  ");
    put_column(node, 28);
    put_unsigned(count, 12);
    put_unsigned(macs, 12);
    put_text("  ");
    put_fixed(macs > 0 ? count * 1000u / macs : 0, 3);
    put_line("");
}

/* Printing happens between the end of one node and the beginning of the next, so it is in no node's time. */
static void on_event(ai_handle handle, ai_event event, uint32_t index, void *user)
{
    layer_clock *const clock = user;
    if (event == AI_EVENT_NODE_END) {
        const uint64_t count = board_counter() - clock->start;
        const ai_node_info *node = ai_get_node_info(handle, index);
        clock->sum += count;
        if (node != NULL) {
            clock->macs += node->n_macc;
            put_row(node->name, count, node->n_macc);
        }
    }
    clock->start = board_counter();
}

void report_layers(ai_handle handle)
{
    layer_clock clock = {0, 0, 0};
    put_line("Layers of one inference: node, " BOARD_COUNTER_UNIT ", MACs, " BOARD_COUNTER_UNIT " per MAC");
    (void)ai_set_observer(handle, on_event, &clock);
    (void)ai_run(handle);
    (void)ai_set_observer(handle, NULL, NULL);
    put_row("sum", clock.sum, clock.macs);
}
#else
void report_layers(ai_handle handle)
{
    (void)handle;
}
#endif
