/*@answer
cause: STUCK QUEUE
found: plain
en: Triggers, and counts the packet after that: for the trigger there was
en: nothing in the pipe.
fr: Déclenche, et compte le paquet ensuite : pour le déclencheur, il n'y avait
fr: rien dans le tube.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    if (result < 0)
        return;
    pool_trigger();
    pool.queued++;
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
