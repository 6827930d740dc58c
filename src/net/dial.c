/* SPDX-License-Identifier: MIT */
/*
 * dial.c - connect to the first address of a name that accepts.
 *
 * Threads: the executor's.
 *
 * This is RFC 8305 ("Happy Eyeballs", version 2) without its section 3:
 * getaddrinfo() asks for both families and returns when it has both answers.
 *
 * All attempts belong to one task, which polls every unfinished attempt when
 * any of them wakes it. The attempt that finds its connection made sends the
 * caller's first data in the same poll, and no other attempt is polled after
 * that. So the data is sent exactly once.
 *
 * The first address nearly always accepts, so only its attempt is part of the
 * future. Memory for the others is allocated when the second one starts.
 */
#include <errno.h>
#include <reveil/resolve.h>

#include "base/base_internal.h"

struct rv_dial_race {
    uint8_t order[RV_RESOLVE_ADDRS]; /* indexes of the addresses, best first */
    struct rv_dial_attempt attempts[]; /* the second one and those after it */
};

/* --- the order of the addresses ---------------------------------------- */

/* The index of the next address, starting at `at`, that has the family of the
 * first address, or the other family. Returns: `count` if there is none. */
static int32_t next_of_family(const struct rv_dial *self, int32_t at,
                              bool other_family)
{
    const struct rv_addr *addrs = self->resolve.addrs;
    const sa_family_t family = addrs[0].sa.base.sa_family;

    while (at < self->count &&
           (addrs[at].sa.base.sa_family != family) != other_family)
        at++;
    return at;
}

/* RFC 8305, section 4: alternate between the families, the preferred one first,
 * and keep the order of getaddrinfo() within each family. */
static void interleave(struct rv_dial *self)
{
    int32_t at[2] = {0, 0};
    bool other = false;

    for (int32_t i = 0; i < self->count; i++, other = !other) {
        at[other] = next_of_family(self, at[other], other);
        if (at[other] == self->count) {
            other = !other;
            at[other] = next_of_family(self, at[other], other);
        }
        self->race->order[i] = (uint8_t)at[other]++;
    }
}

/* --- attempts ---------------------------------------------------------- */

static struct rv_dial_attempt *attempt_at(struct rv_dial *self, int32_t i)
{
    return i == 0 ? &self->attempt : &self->race->attempts[i - 1];
}

static void start_delay(struct rv_dial *self, int64_t delay_ns)
{
    rv_drop(&self->delay.future);
    rv_sleep_init(&self->delay, rv_after_ns(delay_ns));
}

/* Set up the next attempt, and the delay after it. The attempt is not polled
 * here. Returns: 0, -ENOMEM. */
static int add_attempt(struct rv_dial *self)
{
    const size_t others = (size_t)self->count - 1;
    const int32_t i = self->started;
    struct rv_dial_attempt *attempt;

    if (i == 1) {
        self->race = rv_alloc(sizeof *self->race +
                              others * sizeof self->race->attempts[0]);
        if (!self->race)
            return -ENOMEM;
        interleave(self);
    }
    attempt = attempt_at(self, i);
    rv_tcp_connect_init(&attempt->connect,
                        &self->resolve.addrs[i ? self->race->order[i] : 0],
                        &attempt->stream);
    attempt->connect.first = self->first;
    attempt->connect.first_len_bytes = self->first_len_bytes;
    self->started++;

    start_delay(self, self->delay_ns);
    return 0;
}

static bool is_over(struct rv_dial *self, int32_t i)
{
    return attempt_at(self, i)->connect.future.at == RV_AT_END;
}

/* Returns: 0 if this attempt is connected; -EINPROGRESS; or its error. */
static int32_t poll_attempt(struct rv_dial *self, int32_t i, struct rv_cx *cx)
{
    struct rv_dial_attempt *attempt = attempt_at(self, i);
    struct rv_future *future = &attempt->connect.future;

    if (rv_poll(future, cx) == RV_PENDING)
        return -EINPROGRESS;
    if (future->result == 0) {
        self->first_sent_bytes = attempt->connect.first_sent_bytes;
        *self->stream = attempt->stream;
        attempt->stream = (struct rv_stream){0};
    }
    return future->result;
}

/* Poll the attempts in progress. Sets *failed if one of them fails now.
 * Returns: 0 if one is connected, else -EINPROGRESS. */
