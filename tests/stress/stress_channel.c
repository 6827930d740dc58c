/* SPDX-License-Identifier: MIT */
/*
 * stress_channel.c - the ends of a channel on two executors, in two threads,
 * that make each other wait all the time.
 *
 *     stress_channel [COUNT]       100,000 values of each kind
 *
 * A lost wake is a hang. Each value is a pointer to a plain word that was
 * written just before the send. Only the channel orders that write with the
 * read, so ThreadSanitizer detects a channel that publishes too little. In each
 * round the ends are closed while the other side is at work.
 *
 * Before that, once: an end that is closed under a future that waits on it, and
 * two futures that wait on one end, end the program with a message; a child of
 * fork() may close what its parent waits on.
 *
 * Threads: the main thread sends, another one receives.
 */
#include <errno.h>
#include <pthread.h>

#include "stress.h"

enum { ROUND = 64, SENDERS = 3 };

static uint32_t letters[SENDERS][ROUND];

/* The value that stands for letter i of a sender, which this call writes. */
static uint32_t *write_letter(uint32_t sender, uint32_t i)
{
    letters[sender][i] = i + 1;
    return &letters[sender][i];
}

static void read_letter(const uint32_t *letter, uint32_t sender, uint32_t i)
{
    STRESS_CHECK(letter == &letters[sender][i], "out of order");
    STRESS_CHECK(*letter == i + 1, "a value without what was written before");
}

/* Run one future on an executor of this thread. */
static void run(struct rv_future *future)
{
    struct rv_executor *executor;

    STRESS_CHECK(rv_executor_new(&executor) == 0, "no executor");
    STRESS_CHECK(rv_block_on(executor, future) == 0, "a task failed");
    rv_drop(future);
    rv_executor_free(executor);
}

static void *run_thread(void *future)
{
    run(future);
    return NULL;
}

/* Run one in each thread until both have ended. */
static void run_both(struct rv_future *here, struct rv_future *there)
{
    pthread_t thread;

    STRESS_CHECK(pthread_create(&thread, NULL, run_thread, there) == 0,
                 "no thread");
    run(here);
    pthread_join(thread, NULL);
}

/* --- spsc -------------------------------------------------------------- */

struct spsc_side {
    struct rv_future future;
    struct rv_spsc_sender *sender;
    struct rv_spsc_receiver *receiver;
    struct rv_spsc_send send;
    struct rv_spsc_recv recv;
    uint32_t *value;
    uint32_t i;
    uint32_t end; /* closes there */
};

static enum rv_poll spsc_send(struct rv_future *future, struct rv_cx *cx)
{
    struct spsc_side *self = RV_CONTAINER_OF(future, struct spsc_side, future);

    RV_BEGIN(future);
    for (; self->i < self->end; self->i++) {
        self->value = write_letter(0, self->i);
        rv_spsc_send_init(&self->send, self->sender, &self->value, 1);
        RV_AWAIT(future, cx, &self->send.future);
        if (self->send.future.result == -EPIPE)
            break;
    }
    rv_spsc_sender_close(self->sender);
    RV_RETURN(future, 0);
    RV_END(future);
}

static enum rv_poll spsc_receive(struct rv_future *future, struct rv_cx *cx)
{
    struct spsc_side *self = RV_CONTAINER_OF(future, struct spsc_side, future);

    RV_BEGIN(future);
    for (; self->i < self->end; self->i++) {
        rv_spsc_recv_init(&self->recv, self->receiver, &self->value, 1);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result == -EPIPE)
            break;
        read_letter(self->value, 0, self->i);
        stress_dawdle(self->i % 7 * 20);
    }
    rv_spsc_receiver_close(self->receiver);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void spsc_round(uint32_t number)
{
    static const struct rv_future_ops send = {.name = "send",
                                              .poll = spsc_send};
    static const struct rv_future_ops receive = {.name = "receive",
                                                 .poll = spsc_receive};
    struct spsc_side here = {.end = number % 5 ? ROUND : ROUND / 3};
    struct spsc_side there = {.end = number % 3 ? UINT32_MAX : ROUND / 2};

    rv_future_init(&here.future, &send);
    rv_future_init(&there.future, &receive);
    STRESS_CHECK(rv_spsc_new(&here.sender, &there.receiver, sizeof(void *),
                             1 + number % 3, NULL) == 0,
                 "no channel");
    run_both(&here.future, &there.future);
}

