/*@answer
cause: LOST WAKE
kind: came before the sleep
found: sweep
en: Looks first and says that it sleeps behind that. The lock does not help:
en: main looks at `sleepers` without it.
fr: Regarde d'abord et dit ensuite qu'il dort. Le verrou n'y fait rien : main
fr: regarde `sleepers` sans lui.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    if (!is_any_task() && !atomic_load(&idle.stop)) {
        atomic_fetch_add(&idle.sleepers, 1);
        pthread_cond_wait(&idle.more, &idle.lock);
        atomic_fetch_sub(&idle.sleepers, 1);
    }
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
