/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"
#include "text.h"
int app_main(void)
{
    put_line("hello");
    put_unsigned(board_counter(), 8);
    put_line("");
    put_float(0.00390625f);
    return 0;
}
