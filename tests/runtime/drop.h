/* SPDX-License-Identifier: MIT */
/*
 * drop.h - an environment in which one future is polled a given number of
 * times, then dropped.
 *
 * A kind of future is a row of a table: how its environment is set up, how it
 * is made, and how it can advance. It is dropped before its first poll, after
 * its first, its second, ... until it is READY. Nothing of it may be left: no
 * descriptor, source, timer or task, and no waker, for that would keep the
 * memory of the executor's queue. Each drop point has an environment of its
 * own.
 *
 * Threads: the test's, the reactor's, the pool's.
 */
#ifndef RV_TEST_DROP_H
#define RV_TEST_DROP_H

#include <criterion/criterion.h>

#include <reveil/reveil.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/executor_internal.h"
#include "reactor/reactor_internal.h"
#include "support/failing_alloc.h"
#include "support/support.h"

enum { POLLS_AT_MOST = 1000 };

/* The future under test, and its children. */
union subject {
    struct rv_tcp_connect connect;
    struct rv_stream_accept accept;
    struct rv_stream_recv recv;
    struct rv_stream_send send;
    struct rv_stream_sendv sendv;
    struct rv_unix_connect unix_connect;
    struct rv_udp_recv_from recv_from;
    struct rv_udp_send_to send_to;
    struct rv_signal_wait signal;
    struct rv_process_wait process;
    struct rv_resolve resolve;
    struct rv_dial dial;
    struct rv_blocking blocking;
    struct rv_sleep sleep;
    struct rv_interval interval;
    struct rv_yield yield;
    struct rv_scope scope;
    struct rv_join join;
    struct rv_remote_join remote_join;
};

struct world {
    struct rv_executor *executor;
    struct rv_reactor *reactor;
    struct rv_blocking_pool *pool;

    /* The objects that futures need and make. */
    struct rv_addr addr;
    struct rv_stream listener;
    struct rv_stream stream;
    struct rv_stream made;
    struct rv_udp udp;
    struct rv_signals signals;
    struct rv_process process;
    struct rv_remote *remote;
    int peer; /* a plain descriptor; 0: none */

    union subject subject;
    struct rv_all all;
    struct rv_try_all try_all;
    struct rv_select select;
    struct rv_timeout timeout;
    struct rv_sleep children[2];
    struct rv_future *list[2];
    struct iovec pieces[2];
    char buffer[16];
};

struct kind {
    const char *name;
    /* Called before the executor polls for it. NULL: nothing to do. */
    void (*set_up)(struct world *world);
    struct rv_future *(*init)(struct world *world);
    /* Called after each PENDING poll, to let it advance. NULL: time does. */
    void (*feed)(struct world *world);
    int polls;            /* how often it is polled; 0: until it is READY */
    int executors_blocks; /* of set_up, freed with the executor */
    uint32_t tasks;       /* that may be left */
};

/* --- the world, from its beginning to its end -------------------------- */

struct count {
    uint32_t fds;
    int peer;
    uint32_t sources;
    int64_t blocks; /* not freed with the executor */
};

static inline void begin(struct world *world, const struct kind *kind,
                         bool fused, struct count *count)
{
    struct rv_yield yield;
    int64_t blocks;

    *world = (struct world){.peer = 0};
    count->blocks = rv_alloc_live();
    cr_assert_eq(rv_executor_new(&world->executor), 0);
    blocks = rv_alloc_live();
    cr_assert_eq(fused
                     ? rv_reactor_start_fused(
                           &world->reactor, rv_executor_ready(world->executor))
                     : rv_reactor_start(&world->reactor),
                 0);
    cr_assert_eq(rv_blocking_pool_new(&world->pool, NULL), 0);
    rv_reactor_enter(world->reactor);
    rv_blocking_enter(world->pool);
    count->blocks += rv_alloc_live() - blocks;

    /* From here on the executor has room for tasks. */
    rv_yield_init(&yield);
    cr_assert_eq(rv_test_block_on(world->executor, &yield.future), 0);
    blocks = rv_alloc_live();
    if (kind->set_up)
        kind->set_up(world);
    count->blocks += rv_alloc_live() - blocks - kind->executors_blocks;
    count->fds = rv_test_fds();
    count->peer = world->peer;
    count->sources = world->reactor->sources.live;
}

