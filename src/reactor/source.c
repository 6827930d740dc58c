/* SPDX-License-Identifier: MIT */
/*
 * source.c - one registered descriptor: its readiness and its waiting tasks.
 *
 * Threads: rv_source_report(): the reactor's. Everything else: the threads that
 * poll.
 *
 * A direction has one 64-bit word:
 *
 *     bit 0      READY    a system call may succeed
 *     bit 1      CLOSED   the peer or an error ended this direction
 *     bit 2      STRICT   an error or urgent data was reported
 *     bits 32..  tick     number of reports by the reactor
 *
 *   READY   Set when the source is opened (I/O is tried first), and by reports.
 * Cleared only by the polling side, after EAGAIN or a short call, and only if
 * the tick is unchanged (SOURCE-2). CLOSED  Set by a report only, never
 * cleared. While it is set, rv_source_ready() is true whatever READY is: system
 * calls then return the end or the error, they do not block. STRICT  Set by a
 * report only, never cleared. While it is set, a short call does not clear
 * READY (SOURCE-7); EAGAIN still does. tick    Incremented by each report of
 * this direction, modulo 2^32. The polling side only reads it.
 *
 * Protocol. epoll reports each change once (edge-triggered), so a report must
 * not get lost between a poll and the reactor:
 *
 *   SOURCE-1  A poll that finds "not ready" stores its waker and then *checks
 *       again*. Both happen under the mutex of the source, as the report does:
 *       either the report finds the waker, or the second check finds the
 *       report.
 *   SOURCE-2  After EAGAIN, READY is cleared only if the tick is still the one
 *       that was read before the system call. A different tick means a newer
 *       report, which clearing would lose. All 32 bits are compared, and each
 *       direction has its own tick: that a socket becomes writable says
 *       nothing about reading.
 *   SOURCE-3  A waker is taken out under the mutex and woken after the unlock.
 *   SOURCE-4  A report names a source id. A report that epoll returned before
 *       the source was closed, or whose slot has a new source now, is ignored.
 *   SOURCE-5  Writing is registered at the first wait for it, after the waker
 *       is stored: the report that may follow at once finds the waker.
 *   SOURCE-6  The descriptor leaves epoll before it is closed: a duplicate in
 *       another process would keep it there.
 *   SOURCE-7  A call that did less than it could have clears READY too, as
 *       EAGAIN does, unless the direction is STRICT: recv() stops at an urgent
 *       mark, and in front of an error, with more behind it and no further
 *       report. Both were reported before the call, or will be after `tick`.
 *   SOURCE-8  A reactor that has failed for good sets its error first and
 *       reports each source second; a wait checks the error last. A copy in a
 *       child of fork() neither changes what the parent's epoll watches nor
 *       locks a mutex.
 *
 * tests/models/readiness.pml is the model, with a mutant for SOURCE-1 and for
 * SOURCE-2.
 */
#include <errno.h>
#include <reveil/trace.h>
#include <sys/epoll.h>

#include "base/base_internal.h"
#include "reactor/reactor_internal.h"

#define READY      UINT64_C(1)
#define CLOSED     UINT64_C(2)
#define STRICT     UINT64_C(4)
#define TICK_SHIFT 32
#define ONE_TICK   (UINT64_C(1) << TICK_SHIFT)

/* A socket is writable nearly always. With EPOLLOUT from the start, the reactor
 * would wake up for each new connection although no task waits for it. EPOLLPRI
 * is for SOURCE-7; EPOLLERR and EPOLLHUP are always reported. */
#define READING (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

static bool usable(uint64_t word, uint32_t *tick)
{
    *tick = (uint32_t)(word >> TICK_SHIFT);
    return word & (READY | CLOSED);
}

bool rv_source_is_parents(const struct rv_source *source)
{
    return rv_fork_is_copy(source->reactor->mark);
}

/* SOURCE-8. Returns: 0, or why nothing will be reported any more. */
static int error_of(const struct rv_source *source)
{
    /* relaxed: set and read by the task that waits for writing. */
    const int error =
        atomic_load_explicit(&source->error, memory_order_relaxed);

    return error ? error : rv_reactor_error(source->reactor);
}

/* --- open and close ---------------------------------------------------- */

static struct rv_source *take_slot(struct rv_reactor *reactor, uint64_t *id)
{
    struct rv_source *source = NULL;

    pthread_mutex_lock(&reactor->mutex);
    *id = rv_slab_alloc(&reactor->sources);
    if (*id) {
        source = rv_slab_at(&reactor->sources, rv_id_index(*id));
        if (!source->mutex_made)
            pthread_mutex_init(&source->mutex, NULL);
        source->mutex_made = true;
    }
    pthread_mutex_unlock(&reactor->mutex);
    return source;
}

static void give_slot_back(struct rv_reactor *reactor, uint64_t id)
{
    pthread_mutex_lock(&reactor->mutex);
    rv_slab_free(&reactor->sources, id);
    pthread_mutex_unlock(&reactor->mutex);
}

