/*@answer
en: Counts nothing: asks the pipe by poll(), which does not wait, whether there
en: is a packet. A system call more for each job.
fr: Ne compte rien : demande au tube par poll(), qui n'attend pas, s'il y a un
fr: paquet. Un appel système de plus par travail.
*/

/*@region 14.1*/
static void job_queued(void *job, int32_t result)
{
    (void)job;
    if (result < 0)
        return;
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

/*@region 14.2*/
#include <poll.h>

static bool has_packet(void)
{
    struct pollfd one = {.fd = pool.queue[0], .events = POLLIN};

    return poll(&one, 1, 0) == 1;
}

static void pool_trigger(void)
{
    struct triple triple;

    for (int i = 0; i < WORKERS; i++) {
        if (pool.workers[i].job || !has_packet())
            continue;
        if (read(pool.queue[0], &triple, sizeof(triple)) == sizeof(triple))
            worker_give(&pool.workers[i], &triple);
    }
}
/*@end 14.2*/