/* --- mpsc -------------------------------------------------------------- */

struct mpsc_sender {
    pthread_t thread;
    struct rv_mpsc_sender *sender;
    uint32_t number;
};

static void *mpsc_send(void *arg)
{
    struct mpsc_sender *me = arg;
    uint32_t random = me->number;

    for (uint32_t i = 0; i < ROUND; i++) {
        uint32_t *value = write_letter(me->number, i);

        if (rv_mpsc_send(me->sender, &value) == -EPIPE)
            break;
        stress_dawdle(stress_random(&random) % 200);
    }
    rv_mpsc_sender_close(me->sender);
    return NULL;
}

struct mpsc_side {
    struct rv_future future;
    struct rv_mpsc_receiver *receiver;
    struct rv_mpsc_recv recv;
    uint32_t *value;
    uint32_t next[SENDERS];
    uint32_t left; /* closes after this many */
};

static void mpsc_check(struct mpsc_side *self)
{
    const uint32_t sender = (uint32_t)(self->value - &letters[0][0]) / ROUND;

    STRESS_CHECK(sender < SENDERS, "no letter");
    read_letter(self->value, sender, self->next[sender]++);
}

static enum rv_poll mpsc_receive(struct rv_future *future, struct rv_cx *cx)
{
    struct mpsc_side *self = RV_CONTAINER_OF(future, struct mpsc_side, future);

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        rv_mpsc_recv_init(&self->recv, self->receiver, &self->value, 1);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result == -EPIPE) {
            for (int i = 0; i < SENDERS; i++)
                STRESS_CHECK(self->next[i] == ROUND, "closed too early");
            break;
        }
        mpsc_check(self);
    }
    rv_mpsc_receiver_close(self->receiver);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void mpsc_round(uint32_t number)
{
    static const struct rv_future_ops receive = {.name = "receive",
                                                 .poll = mpsc_receive};
    struct mpsc_side here = {.left = number % 4 ? UINT32_MAX : ROUND};
    struct mpsc_sender senders[SENDERS];
    struct rv_mpsc_sender *first;

    STRESS_CHECK(rv_mpsc_new(&first, &here.receiver, sizeof(void *), NULL) == 0,
                 "no channel");
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i].number = i;
        STRESS_CHECK(rv_mpsc_sender_clone(first, &senders[i].sender) == 0,
                     "no sender");
        pthread_create(&senders[i].thread, NULL, mpsc_send, &senders[i]);
    }
    rv_mpsc_sender_close(first);
    rv_future_init(&here.future, &receive);
    run(&here.future);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
}

/* --- publisher --------------------------------------------------------- */

struct paper_side {
    struct rv_future future;
    struct rv_publisher *publisher;
    struct rv_subscriber *subscriber;
    struct rv_publisher_reserve next;
    struct rv_subscriber_recv recv;
    uint32_t i;
    uint32_t end;
};

static enum rv_poll paper_publish(struct rv_future *future, struct rv_cx *cx)
{
    struct paper_side *self =
        RV_CONTAINER_OF(future, struct paper_side, future);

    RV_BEGIN(future);
    for (; self->i < self->end; self->i += 2) {
        rv_publisher_reserve_init(&self->next, self->publisher, 2);
        RV_AWAIT(future, cx, &self->next.future);
        for (uint32_t k = 0; k < 2; k++)
            *(uint32_t *)rv_events_at(&self->next.events, k) = self->i + k;
        rv_publisher_commit(self->publisher);
    }
    rv_publisher_close(self->publisher);
    RV_RETURN(future, 0);
    RV_END(future);
}

static enum rv_poll paper_read(struct rv_future *future, struct rv_cx *cx)
{
    struct paper_side *self =
        RV_CONTAINER_OF(future, struct paper_side, future);

    RV_BEGIN(future);
    while (self->i < self->end) {
        rv_subscriber_recv_init(&self->recv, self->subscriber, 3);
        RV_AWAIT(future, cx, &self->recv.future);
        if (self->recv.future.result == -EPIPE)
            break;
        for (uint32_t k = 0; k < rv_events_len(&self->recv.events); k++)
            STRESS_CHECK(*(uint32_t *)rv_events_at(&self->recv.events, k) ==
                             self->i++,
                         "events out of order");
        rv_subscriber_commit(self->subscriber);
    }
    rv_subscriber_close(self->subscriber);
    RV_RETURN(future, 0);
    RV_END(future);
}

