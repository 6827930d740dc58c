/*@answer
cause: LOST WAKE
kind: another condition
found: plain
en: Sleeps on the other condition, on which main waits for the root. Nobody
en: signals it for a new task.
fr: Dort sur l'autre condition, celle où main attend la racine. Personne ne la
fr: signale pour une nouvelle tâche.
*/

/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    if (!is_any_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.is_done, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
