/* SPDX-License-Identifier: MIT */
/*
 * remote.c - an inbox in front of an executor, and a task that empties it.
 *
 * Threads: rv_remote_*() any; those of the porter and of the parcels the
 * executor's.
 *
 * The porter is a task of the executor: nothing of the executor itself is
 * touched from outside, only the porter's waker. A parcel with a join is a
 * small future around the one that was handed over; see remote_task.c.
 *
 * Protocol. Everything shared is under the handle's mutex.
 *
 *   H1  Whether the inbox is closed is looked at in the hold that puts the
 *       parcel in: either the porter's drop finds it there, or the caller
 *       keeps the future.
 *   H2  The porter takes all of the inbox and leaves its waker in one hold. A
 *       parcel that came between two would wake nobody.
 *   H3  Who puts a parcel into an empty inbox wakes the porter, after that. To
 *       the others the wake of the first still applies: the porter has not
 *       taken the inbox since. A wake before it could be used up in vain.
 *   H4  The porter's drop closes the inbox and takes what is left in one hold.
 *       A parcel that came between two would stay for ever.
 *   H5  No waker is called and no future is dropped in a hold.
 *   H6  The memory goes with its last reference, a handle or the porter: a
 *       thread may still be unlocking when the executor has gone.
 *
 * stress_remote.c is the test; each rule but H5 has a mutant, and so
 * have J1, J2 and J4 of remote_task.c.
 */
#include <errno.h>
#include <pthread.h>

#include "base/base_internal.h"
#include "executor/remote_internal.h"

enum { NO_MEMORY_PAUSE_MS = 20 };

struct rv_remote {
    _Atomic uint32_t references; /* H6; any thread */
    uint32_t mark;               /* the process that it is of */
    pthread_mutex_t mutex;       /* for everything below */
    uint32_t handles;
    bool closed;
    struct rv_list inbox;   /* struct parcel */
    struct rv_waker porter; /* from its first poll on */
};

struct parcel {
    struct rv_future future; /* used if there is a task */
    struct rv_list node;
    struct rv_future *child;     /* owned */
    struct rv_remote_task *task; /* NULL without a join; one reference */
};

/* --- the handle -------------------------------------------------------- */

static void get(struct rv_remote *remote)
{
    /* relaxed: the caller has a reference, so nothing can be freed yet. */
    atomic_fetch_add_explicit(&remote->references, 1, memory_order_relaxed);
}

static void put(struct rv_remote *remote)
{
    /* release: we have done with it; acquire: the last one sees that of the
     * others; they pair with each other. */
    if (atomic_fetch_sub_explicit(&remote->references, 1,
                                  memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&remote->mutex);
    rv_free(remote);
}

void rv_remote_get(struct rv_remote *remote)
{
    get(remote);
    rv_fork_lock(remote->mark, &remote->mutex);
    remote->handles++;
    rv_fork_unlock(remote->mark, &remote->mutex);
}

/* Wake, and give the waker up. */
static void wake(struct rv_waker *waker)
{
    rv_waker_wake(waker);
    rv_waker_drop(waker);
}

void rv_remote_put(struct rv_remote *remote)
{
    struct rv_waker porter = {0};

    if (!remote)
        return;
    rv_fork_lock(remote->mark, &remote->mutex);
    if (--remote->handles == 0) /* the porter has nothing to wait for */
        porter = rv_waker_clone(&remote->porter);
    rv_fork_unlock(remote->mark, &remote->mutex);
    wake(&porter);
    put(remote);
}

/* --- a parcel ---------------------------------------------------------- */

static void drop_child(struct parcel *parcel)
{
    rv_drop(parcel->child);
    rv_free(parcel->child);
    parcel->child = NULL;
}

static void parcel_drop(struct rv_future *future)
{
    struct parcel *self = RV_CONTAINER_OF(future, struct parcel, future);

    if (!self->child)
        return;
    drop_child(self);
    if (self->task)
        rv_remote_task_settle(self->task, -ECANCELED);
}

static enum rv_poll parcel_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct parcel *self = RV_CONTAINER_OF(future, struct parcel, future);
    int32_t result;

    if (rv_remote_task_aborted(self->task, &cx->waker)) {
        parcel_drop(future);
        return RV_READY;
    }
    if (rv_poll(self->child, cx) == RV_PENDING)
        return RV_PENDING;
    result = self->child->result;
    drop_child(self);
    rv_remote_task_settle(self->task, result);
    return RV_READY;
}

/* Returns: NULL without memory. */
static struct parcel *parcel_new(struct rv_future *child, bool joined)
{
    static const struct rv_future_ops ops = {
        .name = "rv_remote task", .poll = parcel_poll, .drop = parcel_drop};
    struct parcel *parcel = rv_alloc(sizeof *parcel);

    if (!parcel)
        return NULL;
    rv_future_init(&parcel->future, &ops);
    parcel->child = child;
    if (joined) {
        parcel->task = rv_remote_task_new();
        if (!parcel->task) {
            rv_free(parcel);
            return NULL;
        }
    }
    return parcel;
}

/* One that nobody took. */
static void parcel_free_unsent(struct parcel *parcel)
{
    if (parcel->task)
        rv_remote_task_free(parcel->task);
    rv_free(parcel);
}

