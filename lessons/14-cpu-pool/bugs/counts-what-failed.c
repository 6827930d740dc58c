/*@answer
cause: ERROR LOST
kind: a write that failed
found: case refused
en: Does not look at the result: a write that the kernel refused counts as a
en: packet, and main reads from an empty pipe.
fr: Ne regarde pas le résultat : une écriture que le noyau a refusée compte
fr: pour un paquet, et main lit dans un tube vide.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    (void)result;
    pool.queued++;
    pool_trigger();
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
}
/*@end 14.1*/
