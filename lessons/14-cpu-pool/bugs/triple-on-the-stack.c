/*@answer
cause: WRONG PACKET
kind: of the pool
todo: 14.1
found: plain
en: Has the ring write a copy of the triple, on the stack. The kernel reads it
en: when pool_execute() has long returned.
fr: Fait écrire par le ring une copie du triplet, sur la pile. Le noyau la lit
fr: alors que pool_execute() est revenue depuis longtemps.
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
    struct triple triple = job->triple;
    const struct rv_ring_call call = {.opcode = IORING_OP_WRITE,
                                      .fd = pool.queue[1],
                                      .addr = rv_ring_addr(&triple),
                                      .len = sizeof(job->triple),
                                      .offset = UINT64_MAX};

    lesson_expect(rv_ring_start(pool.ring, &call, job_queued, job) == 0,
                  "ring");
}
/*@end 14.1*/
