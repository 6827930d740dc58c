/*@answer
en: Wakes the task before the job is done: it is polled later, on this thread.
en: A write that is not whole is no packet.
fr: Réveille la tâche avant que le travail soit fait : elle est sondée plus
fr: tard, sur ce thread. Une écriture incomplète n'est pas un paquet.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    if (result != (int32_t)sizeof(struct triple))
        return;
    if (++pool.queued == 1)
        pool_trigger();
}

static void pool_execute(struct job *job)
{
    const struct rv_ring_call call = {.opcode = IORING_OP_WRITE,
                                      .fd = pool.queue[1],
                                      .addr = rv_ring_addr(job),
                                      .len = sizeof(job->triple),
                                      .offset = UINT64_MAX};

    lesson_expect(rv_ring_start(pool.ring, &call, job_queued, job) == 0,
                  "ring");
}
/*@end 14.1*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *job = self->job;

    rv_waker_wake(&job->waker);
    job->done = true;
    job_put(job);
    self->job = NULL;
    pool_trigger();
}
/*@end 14.3*/

/*@region 14.4*/
static void run_drop(struct rv_future *future)
{
    struct run *self = (struct run *)future;

    if (!self->job)
        return;
    rv_waker_drop(&self->job->waker);
    job_put(self->job);
    self->job = NULL;
}
/*@end 14.4*/
