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
 *   READY is set when the source is opened (I/O is tried first), and by
 *       reports. Only the polling side clears it, after EAGAIN or a short call,
 *       and only if the tick is unchanged (SOURCE-2).
 *
 *   CLOSED is set by reports only, and never cleared. While it is set,
 *       rv_source_ready() is true whatever READY is: system calls do not block,
 *       but return the end or the error.
 *
 *   STRICT is set by reports only, and never cleared. While it is set, a short
 *       call does not clear READY (SOURCE-7); EAGAIN still does.
 *
 *   The tick is incremented by each report of this direction, modulo 2^32. The
 *       polling side only reads it.
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
 *   SOURCE-6  The descriptor is removed from epoll before it is closed: a
 *       duplicate in another process would keep it registered.
 *   SOURCE-7  A short call clears READY too, as EAGAIN does, unless the
 *       direction is STRICT: recv() stops at an urgent mark and before an
 *       error, although there is more behind it, and no further report follows.
 *       Both are reported either before the call or with a later tick.
 *   SOURCE-8  A reactor that fails permanently first sets its error, then
 *       reports each source; a wait checks the error last. In a child of fork()
 *       a copy neither changes the registrations of the parent's epoll nor
 *       locks a mutex.
 *
 *   SOURCE-9  rv_source_fail() and then rv_source_wake() do the same for one
 *       source, from any thread: the first sets the error, the second reports
 *       both directions. A task that is about to wait finds the report
 *       (SOURCE-1); one that waits is woken; one whose call returns EAGAIN just
 *       then finds another tick, tries again, and gets the error from the next
 *       clear (SOURCE-2).
 *
 *   SOURCE-10  A direction has room for one waker. A future says that it waits
 *       *after* it has stored its waker; the store has noted whose waker of
 *       another task it replaced. If that is another future, it would wait for
 *       ever, so the program stops. A waker that no future claims (a poll
 *       function that calls rv_source_ready() or rv_source_gone() itself) is
 *       replaced silently.
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

/* Not EPOLLOUT: a socket is nearly always writable, so the reactor would wake
 * up for each new connection although no task waits for that. EPOLLPRI is for
 * SOURCE-7. EPOLLERR and EPOLLHUP are always reported. */
#define READING (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

/* Split the word of a direction. Returns: whether I/O may succeed. */
static bool usable(uint64_t word, uint32_t *tick)
{
    *tick = (uint32_t)(word >> TICK_SHIFT);
    return word & (READY | CLOSED);
}

bool rv_source_is_parents(const struct rv_source *source)
{
    return rv_fork_is_copy(source->reactor->mark);
}

/* SOURCE-8, SOURCE-9. Returns: 0, or the error that ends each wait. */
static int error_of(const struct rv_source *source)
{
    /* relaxed: the task that waits for writing sets it and reads it; and the
     * error of rv_source_fail() is published by the report that follows, and
     * by the release of `canceled` (STREAM-3 in stream.c). */
    const int error =
        atomic_load_explicit(&source->error, memory_order_relaxed);

    return error ? error : rv_reactor_error(source->reactor);
}

/* --- open and close ---------------------------------------------------- */

static struct rv_source *alloc_slot(struct rv_reactor *reactor, uint64_t *id)
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

static void free_slot(struct rv_reactor *reactor, uint64_t id)
{
    pthread_mutex_lock(&reactor->mutex);
    rv_slab_free(&reactor->sources, id);
    pthread_mutex_unlock(&reactor->mutex);
}

