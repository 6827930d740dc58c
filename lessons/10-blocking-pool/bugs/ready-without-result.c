/*@answer
cause: ERROR LOST
found: case again
en: READY, and the result stays in the job: whoever awaits it reads 0.
fr: READY, et le résultat reste dans le travail : qui l'attend lit 0.
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
    if (!done)
        return RV_PENDING;
    return RV_READY;
}
/*@end 10.3*/
