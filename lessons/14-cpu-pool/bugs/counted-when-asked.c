/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Counts the packet when the write is asked for. The ring has not even told
en: the kernel yet: the read finds an empty pipe, and main sleeps in it.
fr: Compte le paquet dès que l'écriture est demandée. Le ring ne l'a même pas
fr: encore dit au noyau : la lecture trouve un tube vide, et main s'y endort.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    (void)result;
}

static void pool_execute(struct job *job)
{
    const struct rv_ring_call call = {.opcode = IORING_OP_WRITE,
                                      .fd = pool.queue[1],
                                      .addr = rv_ring_addr(&job->triple),
                                      .len = sizeof(job->triple),
                                      .offset = UINT64_MAX};

    lesson_expect(rv_ring_start(pool.ring, &call, job_queued, job) == 0,
                  "ring");
    pool.queued++;
    pool_trigger();
}
/*@end 14.1*/