static void paper_round(uint32_t number)
{
    static const struct rv_future_ops publish = {.name = "publish",
                                                 .poll = paper_publish};
    static const struct rv_future_ops read = {.name = "read",
                                              .poll = paper_read};
    struct paper_side here = {.end = ROUND};
    struct paper_side there = {.end = number % 3 ? UINT32_MAX : ROUND / 2};

    STRESS_CHECK(rv_publisher_new(&here.publisher, sizeof(uint32_t),
                                  2 + number % 3, NULL) == 0 &&
                     rv_publisher_subscribe(here.publisher, RV_FROM_NEXT,
                                            &there.subscriber) == 0,
                 "no publisher");
    rv_future_init(&here.future, &publish);
    rv_future_init(&there.future, &read);
    run_both(&here.future, &there.future);
}

/* --- oneshot ----------------------------------------------------------- */

static _Atomic uint32_t released;

static void release_letter(void *element)
{
    STRESS_CHECK(**(uint32_t **)element != 0, "a value that was not published");
    released++;
}

static void *oneshot_send(void *sender)
{
    uint32_t *value = write_letter(0, 0);

    if (rv_oneshot_send(sender, &value) == -EPIPE)
        released++;
    return NULL;
}

/* The receiver is closed at about the time of the send. */
static void oneshot_round(uint32_t number)
{
    static const struct rv_channel_options options = {.drop_element =
                                                          release_letter};
    struct rv_oneshot_receiver *receiver;
    struct rv_oneshot_sender *sender;
    uint32_t *value;
    pthread_t thread;

    released = 0;
    STRESS_CHECK(rv_oneshot_new(&sender, &receiver, sizeof value, &options) ==
                     0,
                 "no channel");
    pthread_create(&thread, NULL, oneshot_send, sender);
    stress_dawdle(number * 7919 % 40000);
    if (rv_oneshot_try_recv(receiver, &value) == 0) {
        read_letter(value, 0, 0);
        released++;
    }
    rv_oneshot_receiver_close(receiver);
    pthread_join(thread, NULL);
    STRESS_CHECK(released == 1, "a value released twice, or never");
}

/* --- semaphore --------------------------------------------------------- */

struct shared {
    struct rv_semaphore semaphore;
    uint32_t inside; /* plain: the one permit orders the accesses */
};

struct acquirer {
    struct rv_future future;
    struct shared *shared;
    struct rv_semaphore_acquire acquire;
    struct rv_yield yield;
    uint32_t random;
    uint32_t left;
    uint32_t patience; /* polls before it gives up; 0: no limit */
    bool has_permit;
};

/* The acquire is READY, or was given up: it may just have been granted. */
static bool settled(struct acquirer *self, struct rv_cx *cx)
{
    self->has_permit = rv_poll(&self->acquire.future, cx) == RV_READY;
    if (self->has_permit)
        return true;
    if (self->patience == 0)
        return false;
    if (--self->patience > 0) {
        rv_waker_wake(&cx->waker);
        return false;
    }
    /* Some time, in which it may be granted before it is dropped. */
    stress_dawdle(stress_random(&self->random) % 4096);
    rv_drop(&self->acquire.future);
    return true;
}

static enum rv_poll acquirer_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct acquirer *self = RV_CONTAINER_OF(future, struct acquirer, future);

    RV_BEGIN(future);
    for (; self->left > 0; self->left--) {
        rv_semaphore_acquire_init(&self->acquire, &self->shared->semaphore, 1);
        self->patience = stress_random(&self->random) % 4;
        RV_AWAIT_UNTIL(future, settled(self, cx));
        if (!self->has_permit)
            continue;
        STRESS_CHECK(self->shared->inside++ == 0, "two have the one permit");
        rv_yield_init(&self->yield);
        RV_AWAIT(future, cx, &self->yield.future);
        self->shared->inside--;
        rv_semaphore_release(&self->shared->semaphore, 1);
    }
    RV_RETURN(future, 0);
    RV_END(future);
}

