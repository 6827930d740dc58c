/*@answer
cause: DEADLOCK
kind: lock kept
found: case looks
en: No unlock at the end: after its sleep the worker holds the lock.
fr: Pas d'unlock à la fin : après son sommeil, le worker tient le verrou.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_fetch_add(&idle.sleepers, 1);
    if (!is_any_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
}
/*@end 17.3*/
