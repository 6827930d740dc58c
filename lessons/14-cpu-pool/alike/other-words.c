/*@answer
en: The same with other words: a function that looks for a free worker, the
en: entry filled in field by field, the waker taken out before the job is put.
fr: La même chose en d'autres mots : une fonction qui cherche un worker libre,
fr: l'entrée remplie champ par champ, le waker retiré avant que le travail soit
fr: rendu.
*/

/*@region 14.2*/
static struct worker *free_worker(void)
{
    for (struct worker *w = pool.workers; w < pool.workers + WORKERS; w++)
        if (w->job == NULL)
            return w;
    return NULL;
}

static void pool_trigger(void)
{
    struct worker *worker;
    struct triple packet;

    while (pool.queued && (worker = free_worker())) {
        pool.queued -= 1;
        if (read(pool.queue[0], &packet, sizeof packet) != sizeof packet)
            abort();
        worker_give(worker, &packet);
    }
}
/*@end 14.2*/

/*@region 14.1*/
static void job_queued(void *unused, int32_t written)
{
    (void)unused;
    lesson_expect(written == sizeof(struct triple), "queue");
    ++pool.queued;
    pool_trigger();
}

static void pool_execute(struct job *job)
{
    struct rv_ring_call write_it;

    memset(&write_it, 0, sizeof(write_it));
    write_it.opcode = IORING_OP_WRITE;
    write_it.fd = pool.queue[1];
    write_it.addr = (uintptr_t)&job->triple;
    write_it.len = 24;
    write_it.offset = (uint64_t)-1;
    if (rv_ring_start(pool.ring, &write_it, job_queued, NULL) < 0)
        abort();
}
/*@end 14.1*/

/*@region 14.3*/
static void pool_release_worker(struct worker *self)
{
    struct job *const done = self->job;
    struct rv_waker waker;

    done->done = true;
    waker = rv_waker_take(&done->waker);
    self->job = NULL;
    pool_trigger();
    rv_waker_wake_and_drop(&waker);
    job_put(done);
}
/*@end 14.3*/

/*@region 14.4*/
static void run_drop(struct rv_future *future)
{
    struct run *run = RV_CONTAINER_OF(future, struct run, future);
    struct job *job = run->job;

    run->job = NULL;
    if (!job)
        return;
    rv_waker_drop(&job->waker);
    job_put(job);
}
/*@end 14.4*/
