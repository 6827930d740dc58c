/*@answer
cause: PUT TWICE
found: plain
en: Puts a reference when the packet is in the pipe: "the kernel is done with
en: it". But the pool is not, until the worker has sent its byte.
fr: Rend une référence quand le paquet est dans le tube : « le noyau en a
fr: fini ». Mais pas le pool, tant que le worker n'a pas envoyé son octet.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    if (result < 0)
        return;
    pool.queued++;
    pool_trigger();
    job_put(job);
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