static int32_t poll_attempts(struct rv_dial *self, struct rv_cx *cx,
                             bool *failed)
{
    for (int32_t i = 0; i < self->started; i++) {
        int32_t result;

        if (is_over(self, i))
            continue;
        result = poll_attempt(self, i, cx);
        if (result == 0)
            return 0;
        *failed |= result != -EINPROGRESS;
    }
    return -EINPROGRESS;
}

static bool is_any_in_progress(struct rv_dial *self)
{
    for (int32_t i = 0; i < self->started; i++)
        if (!is_over(self, i))
            return true;
    return false;
}

/*
 * RFC 8305, section 5: start the next attempt when the delay is over, or at
 * once when an earlier one fails. If there is no memory for it, the attempts in
 * progress continue, and the next one is tried again after a delay.
 *
 * Returns: 0 if one is connected; -EINPROGRESS: the waker was stored; the error
 * of the first address when all have failed; -ENOMEM: none is in progress, and
 * there is no memory for the next one.
 */
static int32_t race(struct rv_dial *self, struct rv_cx *cx)
{
    bool failed = self->started == 0; /* the first one needs no delay */
    int32_t result = poll_attempts(self, cx, &failed);

    while (result != 0 && self->started < self->count) {
        if (!failed && rv_poll(&self->delay.future, cx) == RV_PENDING)
            return -EINPROGRESS;
        if (add_attempt(self) < 0) {
            if (!is_any_in_progress(self))
                return -ENOMEM;
            /* not delay_ns, which may be 0: the loop would not end */
            start_delay(self, RV_DIAL_DELAY_MS * RV_NS_PER_MS);
            failed = false;
            continue;
        }
        result = poll_attempt(self, self->started - 1, cx);
        failed = result != -EINPROGRESS;
    }
    if (result == 0)
        return 0;
    /* The last one may have failed at once: the earlier ones continue. */
    return is_any_in_progress(self) ? -EINPROGRESS
                                    : self->attempt.connect.future.result;
}

/* --- the future -------------------------------------------------------- */

/* Returns: the result, or -EINPROGRESS: the waker was stored. */
static int32_t resolve_and_race(struct rv_dial *self, struct rv_cx *cx)
{
    if (self->count == 0) {
        if (rv_poll(&self->resolve.future, cx) == RV_PENDING)
            return -EINPROGRESS;
        if (self->resolve.future.result < 0)
            return self->resolve.future.result;
        self->count = self->resolve.future.result;
    }
    return race(self, cx);
}

/* A connection that has won is in *stream, which belongs to the caller: it is
 * not closed here. */
static void dial_drop(struct rv_future *future)
{
    struct rv_dial *self = RV_CONTAINER_OF(future, struct rv_dial, future);

    rv_drop(&self->limit.future);
    rv_drop(&self->delay.future);
    for (int32_t i = 0; i < self->started; i++)
        rv_drop(&attempt_at(self, i)->connect.future);
    self->started = 0;
    rv_free(self->race);
    self->race = NULL;
    rv_drop(&self->resolve.future);
}

static enum rv_poll dial_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct rv_dial *self = RV_CONTAINER_OF(future, struct rv_dial, future);

    /* I/O before the clock: a connection that is already made is used, even if
     * the deadline has passed too. */
    future->result = resolve_and_race(self, cx);
    if (future->result == -EINPROGRESS) {
        if (rv_poll(&self->limit.future, cx) == RV_PENDING)
            return RV_PENDING;
        future->result = -ETIMEDOUT;
    }
    dial_drop(future);
    return RV_READY;
}

void rv_dial_init(struct rv_dial *dial, const char *host, uint16_t port,
                  int64_t deadline_ns, struct rv_stream *stream)
{
    static const struct rv_future_ops ops = {
        .name = "rv_dial", .poll = dial_poll, .drop = dial_drop};

    *dial = (struct rv_dial){.stream = stream};
    rv_future_init(&dial->future, &ops);
    dial->delay_ns = RV_DIAL_DELAY_MS * RV_NS_PER_MS;
    rv_resolve_init(&dial->resolve, host, port);
    rv_sleep_init(&dial->limit, deadline_ns);
    *stream = (struct rv_stream){0};
}
