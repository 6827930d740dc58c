/*@answer
en: Spawns the last one first, leaves a waker only where none is, and enters
en: the reactor when the executor is there. A yield that may be used again.
fr: Lance d'abord la dernière, ne laisse un waker que s'il n'y en a pas, et
fr: adopte le réacteur une fois l'exécuteur créé. Un yield qui peut resservir.
*/

/*@region 8.2*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    bool closed;

    pthread_mutex_lock(&self->lock);
    if (!self->waker.queue)
        self->waker = rv_waker_clone(&cx->waker);
    while (self->count > 0)
        rv_spawn(rv_executor_current(), self->futures[--self->count], NULL);
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
    lesson_expect(rv_executor_new(&executor) == 0, "out of memory");
    rv_reactor_enter(self->reactor);
    rv_block_on(executor, &self->inbox.future);
    rv_executor_free(executor);
    return NULL;
}
/*@end 8.3*/

/*@region 8.4*/
static enum rv_poll yield_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct yield *self = RV_CONTAINER_OF(future, struct yield, future);

    self->yielded = !self->yielded;
    if (!self->yielded)
        return RV_READY;
    rv_waker_wake(&cx->waker);
    return RV_PENDING;
}
/*@end 8.4*/
