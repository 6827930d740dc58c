/* SPDX-License-Identifier: MIT */
/* test_mpsc.c - unbounded channels: order, blocks, close, waiting. */
#include <pthread.h>
#include <sched.h>

#include "channel/polling.h"

RV_TEST_SUITE(mpsc);

struct ends {
    struct rv_mpsc_sender *sender;
    struct rv_mpsc_receiver *receiver;
};

static struct ends new_channel(void)
{
    struct ends ends;

    dropped = 0;
    cr_assert_eq(
        rv_mpsc_new(&ends.sender, &ends.receiver, sizeof(int), &counting), 0);
    return ends;
}

static void close_both(struct ends *ends)
{
    rv_mpsc_sender_close(ends->sender);
    rv_mpsc_receiver_close(ends->receiver);
}

static struct rv_mpsc_sender *clone_of(struct ends *ends)
{
    struct rv_mpsc_sender *clone;

    cr_assert_eq(rv_mpsc_sender_clone(ends->sender, &clone), 0);
    return clone;
}

static int send_one(struct rv_mpsc_sender *sender, int value)
{
    return rv_mpsc_send(sender, &value);
}

static int recv_one(struct ends *ends)
{
    int value = 0;
    int error = rv_mpsc_try_recv(ends->receiver, &value);

    return error ? error : value;
}

RV_TEST(mpsc, values_come_out_in_the_order_of_all_sends)
{
    struct ends ends = new_channel();
    struct rv_mpsc_sender *other = clone_of(&ends);

    for (int i = 0; i < 3000; i++)
        cr_assert_eq(send_one(i % 3 ? ends.sender : other, i), 0);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(recv_one(&ends), i);
    cr_assert_eq(recv_one(&ends), -EAGAIN);
    rv_mpsc_sender_close(other);
    close_both(&ends);
    cr_assert_eq(dropped, 0);
}

/* A sender has filled a block, and the receiver has passed it: another sender
 * may use the block by now. */
RV_TEST(mpsc, a_block_that_was_given_back_is_not_its_senders_any_more)
{
    enum { VALUES = 4096 };

    struct ends ends = new_channel();
    struct rv_mpsc_sender *other = clone_of(&ends);

    for (int i = 0; i < VALUES; i++) {
        cr_assert_eq(send_one(ends.sender, 2 * i), 0);
        cr_assert_eq(send_one(other, 2 * i + 1), 0);
        cr_assert_eq(recv_one(&ends), 2 * i);
        cr_assert_eq(recv_one(&ends), 2 * i + 1);
    }
    rv_mpsc_sender_close(other);
    close_both(&ends);
}

RV_TEST(mpsc, many_at_once)
{
    struct ends ends = new_channel();
    int in[1000];
    int out[1000];

    for (int i = 0; i < 1000; i++)
        in[i] = i;
    cr_assert_eq(rv_mpsc_send_n(ends.sender, in, 1000), 1000);
    cr_assert_eq(rv_mpsc_try_recv_n(ends.receiver, out, 600), 600);
    cr_assert_eq(rv_mpsc_try_recv_n(ends.receiver, out + 600, 600), 400);
    cr_assert_eq(rv_mpsc_try_recv_n(ends.receiver, out, 1), -EAGAIN);
    cr_assert_arr_eq(in, out, sizeof in);
    close_both(&ends);
}

RV_TEST(mpsc, values_of_any_size_are_copied_whole)
{
    for (uint32_t size = 1; size < 10000; size = size * 3 + 1) {
        char *in = rv_alloc(size);
        char *out = rv_alloc(size);
        struct ends ends;

        cr_assert_eq(rv_mpsc_new(&ends.sender, &ends.receiver, size, NULL), 0);
        for (int i = 0; i < 40; i++) {
            memset(in, i, size);
            cr_assert_eq(rv_mpsc_send(ends.sender, in), 0);
        }
        for (int i = 0; i < 40; i++) {
            cr_assert_eq(rv_mpsc_try_recv(ends.receiver, out), 0);
            memset(in, i, size);
            cr_assert_arr_eq(in, out, size);
        }
        close_both(&ends);
        rv_free(in);
        rv_free(out);
    }
    cr_assert_eq(rv_mpsc_new(NULL, NULL, 0, NULL), -EINVAL);
    cr_assert_eq(rv_mpsc_new(NULL, NULL, UINT32_MAX, NULL), -EINVAL);
}

