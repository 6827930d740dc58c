/*@answer
en: Sleeps in a loop until there is something, and looks before it takes the
en: lock, too.
fr: Dort dans une boucle jusqu'à ce qu'il y ait quelque chose, et regarde aussi
fr: avant de prendre le verrou.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    if (is_any_task())
        return;
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    while (!atomic_load(&idle.stop) && !is_any_task())
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
