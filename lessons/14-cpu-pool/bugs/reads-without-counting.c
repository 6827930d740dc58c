/*@answer
cause: BLOCKS THE OTHERS
found: plain
en: Reads one packet for each free worker, whether or not there is one.
fr: Lit un paquet pour chaque worker libre, qu'il y en ait un ou non.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    struct triple triple;

    for (int i = 0; i < WORKERS; i++) {
        if (pool.workers[i].job)
            continue;
        lesson_unwrap((int)read(pool.queue[0], &triple, sizeof(triple)),
                      "read");
        pool.queued--;
        worker_give(&pool.workers[i], &triple);
    }
}
/*@end 14.2*/
