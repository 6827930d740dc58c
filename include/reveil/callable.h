/* SPDX-License-Identifier: MIT */
/*
 * callable.h - a function with its captured state and its result in one block.
 *
 *     +--------+----------------+--------+
 *     | header | captured state | result |     one block, its types erased
 *     +--------+----------------+--------+
 *
 *     struct sum { int a, b; };
 *     static int32_t sum_call(void *state, void *result);
 *     static const struct rv_callable_ops sum_ops = {
 *         .name = "sum", .call = sum_call, .state_bytes = sizeof(struct sum),
 *         .pure = true};
 *
 *     struct sum sum = {1, 2};
 *
 *     rv_callable_new(&callable, &sum_ops, &sum);            copies it
 *     ... any thread: rv_callable_run(callable) ...
 *     rv_callable_put(callable);
 *
 * This is a closure: the thread that runs it needs to know only the header. A
 * callable is run once, or canceled. The first thread that takes it decides
 * which.
 */
#ifndef RV_CALLABLE_H
#define RV_CALLABLE_H

#include <reveil/atomic.h>
#include <reveil/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/*
 * state:   the callable's own copy of the captured state, which may be changed.
 * result:  zeroed, result_bytes long.
 * Returns: non-negative, or a negative errno.
 */
typedef int32_t (*rv_callable_call)(void *state, void *result);

/* The common description of all callables of one kind. */
struct rv_callable_ops {
    const char *name;
    rv_callable_call call;
    /* Release what the state holds. Called once, after the call or instead of
     * it, and never on a bare thread. NULL: it holds nothing. */
    void (*drop)(void *state);
    size_t state_bytes;
    size_t result_bytes;
    /* The call accesses only its state and its result, does not call the C
     * library, and needs less stack than RV_THREAD_STACK_BYTES. So it may run
     * on a bare thread (thread.h). */
    bool pure;
};

/* The header. Opaque but for the pool thread, which knows nothing else. */
struct rv_callable {
    rv_callable_call call; /* private, as are the rest */
    const struct rv_callable_ops *ops;
    uint32_t size_bytes; /* of all three parts */
    uint32_t result_at;  /* bytes from the header's start */
    int32_t returned;    /* by the call */
    RV_ATOMIC(uint32_t) references;
    RV_ATOMIC(uint32_t) taken; /* to be run, or to be canceled: once */
    bool dropped;              /* ops->drop() was called */
};

/* Where the state begins: aligned for every type. */
enum { RV_CALLABLE_ALIGN = 16, RV_CALLABLE_STATE_AT = 48 };

/*
 * Make a callable with one reference. state: ops->state_bytes are copied.
 *
 * Returns: 0, -ENOMEM.
 */
int rv_callable_new(struct rv_callable **out, const struct rv_callable_ops *ops,
                    const void *state);

/* Take and drop a reference. The last put calls ops->drop(), unless that was
 * done before, and frees the callable. Threads: any but bare ones. */
void rv_callable_get(struct rv_callable *callable);
void rv_callable_put(struct rv_callable *callable);

/* Call ops->drop() now. A no-op the second time. Threads: the one that has
 * taken the callable. */
void rv_callable_drop_state(struct rv_callable *callable);

/* The state that rv_callable_new() has copied, aligned for every type. */
static inline void *rv_callable_state(struct rv_callable *callable)
{
    return (char *)callable + RV_CALLABLE_STATE_AT;
}

/* The result. Read it only when the call is known to have returned. */
static inline void *rv_callable_result(struct rv_callable *callable)
{
    return (char *)callable + callable->result_at;
}

/*
 * Take the right to run or to cancel the callable. Threads: any, bare ones too.
 *
 * Returns: true for the first call, false for all others.
 */
static inline bool rv_callable_take(struct rv_callable *callable)
{
    /* relaxed: publishes nothing. The pipes order everything else: this thread
     * got the callable through one, and its result leaves through another. */
    return RV_EXCHANGE_RELAXED(&callable->taken, 1) == 0;
}

/* Whether it was taken. The answer may be out of date, false when it was. */
static inline bool rv_callable_is_taken(const struct rv_callable *callable)
{
    /* relaxed: only a hint; rv_callable_take() decides. */
    return RV_LOAD_RELAXED(&callable->taken) != 0;
}

/* Make the call. Threads: the one that has taken it, which may be a bare one if
 * the callable is pure. */
static inline void rv_callable_run(struct rv_callable *callable)
{
    callable->returned = callable->call(rv_callable_state(callable),
                                        rv_callable_result(callable));
}

RV_END_DECLS

#endif /* RV_CALLABLE_H */
