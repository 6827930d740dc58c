/*@answer
en: Gives one packet each time, to the last worker that is free: each packet and
en: each release trigger once, so that is enough. Takes the job's address only;
en: the rest of the packet is lost, and it is in the job too.
fr: Donne un paquet à la fois, au dernier worker libre : chaque paquet et
fr: chaque libération déclenche une fois, cela suffit. Ne lit que l'adresse du
fr: travail ; le reste du paquet est perdu, et il est aussi dans le travail.
*/

/*@region 14.2*/
static void pool_trigger(void)
{
    struct worker *free_one = NULL;
    struct job *job;

    for (int i = 0; i < WORKERS; i++)
        if (pool.workers[i].job == NULL)
            free_one = &pool.workers[i];
    if (!free_one || pool.queued == 0)
        return;
    pool.queued--;
    lesson_unwrap((int)read(pool.queue[0], &job, sizeof(job)), "read");
    worker_give(free_one, &job->triple);
}
/*@end 14.2*/
