/*@answer
cause: WRONG FIGURE
found: case looks
en: Sets `sleepers` to 1 and back to 0, as a flag: the first that wakes says
en: that nobody sleeps.
fr: Met `sleepers` à 1, puis à 0, comme un drapeau : le premier réveillé dit que
fr: personne ne dort.
*/

/*@region 17.3*/
static void worker_sleep(void)
{
    pthread_mutex_lock(&idle.lock);
    atomic_store(&idle.sleepers, 1);
    if (!is_any_task() && !atomic_load(&idle.stop))
        pthread_cond_wait(&idle.more, &idle.lock);
    atomic_store(&idle.sleepers, 0);
    pthread_mutex_unlock(&idle.lock);
}
/*@end 17.3*/
