/* SPDX-License-Identifier: MIT */
/*
 * accept_loop.c - accept connections for ever, with a limit, and with patience
 * when descriptors or memory run out.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/serve.h>

#include "base/base_internal.h"

enum {
    ACCEPTS_A_TURN = 16, /* then the task yields to the new connections */
    PAUSE_MS = 20        /* between two tries while resources are short */
};

/* Errors that trying again cannot solve: of the listener, one that was
 * canceled too, or of a reactor that has failed for good. */
static bool is_lasting(int error)
{
    const struct rv_reactor *reactor = rv_reactor_current();

    return error == -EBADF || error == -EINVAL || error == -ENOTSOCK ||
           error == -EOPNOTSUPP || error == -ENODEV || error == -ESTALE ||
           error == -ESHUTDOWN || error == -ENOSYS ||
           (error < 0 && reactor && rv_reactor_error(reactor) == error);
}

static bool is_full(const struct rv_accept_loop *loop)
{
    return loop->max_open > 0 && loop->open >= loop->max_open;
}

/* An accepted connection is kept until there are resources for it. Returns: 0
 * if it was started; negative errno. */
static int start(struct rv_accept_loop *self, struct rv_cx *cx)
{
    const int error = self->ops->start(self, &self->accepted, cx);

    if (!error)
        self->open++;
    return error;
}

static void begin_pause(struct rv_accept_loop *self, int error)
{
    self->lost_before_shortage = self->lost;
    self->is_short = true;
    if (rv_error_is_shortage(error))
        self->ops->give_up_one(self);
    rv_sleep_init(&self->pause, rv_after_ms(PAUSE_MS));
}

/* The listener stays open and READY during a pause: epoll would report no new
 * edge for the same queue. Returns: whether the pause is over. */
static bool is_pause_over(struct rv_accept_loop *self, struct rv_cx *cx)
{
    if (self->lost == self->lost_before_shortage &&
        rv_poll(&self->pause.future, cx) == RV_PENDING)
        return false;
    rv_drop(&self->pause.future);
    self->is_short = false;
    return true;
}

static enum rv_poll loop_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_accept_loop *self =
        RV_CONTAINER_OF(future, struct rv_accept_loop, future);
    int error;

    rv_waker_store(&self->waker, &cx->waker);
    RV_BEGIN(future);
    for (;;) {
        RV_AWAIT_UNTIL(future, !is_full(self));
        if (rv_stream_fd(&self->accepted) < 0) {
            rv_stream_accept_init(&self->accept, self->listener,
                                  &self->accepted);
            RV_AWAIT(future, cx, &self->accept.future);
        }
        error = self->accept.future.result;
        if (!error)
            error = start(self, cx);
        if (is_lasting(error))
            RV_RETURN(future, error);
        if (error < 0 && error != -EAGAIN) {
            begin_pause(self, error);
            RV_AWAIT_UNTIL(future, is_pause_over(self, cx));
        } else if (error || ++self->accepts_in_a_row == ACCEPTS_A_TURN) {
            self->accepts_in_a_row = 0;
            rv_yield_init(&self->yield);
            RV_AWAIT(future, cx, &self->yield.future);
        }
    }
    RV_END(future);
}

static void loop_drop(struct rv_future *future)
{
    struct rv_accept_loop *self =
        RV_CONTAINER_OF(future, struct rv_accept_loop, future);

    rv_drop(&self->accept.future);
    rv_drop(&self->pause.future);
    rv_stream_close(&self->accepted);
    rv_waker_drop(&self->waker);
}

void rv_accept_loop_lost_one(struct rv_accept_loop *loop)
{
    const bool was_full = is_full(loop);

    loop->open--;
    loop->lost++;
    if (was_full || loop->is_short)
        rv_waker_wake(&loop->waker);
}

void rv_accept_loop_init(struct rv_accept_loop *loop,
                         struct rv_stream *listener,
                         const struct rv_accept_loop_ops *ops)
{
    static const struct rv_future_ops future_ops = {
        .name = "rv_accept_loop", .poll = loop_poll, .drop = loop_drop};

    *loop = (struct rv_accept_loop){.listener = listener, .ops = ops};
    rv_future_init(&loop->future, &future_ops);
}
