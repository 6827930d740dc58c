/* SPDX-License-Identifier: MIT */
/*
 * pure.h - callables for the tests: sums, and one that waits at a gate.
 *
 * Threads: the calls run on pipe threads, bare ones too.
 */
#ifndef RV_TEST_PURE_H
#define RV_TEST_PURE_H

#include <criterion/criterion.h>

#include <fcntl.h>
#include <reveil/callable.h>
#include <unistd.h>

#include "thread/bare_syscall.h"

/* --- a sum ------------------------------------------------------------- */

struct sum {
    int32_t a;
    int32_t b;
};

static inline int32_t sum_call(void *state, void *result)
{
    const struct sum *sum = state;

    (void)result;
    return sum->a + sum->b;
}

static inline struct rv_callable *new_sum(int32_t a, int32_t b)
{
    static const struct rv_callable_ops ops = {.name = "sum",
                                               .call = sum_call,
                                               .state_bytes =
                                                   sizeof(struct sum),
                                               .pure = true};
    struct rv_callable *callable;

    cr_assert_eq(rv_callable_new(&callable, &ops, &(struct sum){a, b}), 0);
    return callable;
}

/* --- a gate ------------------------------------------------------------ */

/* A call writes a byte when it has started, and waits for one to continue. */
struct gate {
    int entered[2];
    int open[2];
    _Atomic int calls;
    _Atomic int drops;
};

static inline void gate_init(struct gate *gate)
{
    cr_assert_eq(pipe2(gate->entered, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(gate->open, O_CLOEXEC), 0);
    gate->calls = 0;
    gate->drops = 0;
}

static inline void gate_fini(struct gate *gate)
{
    for (int i = 0; i < 2; i++) {
        close(gate->entered[i]);
        close(gate->open[i]);
    }
}

/* Wait until a call has reached the gate. */
static inline void gate_wait(struct gate *gate)
{
    char byte;

    cr_assert_eq(read(gate->entered[0], &byte, 1), 1);
}

/* Let this many calls pass. */
static inline void gate_open(struct gate *gate, int calls)
{
    while (calls--)
        cr_assert_eq(write(gate->open[1], "", 1), 1);
}

static inline int32_t gate_call(void *state, void *result)
{
    struct gate *gate = *(struct gate **)state;
    char byte = 0;

    (void)result;
    rv_bare_syscall(__NR_write, gate->entered[1], (long)&byte, 1);
    rv_bare_syscall(__NR_read, gate->open[0], (long)&byte, 1);
    return ++gate->calls;
}

static inline void gate_drop(void *state)
{
    (*(struct gate **)state)->drops++;
}

static inline struct rv_callable *new_gate_call(struct gate *gate)
{
    static const struct rv_callable_ops ops = {.name = "gate",
                                               .call = gate_call,
                                               .drop = gate_drop,
                                               .state_bytes = sizeof gate,
                                               .pure = true};
    struct rv_callable *callable;

    cr_assert_eq(rv_callable_new(&callable, &ops, &gate), 0);
    return callable;
}

#endif /* RV_TEST_PURE_H */
