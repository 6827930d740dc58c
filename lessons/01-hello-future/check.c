/* SPDX-License-Identifier: MIT */
/*
 * Lesson 01 from the other side: the checker polls the learner's future, and
 * the learner's loop polls the checker's.
 */
#include "probe.h"

#include <poll.h>

enum { PROBE_TEXT = 100, PROBE_MOST_POLLS = 10000 };

static int probe_ends[2];

/* A text of `length` bytes that holds the nonce. */
static const char *probe_text(int length)
{
    static char text[PROBE_TEXT + 1];
    const char *nonce = probe_nonce();

    for (int i = 0; i < length; i++)
        text[i] = nonce[(size_t)i % strlen(nonce)];
    text[length] = '\0';
    return text;
}

static struct hello probe_hello(const char *text)
{
    struct hello hello;

    if (pipe2(probe_ends, O_NONBLOCK | O_CLOEXEC) < 0)
        abort();
    hello = hello_new(probe_ends[1], text);
    probe_reset();
    probe_expect(bytes_in(probe_ends[0]) == 0, "NOT LAZY", "bytes",
                 bytes_in(probe_ends[0]), 0, 0);
    return hello;
}

static enum poll_state probe_poll(struct hello *hello)
{
    const unsigned long sleeps = probe_count(PROBE_SLEEP);
    enum poll_state state;

    probe_over = NULL; /* the cases poll after READY where they want to */
    probe_polls = 0;
    state = probe_hello_poll(&hello->future);
    probe_expect(probe_count(PROBE_SLEEP) == sleeps, "SLEEPS IN POLL", "count",
                 (long)(probe_count(PROBE_SLEEP) - sleeps), 0, 0);
    return state;
}

/* Poll to the end. Returns: the polls it took. */
static int probe_finish(struct hello *hello)
{
    int polls = 1;

    while (probe_poll(hello) == NOT_READY)
        if (++polls > PROBE_MOST_POLLS)
            probe_fail("NEVER READY", "polls", polls, 0, 0);
    probe_expect(hello->future.error != -EFAULT, "NO TEXT", "fault", 0, 0, 0);
    return polls;
}

/* Too few bytes. Only probe_limit and a full pipe make a write() short. */
static void probe_truncated(const struct hello *hello, long n, long length)
{
    if (hello->future.error)
        probe_fail("TRUNCATED: write() failed", "error", n, length,
                   hello->future.error);
    if (probe_count(PROBE_WRITE) == 0)
        probe_fail("TRUNCATED: nothing written", "bytes", n, length, 0);
    if (probe_limit > PROBE_TEXT)
        probe_fail("TRUNCATED: READY too early", "bytes", n, length, 0);
    probe_fail("TRUNCATED", "bytes", n, length, 0);
}

/* How many members of it are this number. */
static int probe_members(const struct hello *hello, size_t number)
{
    int count = 0;

    for (size_t at = 0; at + sizeof(number) <= sizeof(*hello);
         at += sizeof(number))
        count += memcmp((const char *)hello + at, &number, sizeof(number)) == 0;
    return count;
}

/* Too many bytes. Were as many written as hello_new() has said? */
static void probe_too_much(const struct hello *hello, long n, long length)
{
    const bool told = probe_members(hello, (size_t)n) > 1 &&
                      probe_members(hello, (size_t)length) == 0;

    probe_fail(told ? "TOO MUCH WRITTEN @1.1" : "TOO MUCH WRITTEN @1.2",
               "bytes", n, length, 0);
}

/* What arrived is the text, all of it. */
static void probe_same(const struct hello *hello, const char *text)
{
    char got[PROBE_TEXT + 2];
    const long length = (long)strlen(text);
    long n = read(probe_ends[0], got, sizeof(got));

    if (n < 0)
        n = 0;
    if (n < length)
        probe_truncated(hello, n, length);
    if (n > length)
        probe_too_much(hello, n, length);
    probe_expect(memcmp(got, text, (size_t)n) == 0, "WRONG TEXT", "bytes", n, 0,
                 0);
}

/* Nothing is written, also not a little later by somebody else. */
PROBE_CASE(lazy)
{
    const struct hello hello = probe_hello(probe_text(14));

    probe_expect(hello.future.poll != NULL, "NO POLL FUNCTION", "null", 0, 0,
                 0);
    probe_quiet(true);
    poll(NULL, 0, 30);
    probe_quiet(false);
    probe_expect(bytes_in(probe_ends[0]) == 0, "NOT LAZY", "bytes",
                 bytes_in(probe_ends[0]), 0, 0);
}

PROBE_CASE(piece)
{
    const char *text = probe_text(14);
    struct hello hello = probe_hello(text);

    probe_poll(&hello);
    probe_expect(bytes_in(probe_ends[0]) <= PIECE, "NEVER YIELDED", "piece",
                 bytes_in(probe_ends[0]), PIECE, 0);
    probe_finish(&hello);
    probe_same(&hello, text);
}

