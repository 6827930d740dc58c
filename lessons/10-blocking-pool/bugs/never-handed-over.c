/*@answer
cause: FORGOTTEN TASK
kind: never handed over
found: plain
en: The first poll notes that the job is handed over, and does not do it.
fr: Le premier sondage note que le travail est confié, et ne le confie pas.
*/

/*@region 10.3*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);
    bool done;

    pthread_mutex_lock(&pool.lock);
    rv_waker_store(&self->waker, &cx->waker);
    done = self->done;
    pthread_mutex_unlock(&pool.lock);
    if (!self->queued) {
        self->queued = true;
    }
    if (!done)
        return RV_PENDING;
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