/* H1, H3. Returns: 0, -ECANCELED, -ESTALE. */
static int send(struct rv_remote *remote, struct parcel *parcel)
{
    struct rv_waker porter = {0};
    bool closed;

    if (rv_fork_is_copy(remote->mark))
        return -ESTALE;
    rv_fork_lock(remote->mark, &remote->mutex);
    closed = remote->closed;
    if (!closed) {
        if (rv_list_empty(&remote->inbox))
            porter = rv_waker_clone(&remote->porter);
        rv_list_push(&remote->inbox, &parcel->node);
    }
    rv_fork_unlock(remote->mark, &remote->mutex);
    wake(&porter);
    return closed ? -ECANCELED : 0;
}

int rv_remote_spawn(struct rv_remote *remote, struct rv_future *future,
                    struct rv_remote_join *join)
{
    struct parcel *parcel = parcel_new(future, join != NULL);
    struct rv_remote_task *task;
    int error;

    if (!parcel)
        return -ENOMEM;
    task = parcel->task;
    error = send(remote, parcel); /* then it is not ours any more */
    if (error)
        parcel_free_unsent(parcel);
    else if (join)
        rv_remote_join_init(join, task);
    return error;
}

/* --- the porter -------------------------------------------------------- */

struct porter {
    struct rv_future future;
    struct rv_remote *remote; /* one reference; NULL once it was dropped */
    struct rv_list taken;     /* struct parcel */
    struct rv_sleep pause;    /* when there is no memory for a task */
};

/* Returns: 0, -ENOMEM, -ECANCELED. */
static int start_parcel(struct rv_executor *executor, struct parcel *parcel)
{
    int error;

    if (parcel->task) {
        error = rv_spawn(executor, &parcel->future, NULL);
        if (!error)
            rv_list_remove(&parcel->node);
        return error;
    }
    error = rv_spawn(executor, parcel->child, NULL);
    if (!error) {
        rv_list_remove(&parcel->node);
        rv_free(parcel);
    }
    return error;
}

/* Returns: true when all that was taken has become a task. */
static bool start_all(struct porter *self, struct rv_executor *executor)
{
    while (!rv_list_empty(&self->taken))
        if (start_parcel(executor, RV_CONTAINER_OF(self->taken.next,
                                                   struct parcel, node)) < 0)
            return false;
    return true;
}

static enum rv_poll porter_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct porter *self = RV_CONTAINER_OF(future, struct porter, future);
    struct rv_remote *remote = self->remote;
    bool over;

    rv_fork_lock(remote->mark, &remote->mutex); /* H2 */
    rv_list_splice(&self->taken, &remote->inbox);
    if (!remote->porter.queue)
        remote->porter = rv_waker_clone(&cx->waker);
    over = remote->handles == 0;
    rv_fork_unlock(remote->mark, &remote->mutex);

    rv_drop(&self->pause.future);
    if (start_all(self, cx->executor))
        return over ? RV_READY : RV_PENDING;
    /* What was handed over is not lost for want of memory: again, later. */
    rv_sleep_init(&self->pause, rv_after_ms(NO_MEMORY_PAUSE_MS));
    if (rv_poll(&self->pause.future, cx) == RV_READY)
        rv_waker_wake(&cx->waker); /* it is over already */
    return RV_PENDING;
}

static void drop_all(struct rv_list *parcels)
{
    struct rv_list *node;

    while ((node = rv_list_pop(parcels))) {
        struct parcel *parcel = RV_CONTAINER_OF(node, struct parcel, node);

        parcel_drop(&parcel->future);
        rv_free(parcel);
    }
}

static void porter_drop(struct rv_future *future)
{
    struct porter *self = RV_CONTAINER_OF(future, struct porter, future);
    struct rv_remote *remote = self->remote;
    struct rv_waker waker;

    if (!remote)
        return;
    self->remote = NULL;
    rv_drop(&self->pause.future);
    rv_fork_lock(remote->mark, &remote->mutex); /* H4 */
    remote->closed = true;
    rv_list_splice(&self->taken, &remote->inbox);
    waker = remote->porter;
    remote->porter = (struct rv_waker){0};
    rv_fork_unlock(remote->mark, &remote->mutex);
    rv_waker_drop(&waker);
    drop_all(&self->taken);
    put(remote);
}

static struct porter *porter_new(struct rv_remote *remote)
{
    static const struct rv_future_ops ops = {
        .name = "rv_remote", .poll = porter_poll, .drop = porter_drop};
    struct porter *porter = rv_alloc(sizeof *porter);

    if (!porter)
        return NULL;
    rv_future_init(&porter->future, &ops);
    porter->remote = remote;
    rv_list_init(&porter->taken);
    return porter;
}

int rv_remote_open(struct rv_executor *executor, struct rv_remote **out)
{
    struct rv_remote *remote = rv_alloc(sizeof *remote);
    struct porter *porter;
    int error = -ENOMEM;

    if (!remote)
        return -ENOMEM;
    porter = porter_new(remote);
    if (!porter)
        goto fail_remote;
    error = rv_spawn(executor, &porter->future, NULL);
    if (error)
        goto fail_porter;
    atomic_init(&remote->references, 2); /* the handle, the porter */
    remote->handles = 1;
    remote->mark = rv_fork_mark();
    pthread_mutex_init(&remote->mutex, NULL);
    rv_list_init(&remote->inbox);
    *out = remote;
    return 0;

fail_porter:
    rv_free(porter);
fail_remote:
    rv_free(remote);
    return error;
}