static void prepare(struct rv_source *source, struct rv_reactor *reactor,
                    int fd, uint64_t id)
{
    pthread_mutex_lock(&source->mutex);
    source->reactor = reactor;
    source->fd = fd;
    source->id = id;
    source->watches_writing = false;
    /* relaxed: no other thread has the source yet; here and below. */
    atomic_store_explicit(&source->error, 0, memory_order_relaxed);
    /* Ready until a system call says EAGAIN: I/O is tried first. */
    for (int i = 0; i < RV_DIRECTIONS; i++)
        atomic_store_explicit(&source->direction[i].word, READY,
                              memory_order_relaxed);
    pthread_mutex_unlock(&source->mutex);
}

/* Returns: 0, negative errno. */
static int tell_epoll(struct rv_source *source, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = source->id};

    return epoll_ctl(source->reactor->epoll_fd, operation, source->fd, &event) <
                   0
               ? -errno
               : 0;
}

int rv_source_open(struct rv_reactor *reactor, int fd, struct rv_source **out)
{
    struct rv_source *source;
    uint64_t id;
    int error;

    if (rv_fork_is_copy(reactor->mark))
        return -ESTALE;
    source = take_slot(reactor, &id);
    if (!source)
        return -ENOMEM;
    error = rv_reactor_error(reactor); /* now that it has the slot: SOURCE-8 */
    if (!error) {
        prepare(source, reactor, fd, id);
        error = tell_epoll(source, EPOLL_CTL_ADD, READING);
    }
    if (error) {
        give_slot_back(reactor, id);
        return error;
    }
    rv_trace(RV_EV_REGISTER, 0, fd);
    *out = source;
    return 0;
}

void rv_source_close(struct rv_source *source)
{
    struct rv_waker left[RV_DIRECTIONS];
    uint64_t id;

    if (!source || rv_source_is_parents(source))
        return;
    rv_trace(RV_EV_DEREGISTER, 0, source->fd);
    epoll_ctl(source->reactor->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);

    pthread_mutex_lock(&source->mutex);
    id = source->id;
    source->id = 0;
    for (int i = 0; i < RV_DIRECTIONS; i++)
        left[i] = rv_waker_take(&source->direction[i].waker);
    pthread_mutex_unlock(&source->mutex);

    for (int i = 0; i < RV_DIRECTIONS; i++)
        rv_waker_drop(&left[i]);
    give_slot_back(source->reactor, id);
}

/* --- what a poll does -------------------------------------------------- */

/*
 * SOURCE-5. Called at the first wait for writing. EPOLL_CTL_MOD makes epoll
 * check the descriptor again and report it if it is writable, so no edge is
 * missed. It fails only if one of the two descriptors was closed by mistake.
 *
 * Returns: false if writing cannot be watched.
 */
static bool watch_writing(struct rv_source *source)
{
    int error;

    if (source->watches_writing)
        return true;
    error = tell_epoll(source, EPOLL_CTL_MOD, READING | EPOLLOUT);
    /* relaxed: see error_of(). */
    if (error)
        atomic_store_explicit(&source->error, error, memory_order_relaxed);
    source->watches_writing = !error;
    return !error;
}

/* SOURCE-1: store the waker, then check again, under the mutex. Returns: true
 * if the source has become ready. */
static bool leave_waker(struct rv_source *source, struct rv_readiness *side,
                        const struct rv_waker *waker, uint32_t *tick)
{
    struct rv_waker earlier;
    bool ready;

    pthread_mutex_lock(&source->mutex);
    earlier = rv_waker_replace(&side->waker, waker);
    /* relaxed: the mutex orders it with rv_source_report(). */
    ready =
        usable(atomic_load_explicit(&side->word, memory_order_relaxed), tick);
    pthread_mutex_unlock(&source->mutex);
    rv_waker_drop(&earlier);
    return ready;
}

bool rv_source_ready(struct rv_source *source, enum rv_direction direction,
                     const struct rv_waker *waker, uint32_t *tick)
{
    struct rv_readiness *side = &source->direction[direction];

    /* acquire: what the reactor knew when it reported; pairs with note(). */
    if (usable(atomic_load_explicit(&side->word, memory_order_acquire), tick))
        return true;
    if (rv_source_is_parents(source) || leave_waker(source, side, waker, tick))
        return true;
    return direction == RV_WRITE && !watch_writing(source);
}

/* SOURCE-2. Nothing is cleared of a direction that has one of the flags
 * `unless`. */
