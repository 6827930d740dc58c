/* SPDX-License-Identifier: MIT */
/* futures.c - one task sends five numbers, another adds them up: with the
 * macros of async.h. See docs/which-way.md. */
#include <errno.h>
#include <reveil/reveil.h>
#include <stdio.h>

enum { LAST = 5 };

struct sender {
    struct rv_future future;
    struct rv_spsc_sender *out;
    struct rv_sleep nap;
    struct rv_spsc_send send;
    int number;
};

static enum rv_poll sender_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct sender *self = RV_CONTAINER_OF(future, struct sender, future);

    RV_BEGIN(future);
    for (self->number = 1; self->number <= LAST; self->number++) {
        rv_sleep_init(&self->nap, rv_after_ms(1));
        RV_AWAIT(future, cx, &self->nap.future);
        rv_spsc_send_init(&self->send, self->out, &self->number, 1);
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result < 0)
            break;
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void sender_drop(struct rv_future *future)
{
    struct sender *self = RV_CONTAINER_OF(future, struct sender, future);

    rv_drop(&self->nap.future);
    rv_drop(&self->send.future);
    rv_spsc_sender_close(self->out);
    self->out = NULL;
}

static const struct rv_future_ops sender_ops = {
    .name = "sender", .poll = sender_poll, .drop = sender_drop};

struct adder {
    struct rv_future future;
    struct rv_spsc_receiver *in;
    struct rv_spsc_recv recv;
    int number;
    int sum;
};

static enum rv_poll adder_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct adder *self = RV_CONTAINER_OF(future, struct adder, future);

    RV_BEGIN(future);
    for (;;) {
        rv_spsc_recv_init(&self->recv, self->in, &self->number, 1);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result < 0)
            break;
        self->sum += self->number;
    }
    RV_RETURN(future, self->sum);
    RV_END(future);
}

static void adder_drop(struct rv_future *future)
{
    struct adder *self = RV_CONTAINER_OF(future, struct adder, future);

    rv_drop(&self->recv.future);
    rv_spsc_receiver_close(self->in);
    self->in = NULL;
}

static const struct rv_future_ops adder_ops = {
    .name = "adder", .poll = adder_poll, .drop = adder_drop};

/* The executor owns the sender; the caller drops the adder in any case. */
static int start_both(struct rv_executor *executor, struct adder *adder)
{
    struct sender *sender = rv_alloc(sizeof *sender);
    int error;

    if (!sender)
        return -ENOMEM;
    rv_future_init(&sender->future, &sender_ops);
    error = rv_spsc_new(&sender->out, &adder->in, sizeof(int), 1, NULL);
    if (!error)
        error = rv_spawn(executor, &sender->future, NULL);
    if (error) {
        rv_drop(&sender->future);
        rv_free(sender);
    }
    return error;
}

int main(void)
{
    struct rv_runtime *runtime;
    struct adder adder = {0};
    int sum = rv_runtime_start(&runtime);

    if (sum < 0)
        return rv_exit_status("which_way", sum);
    rv_future_init(&adder.future, &adder_ops);
    sum = start_both(rv_runtime_executor(runtime), &adder);
    if (sum == 0)
        sum = rv_runtime_block_on(runtime, &adder.future);
    rv_drop(&adder.future);
    rv_runtime_stop(runtime);
    if (sum >= 0 && (printf("%d\n", sum) < 0 || fflush(stdout) != 0))
        sum = -errno;
    return rv_exit_status("which_way", sum);
}
