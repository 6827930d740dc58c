/*@answer
cause: STUCK QUEUE
found: plain
en: Reads each packet that is there, and then looks for a free worker. If there
en: is none, the packet is lost: it was taken out of the pipe.
fr: Lit chaque paquet présent, puis cherche un worker libre. S'il n'y en a pas,
fr: le paquet est perdu : il a été retiré du tube.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    struct triple triple;

    while (pool.queued > 0) {
        lesson_unwrap((int)read(pool.queue[0], &triple, sizeof(triple)),
                      "read");
        pool.queued--;
        for (int i = 0; i < WORKERS; i++)
            if (!pool.workers[i].job) {
                worker_give(&pool.workers[i], &triple);
                break;
            }
    }
}
/*@end 14.2*/
