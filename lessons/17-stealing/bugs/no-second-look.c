/*@answer
cause: LOST WAKE
kind: came before the sleep
found: sweep
en: find_task() has just found nothing, so it sleeps. What came in between woke
en: nobody, as nobody slept.
fr: find_task() vient de ne rien trouver, donc il dort. Ce qui est venu
fr: entre-temps n'a réveillé personne, puisque personne ne dormait.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    (void)is_any_task;
    if (!atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