static void clear(_Atomic uint64_t *word, uint32_t tick, uint64_t unless)
{
    /* relaxed: taking a flag away publishes nothing, here and below. */
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);

    if (seen & unless)
        return; /* such a flag stays; one that is new has a new tick */
    while ((uint32_t)(seen >> TICK_SHIFT) == tick && (seen & READY))
        if (atomic_compare_exchange_weak_explicit(word, &seen, seen & ~READY,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
            return;
}

int rv_source_clear(struct rv_source *source, enum rv_direction direction,
                    uint32_t tick)
{
    clear(&source->direction[direction].word, tick, 0);
    return error_of(source);
}

void rv_source_clear_short(struct rv_source *source,
                           enum rv_direction direction, uint32_t tick)
{
    clear(&source->direction[direction].word, tick, STRICT); /* SOURCE-7 */
}

void rv_source_forget(struct rv_source *source, enum rv_direction direction)
{
    struct rv_waker left;

    if (rv_source_is_parents(source))
        return;
    pthread_mutex_lock(&source->mutex);
    left = rv_waker_take(&source->direction[direction].waker);
    pthread_mutex_unlock(&source->mutex);
    rv_waker_drop(&left);
}

static bool has(const struct rv_source *source, enum rv_direction direction,
                uint64_t flag)
{
    /* relaxed: a hint; the system call that follows has the truth. */
    return atomic_load_explicit(&source->direction[direction].word,
                                memory_order_relaxed) &
           flag;
}

bool rv_source_hung_up(const struct rv_source *source,
                       enum rv_direction direction)
{
    return has(source, direction, CLOSED);
}

bool rv_source_strict(const struct rv_source *source,
                      enum rv_direction direction)
{
    return has(source, direction, STRICT);
}

/* SOURCE-1 here too: a report is either seen in the second look, or finds the
 * waker. What ends writing ends reading as well, so it is a report on that. */
bool rv_source_gone(struct rv_source *source, const struct rv_waker *waker)
{
    struct rv_waker earlier;
    bool gone;

    if (rv_source_hung_up(source, RV_WRITE) || error_of(source))
        return true;
    pthread_mutex_lock(&source->mutex);
    earlier = rv_waker_replace(&source->direction[RV_READ].waker, waker);
    gone = rv_source_hung_up(source, RV_WRITE) || error_of(source);
    pthread_mutex_unlock(&source->mutex);
    rv_waker_drop(&earlier);
    return gone;
}

/* --- what the reactor does --------------------------------------------- */

static void note(struct rv_readiness *side, uint64_t flags)
{
    /* relaxed: only a guess for the exchange below. */
    uint64_t seen = atomic_load_explicit(&side->word, memory_order_relaxed);
    uint64_t next;

    do {
        next = (seen + ONE_TICK) | flags;
        /* release: pairs with the acquire in rv_source_ready(). */
    } while (!atomic_compare_exchange_weak_explicit(
        &side->word, &seen, next, memory_order_release, memory_order_relaxed));
}

/* RDHUP ends reading only; HUP ends both; ERR lets the next call of either
 * direction fetch the error. Urgent data is no data of the stream: it wakes
 * nobody, and stays where it is for who asks for it (MSG_OOB). Returns: 0 if
 * the direction is not concerned. */
static uint64_t flags_for(enum rv_direction direction, uint32_t events)
{
    uint32_t ready = direction == RV_READ ? EPOLLIN : EPOLLOUT;
    uint32_t closed = direction == RV_READ ? EPOLLRDHUP | EPOLLHUP : EPOLLHUP;
    uint32_t strict = direction == RV_READ ? EPOLLPRI | EPOLLERR : EPOLLERR;
    uint64_t flags = events & strict ? STRICT : 0;

    if (events & closed)
        return flags | READY | CLOSED;
    return events & (ready | EPOLLERR) ? flags | READY : flags;
}

void rv_source_report(struct rv_reactor *reactor, uint64_t id, uint32_t events,
                      struct rv_wake_batch *batch)
{
    struct rv_source *source = rv_slab_at(&reactor->sources, rv_id_index(id));

    pthread_mutex_lock(&source->mutex);
    if (source->id == id) { /* SOURCE-4 */
        rv_trace(RV_EV_READINESS, 0, source->fd);
        for (int i = 0; i < RV_DIRECTIONS; i++) {
            uint64_t flags = flags_for((enum rv_direction)i, events);

            if (!flags)
                continue;
            note(&source->direction[i], flags);
            if (flags & READY)
                rv_wake_batch_add(batch, &source->direction[i].waker);
        }
    }
    pthread_mutex_unlock(&source->mutex);
}

static void report_ready(struct rv_source *source, struct rv_wake_batch *batch)
{
    pthread_mutex_lock(&source->mutex);
    for (int i = 0; i < RV_DIRECTIONS && source->id; i++) {
        note(&source->direction[i], READY);
        rv_wake_batch_add(batch, &source->direction[i].waker);
    }
    pthread_mutex_unlock(&source->mutex);
}

/* Sources that are opened meanwhile are of no concern: they have seen the
 * error, or epoll has not failed them yet. */
void rv_source_report_all(struct rv_reactor *reactor)
{
    uint32_t count;

    pthread_mutex_lock(&reactor->mutex);
    count = reactor->sources.used;
    pthread_mutex_unlock(&reactor->mutex);
    for (uint32_t i = 0; i < count; i++) {
        struct rv_source *source = rv_slab_at(&reactor->sources, i);
        struct rv_wake_batch batch = {.len = 0};

        if (source->mutex_made)
            report_ready(source, &batch);
        rv_wake_batch_deliver(&batch);
    }
}
