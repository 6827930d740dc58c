/* SPDX-License-Identifier: MIT */
/*
 * panic.c - the message, and the abort, of a program that misuses the library.
 *
 * Threads: any; signal handlers too, hence no stdio.
 */
#include "base/base_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Long enough for every text in the library; a longer name is cut off. */
enum { LINE_BYTES = 256 };

/* Add as much of `text` as fits and still leaves room for the newline. */
static size_t append(char *line, size_t len, const char *text)
{
    const size_t room = LINE_BYTES - 1 - len;
    const size_t text_len = strnlen(text, room);

    memcpy(line + len, text, text_len);
    return len + text_len;
}

_Noreturn void rv_panic(const char *what, const char *name)
{
    char line[LINE_BYTES];
    size_t len = 0;

    len = append(line, len, "reveil: ");
    len = append(line, len, what);
    len = append(line, len, ": ");
    len = append(line, len, name);
    line[len++] = '\n';

    /* One write, so that lines of two threads do not mix. If it fails, the
     * abort still shows that something is wrong. */
    (void)!write(STDERR_FILENO, line, len);
    abort();
}

void rv_list_misuse(void)
{
    rv_panic("a sleep, a timer, a waiter or a task was moved, initialized "
             "again or freed while it was in use",
             "a list");
}
