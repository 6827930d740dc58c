/*@answer
cause: LOST WAKE
kind: came before the sleep
found: sweep
en: Looks a second time, and says only then that it sleeps: what is pushed
en: between the two sees no sleeper.
fr: Regarde une seconde fois, et ne dit qu'ensuite qu'il dort : ce qui est
fr: ajouté entre les deux ne voit aucun dormeur.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    if (is_any_task() || atomic_load(&idle.stop))
        return;
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    if (!atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
