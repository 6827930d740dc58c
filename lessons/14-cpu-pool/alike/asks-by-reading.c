/*@answer
en: Makes the reading end non-blocking, and reads until it is empty: the count
en: is not needed then.
fr: Rend le bout de lecture non bloquant, et lit jusqu'à ce qu'il soit vide : le
fr: compte ne sert plus.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    struct triple triple;

    fcntl(pool.queue[0], F_SETFL, O_NONBLOCK | O_DIRECT);
    for (int i = 0; i < WORKERS; i++) {
        if (pool.workers[i].job)
            continue;
        if (read(pool.queue[0], &triple, sizeof(triple)) < 0)
            return;
        pool.queued--;
        worker_give(&pool.workers[i], &triple);
    }
}
/*@end 14.2*/
