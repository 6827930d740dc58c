/*@answer
cause: READY TOO EARLY
found: plain
en: READY as soon as the job is in the queue: started is taken for finished.
fr: READY dès que le travail est en file : commencé est pris pour fini.
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
        pool_submit(self);
    }
    (void)done;
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
