/*@answer
cause: LOST WAKE
kind: lock not held
found: case quiet
en: pthread_cond_wait() without the lock that it is to release.
fr: pthread_cond_wait() sans le verrou qu'elle doit rendre.
*/
/*@region 17.3*/
static void worker_sleep(void)
{
    atomic_fetch_add(&idle.sleepers, 1);
    if (!is_any_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_fetch_sub(&idle.sleepers, 1);
}
/*@end 17.3*/
