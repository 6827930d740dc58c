/* SPDX-License-Identifier: MIT */
/*
 * coro_handler.c - a handler that is a coroutine, as a future.
 *
 * The future is polled by the task of the connection, like every handler, and
 * resumes the coroutine when what it awaits is READY. So the handler has the
 * connection's task: its waits for the socket and those of the connection store
 * the same waker, and a request does not cost a task of its own.
 *
 * Threads: the executor's.
 */
#include <errno.h>

#include "base/base_internal.h"
#include "http/server/connection.h"

/* In the coroutine: rv_coro_data(). */
struct link {
    struct rv_http_coro *self;
};

static int await(struct rv_coro *coro, struct rv_future *future)
{
    struct rv_http_coro *self = ((struct link *)rv_coro_data(coro))->self;
    struct rv_cx *cx = self->cx;

    if (self->canceled)
        return -ECANCELED;
    RV_CHECK(cx, "an await inside of a poll");
    self->cx = NULL;
    if (rv_poll(future, cx) == RV_READY) {
        self->cx = cx;
        return future->result;
    }
    self->awaited = future;
    return rv_coro_suspend_then(NULL, NULL);
}

static bool canceled(struct rv_coro *coro)
{
    return ((struct link *)rv_coro_data(coro))->self->canceled;
}

static int32_t run(void *arg)
{
    struct rv_http_coro *self = arg;

    return self->handler->run(self->exchange, self->handler->data);
}

/* Returns: 0, -ENOMEM, -EINVAL (the size of the stack). */
static int make(struct rv_http_coro *self)
{
    static const struct rv_coro_host host = {.await = await,
                                             .canceled = canceled};
    const struct rv_coro_options options = {.name = "http-handler",
                                            .stack_bytes =
                                                self->handler->stack_bytes,
                                            .host = &host,
                                            .data_bytes = sizeof(struct link)};
    const int error = rv_coro_new(&self->coro, run, self, &options);

    if (error < 0)
        return error;
    ((struct link *)rv_coro_data(self->coro))->self = self;
    self->mark = rv_fork_mark();
    return 0;
}

static enum rv_poll coro_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_http_coro *self =
        RV_CONTAINER_OF(future, struct rv_http_coro, future);
    struct rv_future *awaited = self->awaited;

    if (!self->coro) {
        future->result = make(self);
        if (future->result < 0)
            return RV_READY;
    }
    if (awaited && rv_poll(awaited, cx) == RV_PENDING)
        return RV_PENDING;
    self->awaited = NULL;
    self->cx = cx;
    if (!rv_coro_resume_with(self->coro, awaited ? awaited->result : 0))
        return RV_PENDING;
    future->result = rv_coro_result(self->coro);
    return RV_READY;
}

/* A coroutine that has not finished is canceled: its waits return -ECANCELED,
 * so that it runs to its end here. */
static void coro_drop(struct rv_future *future)
{
    struct rv_http_coro *self =
        RV_CONTAINER_OF(future, struct rv_http_coro, future);

    /* In a child of fork() its side effects belong to the parent. */
    if (!self->coro || rv_fork_is_copy(self->mark))
        return;
    self->canceled = true;
    if (!rv_coro_finished(self->coro))
        RV_CHECK(rv_coro_resume_with(self->coro, -ECANCELED),
                 "a canceled handler suspended");
    rv_coro_free(self->coro);
    self->coro = NULL;
}

void rv_http_coro_init(struct rv_http_coro *self,
                       const struct rv_http_handler *handler,
                       struct rv_http_exchange *exchange)
{
    static const struct rv_future_ops ops = {
        .name = "http-handler", .poll = coro_poll, .drop = coro_drop};

    rv_future_init(&self->future, &ops);
    self->handler = handler;
    self->exchange = exchange;
    self->coro = NULL;
    self->awaited = NULL;
    self->canceled = false;
}