static void semaphore_round(uint32_t number)
{
    static const struct rv_future_ops ops = {.name = "acquirer",
                                             .poll = acquirer_poll};
    struct acquirer acquirers[SENDERS] = {{.left = 0}};
    struct shared shared = {.inside = 0};
    pthread_t threads[SENDERS];

    rv_semaphore_init(&shared.semaphore, 1);
    for (uint32_t i = 0; i < SENDERS; i++) {
        acquirers[i].shared = &shared;
        acquirers[i].left = ROUND;
        acquirers[i].random = number * SENDERS + i;
        rv_future_init(&acquirers[i].future, &ops);
        pthread_create(&threads[i], NULL, run_thread, &acquirers[i].future);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    STRESS_CHECK(rv_semaphore_try_acquire(&shared.semaphore, 1) == 0,
                 "the permit is lost");
    rv_semaphore_fini(&shared.semaphore);
}

/* --- misuse ------------------------------------------------------------ */

/* An end that a future of a task waits on. The task is never polled again. */
struct waited {
    struct rv_future future;
    struct rv_executor *executor;
    struct rv_mpsc_sender *sender;
    struct rv_mpsc_receiver *receiver;
    struct rv_mpsc_recv recv[2];
    int number[2];
    int futures; /* that wait on the end */
};

static enum rv_poll waited_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct waited *self = RV_CONTAINER_OF(future, struct waited, future);

    for (int i = 0; i < self->futures; i++)
        STRESS_CHECK(rv_poll(&self->recv[i].future, cx) == RV_PENDING, "poll");
    future->result = 0;
    return RV_READY;
}

static void wait_on_end(struct waited *self, int futures)
{
    static const struct rv_future_ops ops = {.name = "waited",
                                             .poll = waited_poll};

    *self = (struct waited){.futures = futures};
    rv_future_init(&self->future, &ops);
    STRESS_CHECK(
        rv_mpsc_new(&self->sender, &self->receiver, sizeof(int), NULL) == 0,
        "rv_mpsc_new");
    for (int i = 0; i < 2; i++)
        rv_mpsc_recv_init(&self->recv[i], self->receiver, &self->number[i], 1);
    STRESS_CHECK(rv_executor_new(&self->executor) == 0, "rv_executor_new");
    STRESS_CHECK(rv_block_on(self->executor, &self->future) == 0, "poll");
}

static void close_waited(void *arg)
{
    struct waited *self = arg;

    rv_mpsc_receiver_close(self->receiver);
}

static void close_under_a_future(void *arg)
{
    struct waited self;

    (void)arg;
    wait_on_end(&self, 1);
    close_waited(&self);
}

static void wait_twice(void *arg)
{
    struct waited self;

    (void)arg;
    wait_on_end(&self, 2);
}

static void test_misuse(void)
{
    struct waited self;
    char said[4096];

    STRESS_CHECK(stress_is_loud(close_under_a_future, NULL,
                                "closed while a future waits"),
                 "a close under a future was silent");
    STRESS_CHECK(
        stress_is_loud(wait_twice, NULL, "two futures wait on one end"),
        "two futures on one end were silent");
    wait_on_end(&self, 1);
    STRESS_CHECK(stress_in_child(close_waited, &self, said, sizeof said) == 0,
                 "a child of fork() may not close an end");
    rv_drop(&self.recv[0].future);
    close_waited(&self);
    rv_mpsc_sender_close(self.sender);
    rv_executor_free(self.executor);
}

int main(int argc, char **argv)
{
    const uint32_t rounds = stress_count(argc, argv, 100000) / ROUND + 1;
    static const struct {
        const char *name;
        void (*round)(uint32_t number);
    } kinds[] = {
        {"spsc", spsc_round},           {"mpsc", mpsc_round},
        {"publisher", paper_round},     {"oneshot", oneshot_round},
        {"semaphore", semaphore_round},
    };

    stress_watchdog();
    stress_phase = "misuse";
    test_misuse();
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        stress_phase = kinds[k].name;
        for (uint32_t i = 0; i < rounds; i++)
            kinds[k].round(i);
    }
    printf("stress_channel: %u rounds of each kind\n", rounds);
    return 0;
}
