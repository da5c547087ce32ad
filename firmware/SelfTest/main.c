/* SPDX-License-Identifier: Apache-2.0 */
/* SelfTest: the board's side of `stm32 selftest`. It does what a line asks and answers with one line; the host judges.
 * README.md of firmware/ lists the commands. */
#include "answer.h"
#include "board.h"
#include "line.h"
#include "ram.h"
#include "steps.h"
#include "text.h"

#define VERSION "1"
#define ECHO_PATIENCE 2000u /* milliseconds */
#define MAX_BYTES 64u

static void put_number(const char *before, uint64_t value)
{
    put_text(before);
    put_unsigned(value, 0);
}

static void put_problem(const char *what)
{
    put_text(":error ");
    put_line(what);
}

static void command_hello(void)
{
    put_text(":selftest " VERSION " " BOARD_NAME);
    put_number(" clock ", BOARD_CLOCK_HZ);
    put_number(" step ", BOARD_COUNTER_STEP);
    put_text(" unit " BOARD_COUNTER_UNIT " device ");
    put_hex(board_device_id());
    put_line("");
}

static void command_count(void)
{
    const uint64_t count = board_counter();
    const uint32_t milliseconds = board_milliseconds();
    put_number(":count ", count);
    put_number(" ", milliseconds);
    put_line("");
}

static void command_reads(const char *text)
{
    uint32_t reads;
    if (!line_number(&text, &reads)) {
        put_problem("reads NUMBER");
        return;
    }
    const counter_steps found = counter_read_many(reads);
    put_number(":reads ", found.backwards);
    put_number(" ", found.smallest);
    put_number(" ", found.largest);
    put_line("");
}

static void command_loop(const char *text)
{
    uint32_t turns;
    if (!line_number(&text, &turns)) {
        put_problem("loop TURNS");
        return;
    }
    put_number(":loop ", counter_loop(turns));
    put_line("");
}

/* Bytes come and go at the speed of the line; the answer says how many there were. */
static void command_echo(const char *text)
{
    uint32_t count, done = 0;
    if (!line_number(&text, &count)) {
        put_problem("echo BYTES");
        return;
    }
    put_line(":echo");
    while (done < count) {
        const int byte = line_byte(ECHO_PATIENCE);
        if (byte < 0) {
            break;
        }
        const uint8_t sent = (uint8_t)byte;
        board_console_write(&sent, 1);
        done++;
    }
    put_number(":echoed ", done);
    put_line("");
}

/* Whole words only, and not beyond the end of the address space. */
static bool take_range(const char *text, uint32_t alignment, uint32_t *start, uint32_t *bytes)
{
    return line_number(&text, start) && line_number(&text, bytes) && *bytes > 0 && *start % alignment == 0 &&
           *bytes % alignment == 0 && *bytes - 1u <= UINT32_MAX - *start;
}

static void command_ram(const char *text)
{
    uint32_t start, bytes;
    if (!take_range(text, 4, &start, &bytes)) {
        put_problem("ram START BYTES, whole words");
        return;
    }
    ram_fault fault;
    if (ram_test(start, bytes, &fault)) {
        put_line(":ram ok");
        return;
    }
    put_text(":ram fault at ");
    put_hex(fault.address);
    put_text(" wrote ");
    put_hex(fault.wrote);
    put_text(" read ");
    put_hex(fault.read);
    put_text(" by ");
    put_line(fault.test);
}

static void command_crc(const char *text)
{
    uint32_t start, bytes;
    if (!take_range(text, 1, &start, &bytes)) {
        put_problem("crc START BYTES");
        return;
    }
    put_text(":crc ");
    put_hex(ram_crc(start, bytes));
    put_line("");
}

static void command_begin(void)
{
    const char *problem = answer_begin();
    if (problem != NULL) {
        put_problem(problem);
        return;
    }
    put_text(":model ");
    put_line(answer_model()->name);
}

static void command_input(const char *text)
{
    uint8_t bytes[MAX_BYTES];
    uint32_t offset = 0;
    const bool ok = line_number(&text, &offset);
    const int32_t count = ok ? line_bytes(&text, bytes, sizeof bytes) : -1;
    if (count < 0 || !answer_input(offset, bytes, (uint32_t)count)) {
        put_problem("input OFFSET BYTES within the first input, after begin");
        return;
    }
    put_number(":input ", (uint32_t)count);
    put_line("");
}

static void command_run(void)
{
    uint64_t count = 0;
    const char *problem = answer_run(&count);
    uint32_t size = 0;
    const uint8_t *output = answer_output(&size);
    if (problem != NULL || output == NULL) {
        put_problem(problem != NULL ? problem : "no output");
        return;
    }
    put_number(":run ", count);
    put_text(" ");
    put_bytes(output, size);
    put_line("");
}

/* False for the command that ends the program. */
static bool obey(const char *text)
{
    if (line_take(&text, "hello")) {
        command_hello();
    } else if (line_take(&text, "count")) {
        command_count();
    } else if (line_take(&text, "reads")) {
        command_reads(text);
    } else if (line_take(&text, "loop")) {
        command_loop(text);
    } else if (line_take(&text, "echo")) {
        command_echo(text);
    } else if (line_take(&text, "ram")) {
        command_ram(text);
    } else if (line_take(&text, "crc")) {
        command_crc(text);
    } else if (line_take(&text, "begin")) {
        command_begin();
    } else if (line_take(&text, "input")) {
        command_input(text);
    } else if (line_take(&text, "run")) {
        command_run();
    } else if (line_take(&text, "end")) {
        put_line(":end");
        return false;
    } else {
        put_problem("no such command");
    }
    return true;
}

int app_main(void)
{
    static char text[LINE_SIZE];
    command_hello();
    do {
        line_read(text, sizeof text);
    } while (obey(text));
    return 0;
}
