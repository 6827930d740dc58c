/* SPDX-License-Identifier: MIT */
/*
 * dial.c - connect to whatever address of a name answers.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/resolve.h>

static enum rv_poll reach(struct rv_dial *self, struct rv_cx *cx)
{
    struct rv_future *future = &self->future;

    RV_BEGIN(future);
    RV_AWAIT(future, cx, &self->resolve.future);
    if (self->resolve.future.result < 0)
        RV_RETURN(future, self->resolve.future.result);

    for (; self->next < self->resolve.future.result; self->next++) {
        rv_tcp_connect_init(&self->connect, &self->resolve.addrs[self->next],
                            self->tcp);
        RV_AWAIT(future, cx, &self->connect.future);
        if (self->connect.future.result == 0)
            RV_RETURN(future, 0);
        if (self->next == 0)
            self->error = self->connect.future.result;
    }
    RV_RETURN(future, self->error);
    RV_END(future);
}

/* In any state; a connection that was made is the caller's. */
static void dial_drop(struct rv_future *future)
{
    struct rv_dial *self = RV_CONTAINER_OF(future, struct rv_dial, future);

    rv_drop(&self->resolve.future);
    rv_drop(&self->connect.future);
    rv_drop(&self->timer.future);
}

static enum rv_poll dial_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_dial *self = RV_CONTAINER_OF(future, struct rv_dial, future);

    /* I/O before the clock: a connection that is there is taken. */
    if (reach(self, cx) == RV_PENDING) {
        if (rv_poll(&self->timer.future, cx) == RV_PENDING)
            return RV_PENDING;
        future->result = -ETIMEDOUT;
    }
    dial_drop(future);
    return RV_READY;
}

void rv_dial_init(struct rv_dial *dial, const char *host, uint16_t port,
                  int64_t deadline_ns, struct rv_tcp *tcp)
{
    static const struct rv_future_ops ops = {
        .name = "rv_dial", .poll = dial_poll, .drop = dial_drop};

    *dial = (struct rv_dial){.tcp = tcp};
    rv_future_init(&dial->future, &ops);
    rv_resolve_init(&dial->resolve, host, port);
    rv_sleep_init(&dial->timer, deadline_ns);
    *tcp = (struct rv_tcp){0};
}
