/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware as a POSIX process. Console: standard input and output, or with `--listen PORT` one client on
 * 127.0.0.1:PORT (0: any free port). "listening on 127.0.0.1:PORT" on standard error tells that a client may connect.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

#define EXIT_USAGE 2
#define IDLE_MILLISECONDS 100

static int input_fd = STDIN_FILENO;
static int output_fd = STDOUT_FILENO;
static uint8_t received[4096];
static size_t received_count, received_next;

uint64_t board_counter(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t board_milliseconds(void)
{
    return (uint32_t)(board_counter() / 1000000u);
}

uint32_t board_device_id(void)
{
    return 0;
}

const char *board_caches(void)
{
    return BOARD_CACHES;
}

void board_exit(int status)
{
    exit(status);
}

void board_console_write(const uint8_t *data, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(output_fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            board_exit(0); /* the other side has gone */
        }
        data += written;
        size -= (size_t)written;
    }
}

/* Waits up to `milliseconds` for input; the process ends when the other side closes. */
static void fill(int milliseconds)
{
    struct pollfd source = {.fd = input_fd, .events = POLLIN, .revents = 0};
    if (poll(&source, 1, milliseconds) <= 0) {
        return;
    }
    const ssize_t count = read(input_fd, received, sizeof(received));
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
        board_exit(0);
    }
    received_next = 0;
    received_count = count > 0 ? (size_t)count : 0;
}

int board_console_read(void)
{
    if (received_next == received_count) {
        fill(0);
    }
    return received_next < received_count ? (int)received[received_next++] : -1;
}

void board_idle(void)
{
    if (received_next == received_count) {
        fill(IDLE_MILLISECONDS);
    }
}

static void fail(const char *what)
{
    fprintf(stderr, "error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint16_t bind_local(int listener, uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener, (struct sockaddr *)(void *)&address, size) != 0 || listen(listener, 1) != 0) {
        fail("cannot listen on 127.0.0.1; is the port in use?");
    }
    if (getsockname(listener, (struct sockaddr *)(void *)&address, &size) != 0) {
        fail("getsockname");
    }
    return ntohs(address.sin_port);
}

static void serve(uint16_t port)
{
    const int on = 1;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) {
        fail("socket");
    }
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    fprintf(stderr, "listening on 127.0.0.1:%u\n", (unsigned)bind_local(listener, port));
    const int client = accept(listener, NULL, NULL);
    if (client < 0) {
        fail("accept");
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)close(listener);
    input_fd = client;
    output_fd = client;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--listen") == 0) {
        char *end = NULL;
        const unsigned long port = strtoul(argv[2], &end, 10);
        if (*argv[2] == '\0' || *end != '\0' || port > 65535) {
            fprintf(stderr, "error: --listen wants a port from 0 to 65535, not %s\n", argv[2]);
            return EXIT_USAGE;
        }
        serve((uint16_t)port);
    } else if (argc != 1) {
        fprintf(stderr, "usage: %s [--listen PORT]\n", argv[0]);
        return EXIT_USAGE;
    }
    return app_main();
}
