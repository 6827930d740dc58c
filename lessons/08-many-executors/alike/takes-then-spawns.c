/*@answer
en: Copies what is in the inbox, lets go of the lock, and spawns then. The
en: waker is left in a step of its own, before the look.
fr: Copie ce qui est dans la boîte, rend le verrou, puis lance. Le waker est
fr: laissé à part, avant le regard.
*/

/*@region 8.2*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    struct rv_future *taken[MAX_FUTURES];
    size_t count;
    bool closed;

    pthread_mutex_lock(&self->lock);
    rv_waker_store(&self->waker, &cx->waker);
    pthread_mutex_unlock(&self->lock);
    pthread_mutex_lock(&self->lock);
    closed = self->closed;
    count = self->count;
    memcpy(taken, self->futures, count * sizeof(*taken));
    self->count = 0;
    pthread_mutex_unlock(&self->lock);
    for (size_t i = count; i > 0; i--)
        rv_spawn(cx->executor, taken[i - 1], NULL);
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
