/*@answer
cause: FORGOTTEN TASK
kind: left in the inbox
found: case inbox
en: Takes one future for each poll: "one wake, one future". But wakes fall
en: together: several calls may be one poll.
fr: Prend une future par sondage : « un réveil, une future ». Or les réveils
fr: se confondent : plusieurs appels peuvent faire un seul sondage.
*/

/*@region 8.2*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    bool closed;

    pthread_mutex_lock(&self->lock);
    rv_waker_store(&self->waker, &cx->waker);
    if (self->count > 0)
        rv_spawn(cx->executor, self->futures[--self->count], NULL);
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
