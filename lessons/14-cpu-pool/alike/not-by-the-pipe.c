/*@answer
en: If a worker is free, no packet can be waiting: the job goes to it at once,
en: and only the others go through the pipe.
fr: Si un worker est libre, aucun paquet n'attend : le travail lui est donné
fr: aussitôt, et seuls les autres passent par le tube.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    if (result < 0)
        return;
    pool.queued++;
    pool_trigger();
}

static void pool_execute(struct job *job)
{
    for (int i = 0; i < WORKERS; i++)
        if (!pool.workers[i].job) {
            worker_give(&pool.workers[i], &job->triple);
            return;
        }
    const struct rv_ring_call call = {.opcode = IORING_OP_WRITE,
                                      .fd = pool.queue[1],
                                      .addr = rv_ring_addr(&job->triple),
                                      .len = sizeof(job->triple),
                                      .offset = UINT64_MAX};

    lesson_expect(rv_ring_start(pool.ring, &call, job_queued, job) == 0,
                  "ring");
}
/*@end 14.1*/
