/*@answer
cause: WRONG FIGURE
found: case looks
en: Counts itself into `sleepers`, and never out.
fr: Se compte dans `sleepers`, et ne s'en retire jamais.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    if (!is_any_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
