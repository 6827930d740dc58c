/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - try again, later and later, up to a deadline.
 *
 *     struct rv_backoff backoff;
 *
 *     rv_backoff_init(&backoff, 50 * RV_NS_PER_MS, 5 * RV_NS_PER_S, deadline);
 *     do {
 *         error = rv_dial("localhost", 5432, &stream, deadline);
 *     } while (error && rv_backoff_wait(&backoff) == 0);
 *
 * The pause doubles from try to try, up to a longest one. Each pause is chosen
 * at random between half of that and all of it, so that clients that failed
 * together do not come back together.
 */
#ifndef RV_BACKOFF_H
#define RV_BACKOFF_H

#include <reveil/executor.h>

RV_BEGIN_DECLS

/* Embed it. */
struct rv_backoff {
    uint32_t pauses;  /* how many there were */
    int64_t pause_ns; /* private, as are the rest: the longest next pause */
    int64_t most_ns;
    int64_t first_ns;
    int64_t deadline_ns;
    uint64_t random;
};

/*
 * first_ns:    the longest first pause, 1 ns or more; most_ns: the longest of
 *              all, first_ns or more. Misuse: other values.
 * deadline_ns: CLOCK_MONOTONIC, absolute: no pause ends after it. RV_NEVER.
 */
void rv_backoff_init(struct rv_backoff *backoff, int64_t first_ns,
                     int64_t most_ns, int64_t deadline_ns);

/* Begin again with the first pause: after a success, for a later failure. */
void rv_backoff_reset(struct rv_backoff *backoff);

/* The end of the next pause, which begins now; RV_NEVER if that would be at the
 * deadline or after it: give up. Each call counts as a pause. */
int64_t rv_backoff_next_ns(struct rv_backoff *backoff);

/* A pause. result: 0: try again; -ETIMEDOUT, at once, without a pause: it would
 * end at the deadline or after it. */
struct rv_backoff_wait {
    struct rv_future future;
    struct rv_backoff *backoff; /* private, as is the rest */
    struct rv_sleep sleep;
};

/* The pause begins at the first poll. Owns: the caller keeps the backoff. */
void rv_backoff_wait_init(struct rv_backoff_wait *wait,
                          struct rv_backoff *backoff);

/* In a coroutine. Returns: 0: try again; -ETIMEDOUT, -ECANCELED: give up. */
int rv_backoff_wait(struct rv_backoff *backoff);

RV_END_DECLS

#endif /* RV_BACKOFF_H */
