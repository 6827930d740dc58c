/*@answer
en: Says that it sleeps before it takes the lock.
fr: Dit qu'il dort avant de prendre le verrou.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    atomic_fetch_add(&idle.sleepers, 1);
    pthread_mutex_lock(&idle.lock);
    if (atomic_load(&idle.stop))
        goto out;
    if (is_any_task())
        goto out;
    pthread_cond_wait(&idle.more, &idle.lock);
out:
    pthread_mutex_unlock(&idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
}
/*@end 17.3*/
