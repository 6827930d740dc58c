/*@answer
cause: LOST WAKE
kind: came before the sleep
found: case looks
en: The second look is for the injector, and a worker may also have pushed into
en: its deque meanwhile. It saw no sleeper and woke nobody.
fr: Le second regard ne porte que sur l'injecteur, alors qu'un worker a aussi pu
fr: ajouter dans sa deque entre-temps. Il n'a vu aucun dormeur et n'a réveillé
fr: personne.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    (void)is_any_task;
    if (!injector_has_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
