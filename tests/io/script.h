/* SPDX-License-Identifier: MIT */
/*
 * script.h - an rv_io whose reads and writes a test has written down.
 *
 *     struct script script;
 *
 *     script_init(&script, "GET|. /|.|HTTP");      | ends a read, . waits
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_IO_SCRIPT_H
#define RV_TEST_IO_SCRIPT_H

#include <criterion/criterion.h>

#include <errno.h>
#include <reveil/reveil.h>
#include <string.h>

#include "support/support.h"

struct script {
    struct rv_io io;
    const char *next;  /* what is to be read */
    int end;           /* after that: 0, or a negative errno */
    size_t room_bytes; /* what writes accept before they wait */
    size_t most_bytes; /* in one write */
    char written[256];
    size_t written_bytes;
    struct rv_waker waker; /* of the task that waits */
    int forgotten[2];
    int reads;
    bool is_shut;
};

static inline struct script *script_of(struct rv_io *io)
{
    return RV_CONTAINER_OF(io, struct script, io);
}

static inline void script_store(struct script *self, struct rv_cx *cx)
{
    rv_waker_drop(&self->waker);
    self->waker = rv_waker_clone(&cx->waker);
}

static inline ssize_t script_poll_read(struct rv_io *io, struct rv_cx *cx,
                                       void *buffer, size_t len_bytes)
{
    struct script *self = script_of(io);
    size_t n;

    self->reads++;
    if (*self->next == '|')
        self->next++;
    if (*self->next == '.') {
        self->next++;
        script_store(self, cx);
        return -EAGAIN;
    }
    n = strcspn(self->next, "|.");
    if (n == 0)
        return self->end;
    if (n > len_bytes)
        n = len_bytes;
    memcpy(buffer, self->next, n);
    self->next += n;
    return (ssize_t)n;
}

static inline ssize_t script_poll_write(struct rv_io *io, struct rv_cx *cx,
                                        const void *data, size_t len_bytes)
{
    struct script *self = script_of(io);
    size_t n = len_bytes < self->most_bytes ? len_bytes : self->most_bytes;

    if (self->is_shut)
        return -EPIPE;
    if (n > self->room_bytes)
        n = self->room_bytes;
    if (n == 0 && len_bytes > 0) {
        script_store(self, cx);
        return -EAGAIN;
    }
    cr_assert_leq(self->written_bytes + n, sizeof self->written);
    memcpy(self->written + self->written_bytes, data, n);
    self->written_bytes += n;
    self->room_bytes -= n;
    return (ssize_t)n;
}

static inline int script_poll_shutdown(struct rv_io *io, struct rv_cx *cx)
{
    struct script *self = script_of(io);

    if (self->room_bytes == 0) {
        script_store(self, cx);
        return -EAGAIN;
    }
    self->is_shut = true;
    return 0;
}

static inline void script_forget(struct rv_io *io, enum rv_direction direction)
{
    struct script *self = script_of(io);

    self->forgotten[direction]++;
    rv_waker_drop(&self->waker);
}

static inline void script_init(struct script *script, const char *text)
{
    static const struct rv_io_ops ops = {.name = "script",
                                         .poll_read = script_poll_read,
                                         .poll_write = script_poll_write,
                                         .poll_shutdown = script_poll_shutdown,
                                         .forget = script_forget};

    *script = (struct script){.io.ops = &ops,
                              .next = text,
                              .room_bytes = sizeof script->written,
                              .most_bytes = sizeof script->written};
}

/* A task that polls, and the io that it polls. */
struct staged {
    struct script script;
    struct rv_probe probe;
};

static inline void staged_init(struct staged *test, const char *text)
{
    script_init(&test->script, text);
    rv_probe_init(&test->probe);
}

static inline void staged_fini(struct staged *test)
{
    rv_waker_drop(&test->script.waker);
    rv_probe_fini(&test->probe);
}

static inline enum rv_poll staged_poll(struct staged *test,
                                       struct rv_future *future)
{
    struct rv_cx cx = rv_probe_cx(&test->probe);

    return rv_poll(future, &cx);
}

/* Poll until READY. Returns: the result. */
static inline int32_t staged_run(struct staged *test, struct rv_future *future)
{
    for (int i = 0; i < 100; i++)
        if (staged_poll(test, future) == RV_READY)
            return future->result;
    cr_assert_fail("it was not READY after 100 polls");
    return -1;
}

#endif /* RV_TEST_IO_SCRIPT_H */
