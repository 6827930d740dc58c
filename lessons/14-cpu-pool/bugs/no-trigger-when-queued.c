/*@answer
cause: STUCK QUEUE
found: plain
en: Counts the packet, and gives it to nobody: the first job waits for a worker
en: that is set free, and no worker was ever busy.
fr: Compte le paquet et ne le donne à personne : le premier travail attend qu'un
fr: worker se libère, et aucun worker n'a jamais été occupé.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    if (result < 0)
        return;
    pool.queued++;
    (void)pool_trigger;
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
