/*@answer
cause: NEVER RELEASED
kind: a waker
found: plain
en: Writes a clone over the waker that is there: at a poll for which nobody has
en: taken it out, that one is lost.
fr: Écrit une copie par-dessus le waker qui est là : à un sondage pour lequel
fr: personne ne l'a retiré, celui-ci est perdu.
*/

/*@region 8.2*/
static enum rv_poll inbox_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct inbox *self = RV_CONTAINER_OF(future, struct inbox, future);
    bool closed;

    pthread_mutex_lock(&self->lock);
    self->waker = rv_waker_clone(&cx->waker);
    for (size_t i = 0; i < self->count; i++)
        rv_spawn(cx->executor, self->futures[i], NULL);
    self->count = 0;
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