static inline void end(struct world *world)
{
    rv_stream_close(&world->listener);
    rv_stream_close(&world->stream);
    rv_udp_close(&world->udp);
    rv_signals_close(&world->signals);
    if (world->peer)
        close(world->peer);
    if (world->process.pid) {
        const pid_t pid = world->process.pid;

        rv_process_kill(&world->process, SIGKILL);
        waitpid(pid, NULL, 0);
        rv_process_close(&world->process);
    }
    rv_remote_put(world->remote);
    rv_blocking_enter(NULL);
    rv_blocking_pool_stop(world->pool, rv_after_ms(RV_TEST_WAIT_MS));
    rv_reactor_enter(NULL);
    rv_reactor_stop(world->reactor);
}

/* What it made belongs to the caller, so it does not count as left. */
static inline void take_what_was_made(struct world *world)
{
    struct signalfd_siginfo info;

    rv_stream_close(&world->made);
    if (world->signals.fd_plus_1) /* one that was not fetched */
        (void)!read(world->signals.fd_plus_1 - 1, &info, sizeof info);
}

/* The executor is freed; only a waker that was left could keep its queue. */
static inline void free_executor(struct world *world, const struct count *count,
                                 const char *name, int polls)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    rv_executor_free(world->executor);
    /* A wake in progress holds it for a moment longer. */
    while (rv_alloc_live() != count->blocks && rv_now_ns() < limit_ns)
        sched_yield();
    cr_assert_eq(rv_alloc_live(), count->blocks,
                 "%s, %d polls: %d blocks, or a waker", name, polls,
                 (int)(rv_alloc_live() - count->blocks));
}

/* --- the one who polls and drops --------------------------------------- */

struct dropper {
    struct rv_future future;
    struct world *world;
    const struct kind *kind;
    struct rv_future *child;
    int polls; /* left */
    bool ready;
};

static inline enum rv_poll dropper_poll(struct rv_future *future,
                                        struct rv_cx *cx)
{
    struct dropper *self = RV_CONTAINER_OF(future, struct dropper, future);

    if (self->polls > 0) {
        self->polls--;
        self->ready = rv_poll(self->child, cx) == RV_READY;
        if (!self->ready && self->polls > 0) {
            if (self->kind->feed)
                self->kind->feed(self->world);
            return RV_PENDING;
        }
    }
    rv_drop(self->child);
    rv_drop(self->child); /* a no-op the second time */
    return RV_READY;
}

/* Returns: true if it was READY by then. */
static inline bool drop_after(const struct kind *kind, bool fused, int polls)
{
    static const struct rv_future_ops ops = {.name = "dropper",
                                             .poll = dropper_poll};
    static struct world world;
    struct dropper dropper = {.world = &world, .kind = kind, .polls = polls};
    struct count count;

    begin(&world, kind, fused, &count);
    rv_future_init(&dropper.future, &ops);
    dropper.child = kind->init(&world);
    cr_assert_eq(rv_test_block_on(world.executor, &dropper.future), 0,
                 "%s, %d polls: it hangs", kind->name, polls);
    take_what_was_made(&world);

    cr_assert_eq(rv_test_fds(), count.fds + (world.peer != count.peer),
                 "%s, %d polls: descriptors", kind->name, polls);
    cr_assert_eq(world.reactor->sources.live, count.sources,
                 "%s, %d polls: sources", kind->name, polls);
    if (kind->tasks == 0)
        cr_assert_eq(world.executor->wheel.len, 0, "%s, %d polls: timers",
                     kind->name, polls);
    cr_assert_leq(rv_executor_tasks(world.executor), kind->tasks,
                  "%s, %d polls: tasks", kind->name, polls);
    free_executor(&world, &count, kind->name, polls);
    end(&world);
    return dropper.ready;
}

#define ROWS(kinds) (sizeof(kinds) / sizeof(kinds)[0])

static inline void drop_at_each_poll(const struct kind *kinds, size_t rows,
                                     bool fused)
{
    rv_count_allocs(0);
    for (size_t i = 0; i < rows; i++) {
        const int most = kinds[i].polls ? kinds[i].polls : POLLS_AT_MOST;
        bool ready = false;
        int polls = 0;

        for (; polls <= most && !ready; polls++)
            ready = drop_after(&kinds[i], fused, polls);
        cr_assert_eq(ready, kinds[i].polls == 0, "%s", kinds[i].name);
        cr_assert_geq(polls, 2, "%s", kinds[i].name);
    }
    cr_assert_eq(rv_stop_counting_allocs(), 0);
}

#endif /* RV_TEST_DROP_H */
