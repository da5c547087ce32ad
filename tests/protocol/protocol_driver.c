/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the C side of the protocol from a script on standard input, in virtual time; the Python tests write the
 * script.
 *
 *     protocol_driver checked      send HEX | rx HEX | tick MS   -> tx HEX, msg HEX ..., failed 0|1, and a line with a
 * dot protocol_driver link         rx HEX | wait MS              -> tx HEX, and a line with a dot
 *
 * As a link it is a device that echoes every message; "SYNC1" and "SYNC0" are taken for SYNC requests that accept and
 * leave the checked mode; what starts with '-' is skipped unread and answered with "skipped".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai_link.h"

#define MAX_BYTES 300000u

static uint8_t out_bytes[MAX_BYTES];
static size_t out_size;
static uint8_t in_bytes[MAX_BYTES];
static size_t in_size;
static size_t in_pos;
static uint8_t message[MAX_BYTES];
static char line[2u * MAX_BYTES + 16u];
static uint32_t clock_ms;
static uint32_t wait_ms;

static void print_hex(const char *word, const uint8_t *data, size_t size)
{
    printf("%s ", word);
    for (size_t i = 0; i < size; i++) {
        printf("%02x", (unsigned)data[i]);
    }
    printf("\n");
}

static size_t parse_hex(const char *text, uint8_t *data)
{
    size_t size = 0;
    unsigned value = 0;

    while (size < MAX_BYTES && sscanf(&text[2u * size], "%2x", &value) == 1) {
        data[size] = (uint8_t)value;
        size++;
    }
    return size;
}

static bool collect(void *context, const uint8_t *data, size_t size)
{
    (void)context;
    if (size > MAX_BYTES - out_size) {
        return false;
    }
    memcpy(&out_bytes[out_size], data, size);
    out_size += size;
    return true;
}

static bool next_line(void)
{
    if (fgets(line, (int)sizeof(line), stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static void end_of_step(void)
{
    print_hex("tx", out_bytes, out_size);
    out_size = 0;
    printf(".\n");
    fflush(stdout);
}

/* ---- the state machine of the checked mode alone ---- */

typedef struct {
    ai_checked link;
    ai_checked_buffers buffers;
    uint8_t pending[MAX_BYTES];
    size_t pending_size;
    size_t pending_pos;
    bool is_pending;
    size_t message_size;
} checked_end;

static checked_end end;

static void send_pending(void)
{
    while (end.is_pending && !end.link.failed) {
        uint8_t *slot = ai_checked_slot(&end.link);
        if (slot == NULL) {
            return;
        }
        const size_t left = end.pending_size - end.pending_pos;
        const size_t count = left < AI_CHECKED_PAYLOAD ? left : AI_CHECKED_PAYLOAD;
        memcpy(slot, &end.pending[end.pending_pos], count);
        end.pending_pos += count;
        end.is_pending = count < left;
        (void)ai_checked_submit(&end.link, count, !end.is_pending, clock_ms);
    }
}

static void take_ready(void)
{
    while (end.link.ready) {
        const uint8_t *data;
        bool last;
        const size_t size = ai_checked_payload(&end.link, &data, &last);
        memcpy(&message[end.message_size], data, size);
        end.message_size += size;
        ai_checked_consume(&end.link, size);
        if (last) {
            print_hex("msg", message, end.message_size);
            end.message_size = 0;
        }
    }
}

static void run_checked(void)
{
    ai_checked_init(&end.link, &end.buffers, collect, NULL);
    while (next_line()) {
        if (strncmp(line, "send ", 5) == 0) {
            end.pending_size = parse_hex(&line[5], end.pending);
            end.pending_pos = 0;
            end.is_pending = true;
        } else if (strncmp(line, "rx ", 3) == 0) {
            in_size = parse_hex(&line[3], in_bytes);
            for (size_t i = 0; i < in_size; i++) {
                ai_checked_rx_byte(&end.link, in_bytes[i], clock_ms);
                take_ready();
                send_pending();
            }
        } else if (strncmp(line, "tick ", 5) == 0) {
            clock_ms = (uint32_t)strtoul(&line[5], NULL, 10);
            ai_checked_poll(&end.link, clock_ms);
        }
        send_pending();
        printf("failed %d\n", end.link.failed ? 1 : 0);
        end_of_step();
    }
}

/* ---- the whole link ---- */

static int read_byte(void *context)
{
    (void)context;
    while (in_pos == in_size) {
        if (wait_ms > 0u) {
            const uint32_t step = wait_ms < 10u ? wait_ms : 10u;
            wait_ms -= step;
            clock_ms += step;
            return -1;
        }
        end_of_step();
        if (!next_line()) {
            exit(0);
        }
        if (strncmp(line, "rx ", 3) == 0) {
            in_size = parse_hex(&line[3], in_bytes);
            in_pos = 0;
        } else if (strncmp(line, "wait ", 5) == 0) {
            wait_ms = (uint32_t)strtoul(&line[5], NULL, 10);
        }
    }
    return in_bytes[in_pos++];
}

static uint32_t read_clock(void *context)
{
    (void)context;
    return clock_ms;
}

static void echo(ai_link *link)
{
    static const uint8_t skipped[] = {'s', 'k', 'i', 'p', 'p', 'e', 'd'};
    size_t size = 0;

    if (!ai_link_read(link, message, 1u)) {
        return;
    }
    size = 1u;
    if (message[0] == (uint8_t)'-') {
        if (ai_link_end_read(link)) {
            (void)(ai_link_begin_write(link) && ai_link_write(link, skipped, sizeof(skipped)) &&
                   ai_link_end_write(link));
        }
        return;
    }
    while (!ai_link_at_end(link) && size < MAX_BYTES && ai_link_read(link, &message[size], 1u)) {
        size++;
    }
    if (!ai_link_end_read(link)) {
        return;
    }
    if (size == 5u && memcmp(message, "SYNC", 4u) == 0) {
        ai_link_sync(link, message[4] == (uint8_t)'1' ? AI_LINK_CHECKED_MAGIC : 0u);
    }
    (void)(ai_link_begin_write(link) && ai_link_write(link, message, size) && ai_link_end_write(link));
}

static void run_link(void)
{
    static ai_link link;
    static ai_checked_buffers buffers;
    static const ai_link_port port = {collect, read_byte, read_clock, NULL};

    ai_link_init(&link, &port, &buffers);
    for (;;) {
        if (ai_link_wait(&link, AI_LINK_FOREVER)) {
            echo(&link);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "checked") == 0) {
        run_checked();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "link") == 0) {
        run_link();
    }
    fprintf(stderr, "usage: protocol_driver checked|link\n");
    return 2;
}
