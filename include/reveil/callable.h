/* SPDX-License-Identifier: MIT */
/*
 * callable.h - a call with what it needs, in one piece of memory.
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
 *     rv_callable_new(&callable, &sum_ops, &(struct sum){1, 2});
 *     ... any thread: rv_callable_run(callable) ...
 *     rv_callable_put(callable);
 *
 * What a closure is elsewhere: whoever runs it needs to know the header only.
 * A callable is run once, or canceled; who takes it first decides.
 */
#ifndef RV_CALLABLE_H
#define RV_CALLABLE_H

#include <reveil/export.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

RV_BEGIN_DECLS

/*
 * state:   the callable's copy of what was captured; its own to change.
 * result:  zeroed, result_bytes long.
 * Returns: 0 or more, or a negative errno.
 */
typedef int32_t (*rv_callable_call)(void *state, void *result);

/* What all callables of one kind have in common. */
struct rv_callable_ops {
    const char *name;
    rv_callable_call call;
    /* Let go of what the state holds: once, after the call or instead of it.
     * Never on a bare thread. NULL: it holds nothing. */
    void (*drop)(void *state);
    size_t state_bytes;
    size_t result_bytes;
    /* The call touches its state and its result alone, calls nothing of the C
     * library, and needs less stack than RV_THREAD_STACK_BYTES: it may run on
     * a bare thread (thread.h). */
    bool pure;
};

/* The header. Opaque but for the pool thread, which knows nothing else. */
struct rv_callable {
    rv_callable_call call; /* private, as are the rest */
    const struct rv_callable_ops *ops;
    uint32_t size_bytes; /* of all three parts */
    uint32_t result_at;  /* bytes from the header's start */
    int32_t returned;    /* by the call */
    _Atomic uint32_t references;
    _Atomic uint32_t taken; /* to be run, or to be canceled: once */
    bool dropped;           /* ops->drop() was called */
};

/* Where the state begins: aligned for every type. */
enum { RV_CALLABLE_ALIGN = 16, RV_CALLABLE_STATE_AT = 48 };

_Static_assert(sizeof(struct rv_callable) <= RV_CALLABLE_STATE_AT,
               "the state follows the header");

/*
 * A callable with one reference. state: ops->state_bytes are copied.
 *
 * Returns: 0, -ENOMEM.
 */
int rv_callable_new(struct rv_callable **out, const struct rv_callable_ops *ops,
                    const void *state);

/* One more holder, and one less: the last one frees it, and calls ops->drop()
 * before, unless that was done. Threads: any; not bare ones. */
void rv_callable_get(struct rv_callable *callable);
void rv_callable_put(struct rv_callable *callable);

/* Call ops->drop() now. Threads: whoever has taken the callable. */
void rv_callable_drop_state(struct rv_callable *callable);

/* The state: what rv_callable_new() copied, aligned for every type. */
static inline void *rv_callable_state(struct rv_callable *callable)
{
    return (char *)callable + RV_CALLABLE_STATE_AT;
}

/* Where the call leaves its result; to be read when it is known to be over. */
static inline void *rv_callable_result(struct rv_callable *callable)
{
    return (char *)callable + callable->result_at;
}

/*
 * The right to run or to cancel, given once. Threads: any, bare ones too.
 *
 * Returns: true to the first who asks.
 */
static inline bool rv_callable_take(struct rv_callable *callable)
{
    /* relaxed: it decides who, and publishes nothing; the callable itself came
     * to this thread, and its result leaves it, through a pipe. */
    return atomic_exchange_explicit(&callable->taken, 1,
                                    memory_order_relaxed) == 0;
}

/* Somebody has taken it, as far as this thread can tell. */
static inline bool rv_callable_is_taken(const struct rv_callable *callable)
{
    /* relaxed: a guess, which rv_callable_take() corrects. */
    return atomic_load_explicit(&callable->taken, memory_order_relaxed) != 0;
}

/* Make the call. Threads: whoever has taken it; a bare one if it is pure. */
static inline void rv_callable_run(struct rv_callable *callable)
{
    callable->returned = callable->call(rv_callable_state(callable),
                                        rv_callable_result(callable));
}

RV_END_DECLS

#endif /* RV_CALLABLE_H */
