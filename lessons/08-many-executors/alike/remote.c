/*@answer
en: The library's own way: rv_remote, which is an inbox and its task.
fr: La voie de la bibliothèque : rv_remote, qui est une boîte de réception et
fr: sa tâche.
*/

/*@region 8.1*/
#include <reveil/remote.h>

struct inbox {
    struct rv_future future; /* the task that empties it: its executor's */
    pthread_mutex_t lock;
    struct rv_future *futures[MAX_FUTURES]; /* lock held, as the rest */
    size_t count;
    bool closed;
    struct rv_waker waker; /* of the task that empties it */
};

struct executor {
    char name[24];              /* set before its thread starts */
    struct rv_reactor *reactor; /* as well: the same one for all */
    struct inbox inbox;         /* any thread */
    pthread_t thread;           /* main */
    struct rv_remote *remote;   /* set before `open` is posted */
};

static void spawn_on(struct executor *executor, struct rv_future *future)
{
    struct rv_remote *remote;

    /* The thread sets it when it begins. */
    for (;;) {
        pthread_mutex_lock(&executor->inbox.lock);
        remote = executor->remote;
        pthread_mutex_unlock(&executor->inbox.lock);
        if (remote)
            break;
        sched_yield();
    }
    rv_remote_spawn(remote, future, NULL);
}
/*@end 8.1*/

/*@region 8.2*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    bool closed;

    pthread_mutex_lock(&self->lock);
    rv_waker_store(&self->waker, &cx->waker);
    closed = self->closed;
    pthread_mutex_unlock(&self->lock);
    return closed ? RV_READY : RV_PENDING;
}

/* For main, at the end: the inbox task will be READY. */
static void inbox_close(struct inbox *self)
{
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    rv_waker_wake(&self->waker); /* nothing, if there is no waker */
    pthread_mutex_unlock(&self->lock);
}

static void inbox_init(struct inbox *self)
{
    static const struct rv_future_ops ops = {.name = "inbox",
                                             .poll = inbox_poll};

    rv_future_init(&self->future, &ops);
    pthread_mutex_init(&self->lock, NULL);
}

static void inbox_fini(struct inbox *self)
{
    rv_waker_drop(&self->waker);
}
/*@end 8.2*/

/*@region 8.3*/
static void *executor_run(void *arg)
{
    struct executor *self = arg;
    struct rv_executor *executor;

    lesson_name_thread(self->name);
    rv_reactor_enter(self->reactor);
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    pthread_mutex_lock(&self->inbox.lock);
    rv_remote_open(executor, &self->remote);
    pthread_mutex_unlock(&self->inbox.lock);
    rv_block_on(executor, &self->inbox.future);
    rv_remote_put(self->remote);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/
