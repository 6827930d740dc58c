/*@answer
cause: LOST WAKE
kind: an old waker
found: case wakers
en: Leaves the waker at the first poll only.
fr: Ne laisse le waker qu'au premier sondage.
*/

/*@region 10.3*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);
    bool done;

    pthread_mutex_lock(&pool.lock);
    if (!self->queued)
        rv_waker_store(&self->waker, &cx->waker);
    done = self->done;
    pthread_mutex_unlock(&pool.lock);
    if (!self->queued) {
        self->queued = true;
        pool_submit(self);
    }
    if (!done)
        return RV_PENDING;
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
