/* SPDX-License-Identifier: MIT */
/*
 * dial.c - connect to whatever address of a name answers.
 *
 * Threads: the executor's.
 */
#include <errno.h>
#include <reveil/async.h>
#include <reveil/resolve.h>

#include "base/base_internal.h"

/* Until when the next address may be tried. */
static int64_t share_ns(const struct rv_dial *self)
{
    const int64_t left_ns = rv_left_ns(self->deadline_ns);
    const int32_t addrs = self->resolve.future.result - self->next;

    if (left_ns == RV_NEVER || left_ns == 0)
        return self->deadline_ns;
    return self->deadline_ns - left_ns + left_ns / addrs;
}

/* In any state; a connection that was made is the caller's. */
static void dial_drop(struct rv_future *future)
{
    struct rv_dial *self = RV_CONTAINER_OF(future, struct rv_dial, future);

    rv_drop(&self->limit.future);
    rv_drop(&self->resolve.future);
    rv_drop(&self->connect.future);
}

static int32_t finish(struct rv_dial *self, int32_t result)
{
    dial_drop(&self->future);
    return result;
}

static enum rv_poll dial_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_dial *self = RV_CONTAINER_OF(future, struct rv_dial, future);

    RV_BEGIN(future);
    rv_timeout_init(&self->limit, &self->resolve.future, self->deadline_ns);
    RV_AWAIT(future, cx, &self->limit.future);
    if (self->limit.future.result < 0)
        RV_RETURN(future, finish(self, self->limit.future.result));

    for (; self->next < self->resolve.future.result; self->next++) {
        rv_tcp_connect_init(&self->connect, &self->resolve.addrs[self->next],
                            self->tcp);
        self->connect.first = self->first;
        self->connect.first_len_bytes = self->first_len_bytes;
        rv_timeout_init(&self->limit, &self->connect.future, share_ns(self));
        RV_AWAIT(future, cx, &self->limit.future);
        if (self->limit.future.result == 0) {
            self->first_sent_bytes = self->connect.first_sent_bytes;
            RV_RETURN(future, finish(self, 0));
        }
        if (self->next == 0)
            self->error = self->limit.future.result;
    }
    RV_RETURN(future,
              finish(self, rv_now_ns() < self->deadline_ns ? self->error
                                                           : -ETIMEDOUT));
    RV_END(future);
}

void rv_dial_init(struct rv_dial *dial, const char *host, uint16_t port,
                  int64_t deadline_ns, struct rv_tcp *tcp)
{
    static const struct rv_future_ops ops = {
        .name = "rv_dial", .poll = dial_poll, .drop = dial_drop};

    *dial = (struct rv_dial){.tcp = tcp, .deadline_ns = deadline_ns};
    rv_future_init(&dial->future, &ops);
    rv_resolve_init(&dial->resolve, host, port);
    *tcp = (struct rv_tcp){0};
}