RV_TEST(mpsc, memory_goes_round)
{
    struct ends ends;
    uint64_t calls;

    rv_count_allocs(0);
    ends = new_channel();
    for (int i = 0; i < 1000; i++)
        send_one(ends.sender, i);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(recv_one(&ends), i);
    calls = rv_alloc_calls();
    for (int i = 0; i < 100000; i++) {
        send_one(ends.sender, i);
        cr_assert_eq(recv_one(&ends), i);
    }
    cr_assert_eq(rv_alloc_calls(), calls);
    close_both(&ends);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(mpsc, senders_that_come_and_go_share_a_block)
{
    struct ends ends;

    rv_count_allocs(0);
    ends = new_channel();
    for (int i = 0; i < 100; i++) {
        struct rv_mpsc_sender *clone = clone_of(&ends);

        send_one(clone, i);
        rv_mpsc_sender_close(clone);
    }
    cr_assert_leq(rv_alloc_live(), 4); /* channel, sender, a block */
    for (int i = 0; i < 100; i++)
        cr_assert_eq(recv_one(&ends), i);
    close_both(&ends);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

RV_TEST(mpsc, after_a_flood_the_memory_is_given_back)
{
    struct ends ends;

    rv_count_allocs(0);
    ends = new_channel();
    for (int i = 0; i < 100000; i++)
        send_one(ends.sender, i);
    cr_assert_gt(rv_alloc_live(), 200);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(recv_one(&ends), i);
    cr_assert_lt(rv_alloc_live(), 25);
    close_both(&ends);
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

static int send_some(void *arg)
{
    struct rv_mpsc_sender *sender;
    struct rv_mpsc_receiver *receiver;
    struct rv_mpsc_sender *clone = NULL;
    int error = rv_mpsc_new(&sender, &receiver, sizeof(int), NULL);
    int pushed = 0;

    (void)arg;
    if (error)
        return error;
    error = rv_mpsc_sender_clone(sender, &clone);
    for (; !error && pushed < 2000; pushed += !error)
        error = send_one(clone, pushed);
    for (int value = 0; pushed > 0; pushed--)
        cr_assert_eq(rv_mpsc_try_recv(receiver, &value), 0);
    cr_assert_eq(rv_mpsc_try_recv(receiver, &(int){0}), -EAGAIN);
    rv_mpsc_sender_close(clone);
    rv_mpsc_sender_close(sender);
    rv_mpsc_receiver_close(receiver);
    return error;
}

RV_TEST(mpsc, a_send_without_memory_leaves_the_channel_as_it_was)
{
    cr_assert_gt(rv_fail_each_alloc_strictly(send_some, NULL), 6);
}

/* --- close and drain --------------------------------------------------- */

RV_TEST(mpsc, epipe_comes_when_the_last_sender_has_closed)
{
    struct ends ends = new_channel();
    struct rv_mpsc_sender *other = clone_of(&ends);

    send_one(ends.sender, 1);
    rv_mpsc_sender_close(ends.sender);
    cr_assert_eq(recv_one(&ends), 1);
    cr_assert_eq(recv_one(&ends), -EAGAIN);
    send_one(other, 2);
    rv_mpsc_sender_close(other);
    cr_assert_eq(recv_one(&ends), 2);
    cr_assert_eq(recv_one(&ends), -EPIPE);
    cr_assert_eq(recv_one(&ends), -EPIPE);
    rv_mpsc_receiver_close(ends.receiver);
}

RV_TEST(mpsc, a_send_to_a_closed_receiver_is_epipe)
{
    struct ends ends = new_channel();

    for (int i = 0; i < 1000; i++)
        send_one(ends.sender, i);
    rv_mpsc_receiver_close(ends.receiver);
    cr_assert_eq(dropped, 1000);
    cr_assert_eq(send_one(ends.sender, 3), -EPIPE);
    cr_assert_eq(rv_mpsc_send_n(ends.sender, &(int){3}, 1), -EPIPE);
    rv_mpsc_sender_close(ends.sender);
    cr_assert_eq(dropped, 1000);
}

static void close_sender(void *element)
{
    rv_mpsc_sender_close(*(struct rv_mpsc_sender **)element);
}

RV_TEST(mpsc, a_sender_left_in_its_own_channel_is_no_leak)
{
    const struct rv_channel_options options = {.drop_element = close_sender};
    struct ends ends;
    struct rv_mpsc_sender *clone;

    cr_assert_eq(
        rv_mpsc_new(&ends.sender, &ends.receiver, sizeof clone, &options), 0);
    clone = clone_of(&ends);
    cr_assert_eq(rv_mpsc_send(ends.sender, &clone), 0);
    rv_mpsc_sender_close(ends.sender);
    rv_mpsc_receiver_close(ends.receiver);
}

/* --- waiting ----------------------------------------------------------- */

RV_TEST(mpsc, a_recv_waits_and_a_send_or_the_close_wakes_it)
{
    struct ends ends = new_channel();
    struct rv_mpsc_recv wait;
    struct rv_probe probe;
    int value = 0;

    rv_probe_init(&probe);
    rv_mpsc_recv_init(&wait, ends.receiver, &value, 1);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
    cr_assert_not(rv_probe_take(&probe));
    send_one(ends.sender, 41);
    cr_assert(rv_probe_take(&probe));
    send_one(ends.sender, 42);
    cr_assert_not(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &wait.future), RV_READY);
    cr_assert(wait.future.result == 1 && value == 41);
    cr_assert_eq(recv_one(&ends), 42);

    rv_mpsc_recv_init(&wait, ends.receiver, &value, 1);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
    rv_mpsc_sender_close(ends.sender);
    cr_assert(rv_probe_take(&probe));
    cr_assert_eq(poll_as(&probe, &wait.future), RV_READY);
    cr_assert_eq(wait.future.result, -EPIPE);
    rv_mpsc_receiver_close(ends.receiver);
    rv_probe_fini(&probe);
}

RV_TEST(mpsc, a_dropped_recv_leaves_neither_waker_nor_value_behind)
{
    struct ends ends = new_channel();
    struct rv_mpsc_recv wait;
    struct rv_probe probe;
    int value = 0;

    rv_probe_init(&probe);
    for (int i = 0; i < 2; i++) {
        rv_mpsc_recv_init(&wait, ends.receiver, &value, 1);
        CHECK_DROP_AFTER_EACH_POLL(&wait.future, &probe);
    }
    send_one(ends.sender, 1);
    cr_assert_not(rv_probe_take(&probe));
    cr_assert_eq(recv_one(&ends), 1);

    rv_mpsc_recv_init(&wait, ends.receiver, &value, 1);
    rv_drop(&wait.future);
    rv_mpsc_recv_init(&wait, ends.receiver, &value, 1);
    cr_assert_eq(poll_as(&probe, &wait.future), RV_PENDING);
    send_one(ends.sender, 2);
    cr_assert(rv_probe_take(&probe));
    rv_drop(&wait.future);
    cr_assert_eq(recv_one(&ends), 2);
    rv_probe_fini(&probe);
    close_both(&ends);
}

/* --- between threads --------------------------------------------------- */

enum { SENDERS = 4, EACH = 250000 };

static void *send_numbers(void *arg)
{
    struct rv_mpsc_sender *sender = arg;

    for (int i = 0; i < EACH; i++)
        if (send_one(sender, i) < 0)
            break;
    rv_mpsc_sender_close(sender);
    return NULL;
}

struct tagged {
    int sender;
    int number;
};

static void *send_tagged(void *arg)
{
    struct rv_mpsc_sender *sender = ((void **)arg)[0];
    struct tagged value = {.sender = *(int *)((void **)arg)[1]};

    for (; value.number < EACH; value.number++)
        if (rv_mpsc_send(sender, &value) < 0)
            break;
    rv_mpsc_sender_close(sender);
    return NULL;
}

RV_TEST(mpsc, a_million_values_of_four_senders_each_in_order)
{
    struct ends ends;
    struct tagged value;
    pthread_t threads[SENDERS];
    void *arguments[SENDERS][2];
    int numbers[SENDERS];
    int next[SENDERS] = {0};
    int error;

    cr_assert_eq(rv_mpsc_new(&ends.sender, &ends.receiver, sizeof value, NULL),
                 0);
    for (int i = 0; i < SENDERS; i++) {
        numbers[i] = i;
        arguments[i][0] = clone_of(&ends);
        arguments[i][1] = &numbers[i];
        pthread_create(&threads[i], NULL, send_tagged, arguments[i]);
    }
    rv_mpsc_sender_close(ends.sender);
    while ((error = rv_mpsc_try_recv(ends.receiver, &value)) != -EPIPE) {
        if (error)
            sched_yield();
        else if (value.number != next[value.sender]++)
            cr_assert_fail("%d of %d", value.number, value.sender);
    }
    for (int i = 0; i < SENDERS; i++) {
        cr_assert_eq(next[i], EACH);
        pthread_join(threads[i], NULL);
    }
    rv_mpsc_receiver_close(ends.receiver);
}

RV_TEST(mpsc, a_receiver_may_close_while_senders_send)
{
    for (int round = 0; round < 20; round++) {
        struct ends ends = new_channel();
        pthread_t threads[2];

        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, send_numbers, clone_of(&ends));
        for (int i = 0; i < 100 * round; i++)
            recv_one(&ends);
        close_both(&ends);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
    }
}