PROBE_CASE(lengths)
{
    static const int lengths[] = {1, 7, 8, 9, 16, PROBE_TEXT};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        const char *text = probe_text(lengths[i]);
        struct hello hello = probe_hello(text);

        probe_finish(&hello);
        probe_same(&hello, text);
    }
}

/* The pipe takes at most 3 bytes at a time. */
PROBE_CASE(small)
{
    const char *text = probe_text(14);
    struct hello hello = probe_hello(text);

    probe_limit = 3;
    probe_finish(&hello);
    probe_same(&hello, text);
}

/* What arrived is the text, as it was when each was alone. */
static void probe_apart(int pipe, const char *text, int which)
{
    char got[PROBE_TEXT + 2];
    const ssize_t n = read(pipe, got, sizeof(got));

    probe_expect(
        n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0,
        "SHARED STATE", "bytes", n < 0 ? 0 : n, (long)strlen(text), which);
}

/* The first poll finds a text to write. */
PROBE_CASE(text)
{
    struct hello hello = probe_hello(probe_text(14));

    probe_finish(&hello);
}

/* One after the other, and two in turn: each keeps its own place. */
PROBE_CASE(two)
{
    const char *text = probe_text(14);
    enum poll_state a = NOT_READY;
    enum poll_state b = NOT_READY;
    struct hello one = probe_hello(text);
    struct hello two;
    int first;

    probe_finish(&one);
    probe_apart(probe_ends[0], text, 1);

    one = probe_hello(text);
    first = probe_ends[0];
    two = probe_hello(text);
    for (int i = 0; i < PROBE_MOST_POLLS && (!a || !b); i++) {
        if (!a)
            a = probe_poll(&one);
        if (!b)
            b = probe_poll(&two);
    }
    probe_apart(first, text, 2);
    probe_apart(probe_ends[0], text, 3);
}

static void probe_fill(void)
{
    static char junk[4096];

    while (write(probe_ends[1], junk, sizeof(junk)) > 0)
        ;
}

static void probe_drain(void)
{
    char junk[4096];

    while (read(probe_ends[0], junk, sizeof(junk)) > 0)
        ;
}

/* EAGAIN: not now, and no error. What comes after it is the rest. */
PROBE_CASE(full)
{
    const char *text = probe_text(PROBE_TEXT);
    struct hello hello = probe_hello(text);
    int begun;

    probe_poll(&hello);
    begun = bytes_in(probe_ends[0]);
    probe_expect(fcntl(probe_ends[1], F_GETFL) & O_NONBLOCK,
                 "BLOCKS THE OTHERS", "flag", 0, 0, 0);
    probe_fill();
    for (int i = 0; i < 3; i++)
        if (probe_poll(&hello) == READY)
            probe_fail("TRUNCATED", "full", begun, PROBE_TEXT, 0);
    probe_drain();
    probe_finish(&hello);
    probe_expect(hello.future.error == 0, "ERROR LOST", "spurious",
                 -hello.future.error, 0, 0);
    probe_same(&hello, text + begun);
}

PROBE_CASE(error)
{
    struct hello hello = hello_new(-1, probe_text(14));

    probe_finish(&hello);
    probe_expect(hello.future.error == -EBADF, "ERROR LOST", "value",
                 hello.future.error, -EBADF, 0);
}

PROBE_CASE(after)
{
    struct hello hello = probe_hello(probe_text(14));

    probe_finish(&hello);
    probe_drain();
    probe_reset();
    if (probe_poll(&hello) == NOT_READY || probe_count(PROBE_WRITE) > 0)
        probe_fail("POLLED AFTER READY", "writes", probe_count(PROBE_WRITE), 0,
                   0);
}

/* --- the loop, with a future of the checker's -------------------------- */

static int probe_polled;
static int probe_ready_at;

static enum poll_state probe_future_poll(struct future *future)
{
    (void)future;
    probe_polled++;
    if (probe_polled > probe_ready_at)
        probe_fail("POLLED AFTER READY", "loop", probe_polled, probe_ready_at,
                   0);
    return probe_polled == probe_ready_at ? READY : NOT_READY;
}

PROBE_CASE(loop)
{
    static const int ready_at[] = {5, 1, 2, 40};

    for (size_t i = 0; i < sizeof(ready_at) / sizeof(*ready_at); i++) {
        struct future future = {.poll = probe_future_poll};

        probe_polled = 0;
        probe_ready_at = ready_at[i];
        run_to_end(&future);
        probe_expect(probe_polled == probe_ready_at, "FORGOTTEN TASK", "loop",
                     probe_polled, probe_ready_at, 0);
    }
}