static void init_source(struct rv_source *source, struct rv_reactor *reactor,
                        int fd, uint64_t id)
{
    pthread_mutex_lock(&source->mutex);
    source->reactor = reactor;
    source->fd = fd;
    source->id = id;
    source->watches_writing = false;
    /* relaxed: no other thread has the source yet; here and below. */
    atomic_store_explicit(&source->error, 0, memory_order_relaxed);
    /* Ready until a system call returns EAGAIN: I/O is tried first. */
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
    source = alloc_slot(reactor, &id);
    if (!source)
        return -ENOMEM;
    error = rv_reactor_error(reactor); /* after alloc_slot(): SOURCE-8 */
    if (!error) {
        init_source(source, reactor, fd, id);
        error = tell_epoll(source, EPOLL_CTL_ADD, READING);
    }
    if (error) {
        free_slot(reactor, id);
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

    /* A task that still waits would wait for ever. Its next poll finds no
     * source: -EBADF for a stream, a message for the others. A task that has
     * dropped its future has a spurious wake. */
    for (int i = 0; i < RV_DIRECTIONS; i++)
        rv_waker_wake_and_drop(&left[i]);
    free_slot(source->reactor, id);
}

/* --- calls of a poll --------------------------------------------------- */

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

/* source->mutex must be held. Returns: the earlier waker, for a drop without
 * it. */
static struct rv_waker replace_waker(struct rv_source *source,
                                     struct rv_readiness *side,
                                     const struct rv_waker *waker)
{
    const struct rv_waker earlier = rv_waker_replace(&side->waker, waker);

    /* SOURCE-10. relaxed: only the task that waits reads them, here, in
     * rv_source_waits() and rv_source_forget(). */
    atomic_store_explicit(
        &side->displaced,
        earlier.queue
            ? atomic_load_explicit(&side->waiting, memory_order_relaxed)
            : NULL,
        memory_order_relaxed);
    atomic_store_explicit(&side->waiting, NULL, memory_order_relaxed);
    rv_trace(RV_EV_SET_WAKER, waker->id, source->fd);
    return earlier;
}

void rv_source_waits(struct rv_source *source, enum rv_direction direction,
                     const struct rv_future *future)
{
    struct rv_readiness *side = &source->direction[direction];
    /* relaxed: as in replace_waker(). */
    const struct rv_future *other =
        atomic_load_explicit(&side->displaced, memory_order_relaxed);

    if (other && other != future)
        rv_panic("two futures wait for one direction of a descriptor",
                 future->ops->name);
    atomic_store_explicit(&side->displaced, NULL, memory_order_relaxed);
    atomic_store_explicit(&side->waiting, future, memory_order_relaxed);
}

/* SOURCE-1: store the waker, then check again, under the mutex. Returns: true
 * if the source has become ready. */
static bool store_waker(struct rv_source *source, struct rv_readiness *side,
                        const struct rv_waker *waker, uint32_t *tick)
{
    struct rv_waker earlier;
    bool ready;

    pthread_mutex_lock(&source->mutex);
    earlier = replace_waker(source, side, waker);
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
    struct rv_readiness *side;

    RV_CHECK(source, "no socket, or closed while a task waits for it");
    side = &source->direction[direction];
    /* acquire: the report happens-before the I/O that follows; pairs with
     * add_report(). */
    if (usable(atomic_load_explicit(&side->word, memory_order_acquire), tick))
        return true;
    if (rv_source_is_parents(source) || store_waker(source, side, waker, tick))
        return true;
    return direction == RV_WRITE && !watch_writing(source);
}

bool rv_source_peek(const struct rv_source *source, enum rv_direction direction,
                    uint32_t *tick)
{
    /* acquire: as in rv_source_ready(). */
    return usable(atomic_load_explicit(&source->direction[direction].word,
                                       memory_order_acquire),
                  tick);
}

/* SOURCE-2: clear READY, if the tick is unchanged and none of the flags
 * `unless` is set. */
static void clear_ready(_Atomic uint64_t *word, uint32_t tick, uint64_t unless)
{
    /* relaxed, here and below: clearing a flag publishes nothing. */
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);

    if (seen & unless)
        return; /* checked once: a report that sets it later changes the tick */
    while ((uint32_t)(seen >> TICK_SHIFT) == tick && (seen & READY))
        if (atomic_compare_exchange_weak_explicit(word, &seen, seen & ~READY,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
            return;
}

int rv_source_clear(struct rv_source *source, enum rv_direction direction,
                    uint32_t tick)
{
    clear_ready(&source->direction[direction].word, tick, 0);
    return error_of(source);
}

void rv_source_clear_short(struct rv_source *source,
                           enum rv_direction direction, uint32_t tick)
{
    /* SOURCE-7 */
    clear_ready(&source->direction[direction].word, tick, STRICT);
}

void rv_source_forget(struct rv_source *source, enum rv_direction direction)
{
    struct rv_waker left;

    if (rv_source_is_parents(source))
        return;
    pthread_mutex_lock(&source->mutex);
    left = rv_waker_take(&source->direction[direction].waker);
    /* SOURCE-10: the future that stops waiting may be the one that was
     * replaced. relaxed: as in replace_waker(). */
    atomic_store_explicit(&source->direction[direction].displaced, NULL,
                          memory_order_relaxed);
    pthread_mutex_unlock(&source->mutex);
    rv_waker_drop(&left);
}

static bool has_flag(const struct rv_source *source,
                     enum rv_direction direction, uint64_t flag)
{
    /* acquire: a system call that follows comes after the report; pairs with
     * add_report(). */
    return atomic_load_explicit(&source->direction[direction].word,
                                memory_order_acquire) &
           flag;
}

bool rv_source_hung_up(const struct rv_source *source,
                       enum rv_direction direction)
{
    return has_flag(source, direction, CLOSED);
}

bool rv_source_strict(const struct rv_source *source,
                      enum rv_direction direction)
{
    return has_flag(source, direction, STRICT);
}

/* SOURCE-1 here too: either the second check sees a report, or the report finds
 * the waker. The waker is stored for reading, because an event that closes
 * writing (EPOLLHUP) closes reading too. */
bool rv_source_gone(struct rv_source *source, const struct rv_waker *waker)
{
    struct rv_waker earlier;
    bool gone;

    if (rv_source_hung_up(source, RV_WRITE) || error_of(source))
        return true;
    pthread_mutex_lock(&source->mutex);
    earlier = replace_waker(source, &source->direction[RV_READ], waker);
    gone = rv_source_hung_up(source, RV_WRITE) || error_of(source);
    pthread_mutex_unlock(&source->mutex);
    rv_waker_drop(&earlier);
    return gone;
}

/* --- calls of the reactor ---------------------------------------------- */

static void add_report(struct rv_readiness *side, uint64_t flags)
{
    /* relaxed: the exchange below verifies it. */
    uint64_t seen = atomic_load_explicit(&side->word, memory_order_relaxed);
    uint64_t next;

    do {
        next = (seen + ONE_TICK) | flags;
        /* release: pairs with the acquire in rv_source_ready(). */
    } while (!atomic_compare_exchange_weak_explicit(
        &side->word, &seen, next, memory_order_release, memory_order_relaxed));
}

/* RDHUP closes reading only; HUP closes both. After ERR the next call of either
 * direction returns the error. Urgent data is not part of the stream, so it
 * wakes no task; recv() with MSG_OOB reads it. Returns: 0 if the events do not
 * concern the direction. */
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
            add_report(&source->direction[i], flags);
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
        add_report(&source->direction[i], READY);
        rv_wake_batch_add(batch, &source->direction[i].waker);
    }
    pthread_mutex_unlock(&source->mutex);
}

void rv_source_fail(struct rv_source *source, int error)
{
    if (rv_source_is_parents(source))
        return;
    /* relaxed: rv_source_wake() publishes it (SOURCE-9). */
    atomic_store_explicit(&source->error, error, memory_order_relaxed);
}

void rv_source_wake(struct rv_source *source)
{
    struct rv_wake_batch batch = {.len = 0};

    if (rv_source_is_parents(source))
        return;
    report_ready(source, &batch);
    rv_wake_batch_deliver(&batch);
}

/* Sources that are opened in the meantime need no report: their
 * rv_source_open() checks the error after it has the slot (SOURCE-8). */
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
