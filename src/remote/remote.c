/* SPDX-License-Identifier: MIT */
/*
 * remote.c - an inbox for an executor, and a task that empties it.
 *
 * Threads: rv_remote_*(): any. The functions of the inbox task and of messages:
 * the executor's.
 *
 * The inbox task is a task of the executor. Other threads use the waker of the
 * inbox task, and access nothing else of the executor. A message with a join is
 * a small future that wraps the one that was handed over; see remote_task.c.
 *
 * Protocol. The handle's mutex protects all shared state.
 *
 *   REMOTE-1  A sender checks `closed` and appends its message in one critical
 *       section: either the drop of the inbox task finds the message, or the
 *       caller keeps the future.
 *   REMOTE-2  The inbox task takes all messages and stores its waker in one
 *       critical section. A message that arrived between two critical sections
 *       would wake no task.
 *   REMOTE-3  A sender that appends to an empty inbox wakes the inbox task
 *       after the append. Later senders need no wake, because the inbox task
 *       has not emptied the inbox since that wake. A wake before the append
 *       could be consumed before the message is in the inbox.
 *   REMOTE-4  The drop of the inbox task closes the inbox and takes the
 *       remaining messages in one critical section. A message that arrived
 *       between two critical sections would stay forever.
 *   REMOTE-5  No waker is woken and no future is dropped under the mutex.
 *   REMOTE-6  The memory is freed by the last reference, which may be a
 *       handle's or the inbox task's: a thread may still be unlocking the mutex
 *       when the executor is freed.
 *
 * stress_remote.c is the test. Each rule but REMOTE-5 has a mutant, as do
 * REMOTE_TASK-1, REMOTE_TASK-2 and REMOTE_TASK-4.
 */
#include <errno.h>
#include <pthread.h>

#include "base/base_internal.h"
#include "remote/remote_internal.h"

enum { NO_MEMORY_PAUSE_MS = 20 };

struct rv_remote {
    _Atomic uint32_t references; /* REMOTE-6; any thread */
    uint32_t mark;               /* of the process that made it */
    pthread_mutex_t mutex;       /* for everything below */
    uint32_t handles;
    bool closed;
    struct rv_list inbox;       /* struct message */
    struct rv_waker inbox_task; /* from its first poll on */
};

struct message {
    struct rv_future future; /* used only if `task` is not NULL */
    struct rv_list node;
    struct rv_future *child;     /* owned */
    struct rv_remote_task *task; /* NULL without a join; one reference */
};

/* --- the handle -------------------------------------------------------- */

static void get_reference(struct rv_remote *remote)
{
    /* relaxed: the caller has a reference, so nothing can be freed yet. */
    atomic_fetch_add_explicit(&remote->references, 1, memory_order_relaxed);
}

static void put_reference(struct rv_remote *remote)
{
    /* release: the end of our use; acquire: the last put, which frees, comes
     * after the others' use. They pair with each other. */
    if (atomic_fetch_sub_explicit(&remote->references, 1,
                                  memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&remote->mutex);
    rv_free(remote);
}

void rv_remote_get(struct rv_remote *remote)
{
    get_reference(remote);
    rv_fork_lock(remote->mark, &remote->mutex);
    remote->handles++;
    rv_fork_unlock(remote->mark, &remote->mutex);
}

void rv_remote_put(struct rv_remote *remote)
{
    struct rv_waker inbox_task = {0};

    if (!remote)
        return;
    rv_fork_lock(remote->mark, &remote->mutex);
    if (--remote->handles == 0) /* the inbox task can end */
        inbox_task = rv_waker_clone(&remote->inbox_task);
    rv_fork_unlock(remote->mark, &remote->mutex);
    rv_waker_wake_and_drop(&inbox_task);
    put_reference(remote);
}

/* --- a message --------------------------------------------------------- */

static void drop_child(struct message *message)
{
    rv_drop(message->child);
    rv_free(message->child);
    message->child = NULL;
}

static void message_drop(struct rv_future *future)
{
    struct message *self = RV_CONTAINER_OF(future, struct message, future);

    if (!self->child)
        return;
    drop_child(self);
    if (self->task)
        rv_remote_task_settle(self->task, -ECANCELED);
}

static enum rv_poll message_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct message *self = RV_CONTAINER_OF(future, struct message, future);
    int32_t result;

    if (rv_remote_task_aborted(self->task, &cx->waker)) {
        message_drop(future);
        return RV_READY;
    }
    if (rv_poll(self->child, cx) == RV_PENDING)
        return RV_PENDING;
    result = self->child->result;
    drop_child(self);
    rv_remote_task_settle(self->task, result);
    return RV_READY;
}

/* Returns: NULL: out of memory. */
static struct message *message_new(struct rv_future *child, bool joined)
{
    static const struct rv_future_ops ops = {
        .name = "rv_remote task", .poll = message_poll, .drop = message_drop};
    struct message *message = rv_alloc(sizeof *message);

    if (!message)
        return NULL;
    rv_future_init(&message->future, &ops);
    message->child = child;
    if (joined) {
        message->task = rv_remote_task_new();
        if (!message->task) {
            rv_free(message);
            return NULL;
        }
    }
    return message;
}

/* Free a message that was not delivered. */
static void message_free_unsent(struct message *message)
{
    if (message->task)
        rv_remote_task_free(message->task);
    rv_free(message);
}

