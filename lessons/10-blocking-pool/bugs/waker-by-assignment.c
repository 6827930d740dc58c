/*@answer
cause: PUT TWICE
kind: a waker
found: plain
en: Copies the waker by an assignment: no reference is made, and the pool thread
en: drops one.
fr: Copie le waker par une affectation : aucune référence n'est créée, et le
fr: thread du pool en rend une.
*/

/*@region 10.3*/
static enum rv_poll job_poll(struct rv_future *future, struct rv_cx *cx)
{
    struct job *self = RV_CONTAINER_OF(future, struct job, future);
    bool done;

    pthread_mutex_lock(&pool.lock);
    self->waker = cx->waker;
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
