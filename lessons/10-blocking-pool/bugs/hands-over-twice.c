/*@answer
cause: DOUBLE CALL
found: case spurious
en: Hands the job over at each poll that finds it not done. A spurious poll
en: writes the file twice.
fr: Confie le travail à chaque sondage qui ne le trouve pas fait. Un sondage
fr: superflu écrit le fichier deux fois.
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
    if (!done) {
        self->next = NULL;
        pool_submit(self);
        return RV_PENDING;
    }
    RV_RETURN(future, self->result);
}
/*@end 10.3*/
