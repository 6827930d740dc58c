/*@answer
cause: LOST WAKE
kind: done before the waker
found: sweep
en: Looks whether the job is done, and leaves the waker if it is not. A job
en: that is done in between finds nobody to wake.
fr: Regarde si le travail est fait, et laisse le waker sinon. Un travail fait
fr: entre les deux ne trouve personne à réveiller.
*/

/*@region 10.3*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);
    bool done;

    pthread_mutex_lock(&pool.lock);
    done = self->done;
    pthread_mutex_unlock(&pool.lock);
    if (!self->queued) {
        self->queued = true;
        pool_submit(self);
    }
    if (!done) {
        pthread_mutex_lock(&pool.lock);
        rv_waker_store(&self->waker, &cx->waker);
        pthread_mutex_unlock(&pool.lock);
        return RV_PENDING;
    }
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
