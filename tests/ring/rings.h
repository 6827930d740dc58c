/* SPDX-License-Identifier: MIT */
/*
 * rings.h - a runtime with a ring, and pipes, for the tests of the ring part.
 *
 * Threads: the test's.
 */
#ifndef RV_TEST_RINGS_H
#define RV_TEST_RINGS_H

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <reveil/runtime.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/ring_internal.h"
#include "support/machine.h"
#include "support/support.h"

/*
 * A runtime in the mode of RV_TEST_REACTOR whose ring starts with the setup
 * flags that RV_TEST_SETUP selects. The test is skipped if this machine has no
 * io_uring; otherwise the ring must open.
 */
static inline struct rv_runtime *ring_start(uint32_t entries)
{
    const char *mode = getenv("RV_TEST_REACTOR");
    const char *setup = getenv("RV_TEST_SETUP");
    struct rv_runtime_options options = {.ring.entries = entries};
    struct rv_runtime *runtime;

    if (!machine_wants_ring())
        cr_skip_test("%s", machine_why_no_ring());
    if (setup)
        rv_queues_start_at_setup((uint32_t)atoi(setup));
    if (mode && strcmp(mode, "fused") == 0)
        options.reactor = RV_REACTOR_FUSED;
    cr_assert_eq(rv_runtime_start_with(&runtime, &options), 0);
    cr_assert_eq(rv_ring_open(rv_runtime_ring(runtime)), 0);
    return runtime;
}

struct pipe {
    int reader;
    int writer;
};

static inline void pipe_open(struct pipe *pipe)
{
    int fds[2];

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    pipe->reader = fds[0];
    pipe->writer = fds[1];
}

static inline void pipe_close(struct pipe *pipe)
{
    close(pipe->reader);
    close(pipe->writer);
}

static inline struct rv_ring_call read_call(int fd, void *data, uint32_t len)
{
    return (struct rv_ring_call){.opcode = IORING_OP_READ,
                                 .fd = fd,
                                 .addr = rv_ring_addr(data),
                                 .len = len,
                                 .offset = UINT64_MAX};
}

static inline struct rv_ring_call write_call(int fd, const void *data,
                                             uint32_t len)
{
    struct rv_ring_call call = read_call(fd, NULL, len);

    call.opcode = IORING_OP_WRITE;
    call.addr = rv_ring_addr(data);
    return call;
}

/* Set by the release of an operation. */
struct released {
    int count;
    int32_t result;
};

static inline void note_release(void *owner, int32_t result)
{
    struct released *released = owner;

    released->count++;
    released->result = result;
}

/* Poll once, for a task of the runtime's executor. */
static inline enum rv_poll poll_for(struct rv_runtime *runtime,
                                    struct rv_future *future,
                                    const struct rv_probe *probe)
{
    struct rv_cx cx = rv_probe_cx(probe);

    cx.executor = rv_runtime_executor(runtime);
    return rv_poll(future, &cx);
}

/* Let the runtime run until nothing is in flight any more. */
static inline void settle(struct rv_runtime *runtime)
{
    const int64_t limit_ns = rv_after_ms(RV_TEST_WAIT_MS);

    while (rv_ring_in_flight(rv_runtime_ring(runtime)) > 0) {
        struct rv_sleep nap;

        cr_assert_lt(rv_now_ns(), limit_ns, "still in flight: %u",
                     rv_ring_in_flight(rv_runtime_ring(runtime)));
        rv_sleep_init(&nap, rv_after_ms(1));
        cr_assert_eq(rv_runtime_block_on(runtime, &nap.future), 0);
    }
}

/* Submit the operations that were started. */
static inline void hand_over(struct rv_runtime *runtime)
{
    rv_ring_drive(rv_runtime_ring(runtime));
}

static inline int await(struct rv_runtime *runtime, struct rv_future *future)
{
    return rv_test_block_on(rv_runtime_executor(runtime), future);
}

#endif /* RV_TEST_RINGS_H */
