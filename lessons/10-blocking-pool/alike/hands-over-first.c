/*@answer
en: Hands the job over before the waker is left, and looks after that:
en: whatever is done in between is seen.
fr: Confie le travail avant de laisser le waker, et regarde ensuite : ce qui
fr: est fait entre-temps est vu.
*/

/*@region 10.3*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);
    bool done;

    if (!self->queued) {
        self->queued = true;
        pool_submit(self);
    }
    pthread_mutex_lock(&pool.lock);
    done = self->done;
    if (!done)
        rv_waker_store(&self->waker, &cx->waker);
    pthread_mutex_unlock(&pool.lock);
    if (!done)
        return RV_PENDING;
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