/* REMOTE-1, REMOTE-3. Returns: 0, -ECANCELED, -ESTALE. */
static int send(struct rv_remote *remote, struct message *message)
{
    struct rv_waker inbox_task = {0};
    bool closed;

    if (rv_fork_is_copy(remote->mark))
        return -ESTALE;
    rv_fork_lock(remote->mark, &remote->mutex);
    closed = remote->closed;
    if (!closed) {
        if (rv_list_empty(&remote->inbox))
            inbox_task = rv_waker_clone(&remote->inbox_task);
        rv_list_push(&remote->inbox, &message->node);
    }
    rv_fork_unlock(remote->mark, &remote->mutex);
    rv_waker_wake_and_drop(&inbox_task);
    return closed ? -ECANCELED : 0;
}

int rv_remote_spawn(struct rv_remote *remote, struct rv_future *future,
                    struct rv_remote_join *join)
{
    struct message *message = message_new(future, join != NULL);
    struct rv_remote_task *task;
    int error;

    if (!message)
        return -ENOMEM;
    task = message->task;
    error = send(remote, message); /* after success it is not ours any more */
    if (error)
        message_free_unsent(message);
    else if (join)
        rv_remote_join_init(join, task);
    return error;
}

/* --- the inbox task ---------------------------------------------------- */

struct inbox_task {
    struct rv_future future;
    struct rv_remote *remote; /* one reference; NULL after the drop */
    struct rv_list taken;     /* struct message */
    struct rv_sleep pause;    /* before a retry when memory is short */
};

/* Returns: 0, -ENOMEM, -ECANCELED. */
static int spawn_message(struct rv_executor *executor, struct message *message)
{
    int error;

    if (message->task) {
        error = rv_spawn(executor, &message->future, NULL);
        if (!error)
            rv_list_remove(&message->node);
        return error;
    }
    error = rv_spawn(executor, message->child, NULL);
    if (!error) {
        rv_list_remove(&message->node);
        rv_free(message);
    }
    return error;
}

/* Spawn a task for each message that was taken. Returns: false: out of memory,
 * some are left. */
static bool spawn_all(struct inbox_task *self, struct rv_executor *executor)
{
    while (!rv_list_empty(&self->taken))
        if (spawn_message(executor, RV_CONTAINER_OF(self->taken.next,
                                                    struct message, node)) < 0)
            return false;
    return true;
}

static enum rv_poll inbox_task_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox_task *self =
        RV_CONTAINER_OF(future, struct inbox_task, future);
    struct rv_remote *remote = self->remote;
    bool over;

    rv_fork_lock(remote->mark, &remote->mutex); /* REMOTE-2 */
    rv_list_splice(&self->taken, &remote->inbox);
    if (!remote->inbox_task.queue)
        remote->inbox_task = rv_waker_clone(&cx->waker);
    over = remote->handles == 0;
    rv_fork_unlock(remote->mark, &remote->mutex);

    rv_drop(&self->pause.future);
    if (spawn_all(self, cx->executor))
        return over ? RV_READY : RV_PENDING;
    /* Out of memory: keep the messages, and retry after a pause. */
    rv_sleep_init(&self->pause, rv_after_ms(NO_MEMORY_PAUSE_MS));
    if (rv_poll(&self->pause.future, cx) == RV_READY)
        rv_waker_wake(&cx->waker); /* the pause has ended already */
    return RV_PENDING;
}

static void drop_all(struct rv_list *messages)
{
    struct rv_list *node;

    while ((node = rv_list_pop(messages))) {
        struct message *message = RV_CONTAINER_OF(node, struct message, node);

        message_drop(&message->future);
        rv_free(message);
    }
}

static void inbox_task_drop(struct rv_future *future)
{
    struct inbox_task *self =
        RV_CONTAINER_OF(future, struct inbox_task, future);
    struct rv_remote *remote = self->remote;
    struct rv_waker waker;

    if (!remote)
        return;
    self->remote = NULL;
    rv_drop(&self->pause.future);
    rv_fork_lock(remote->mark, &remote->mutex); /* REMOTE-4 */
    remote->closed = true;
    rv_list_splice(&self->taken, &remote->inbox);
    waker = rv_waker_take(&remote->inbox_task);
    rv_fork_unlock(remote->mark, &remote->mutex);
    rv_waker_drop(&waker);
    drop_all(&self->taken);
    put_reference(remote);
}

static struct inbox_task *inbox_task_new(struct rv_remote *remote)
{
    static const struct rv_future_ops ops = {
        .name = "rv_remote", .poll = inbox_task_poll, .drop = inbox_task_drop};
    struct inbox_task *inbox_task = rv_alloc(sizeof *inbox_task);

    if (!inbox_task)
        return NULL;
    rv_future_init(&inbox_task->future, &ops);
    inbox_task->remote = remote;
    rv_list_init(&inbox_task->taken);
    return inbox_task;
}

int rv_remote_open(struct rv_executor *executor, struct rv_remote **out)
{
    struct rv_remote *remote = rv_alloc(sizeof *remote);
    struct inbox_task *inbox_task;
    int error = -ENOMEM;

    if (!remote)
        return -ENOMEM;
    inbox_task = inbox_task_new(remote);
    if (!inbox_task)
        goto fail_remote;
    error = rv_spawn(executor, &inbox_task->future, NULL);
    if (error)
        goto fail_inbox_task;
    atomic_init(&remote->references, 2); /* the handle, the inbox task */
    remote->handles = 1;
    remote->mark = rv_fork_mark();
    pthread_mutex_init(&remote->mutex, NULL);
    rv_list_init(&remote->inbox);
    *out = remote;
    return 0;

fail_inbox_task:
    rv_free(inbox_task);
fail_remote:
    rv_free(remote);
    return error;
}
