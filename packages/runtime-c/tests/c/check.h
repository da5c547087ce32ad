/* SPDX-License-Identifier: Apache-2.0 */
/* A test is a function; a failed CHECK is printed and counted, and the test goes on. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

extern unsigned check_failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                     \
            check_failures++;                                                                                          \
        }                                                                                                              \
    } while (0)

#endif
