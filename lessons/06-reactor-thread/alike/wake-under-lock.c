/*@answer
en: Calls wake() with the lock held, as the slides do. The executor that it
en: wakes may have to wait for the lock; nobody waits for ever.
fr: Appelle wake() en tenant le verrou, comme sur les diapositives. L'exécuteur
fr: réveillé attend peut-être le verrou ; personne n'attend sans fin.
*/

/*@region 6.2*/
static void reactor_wake(struct reactor *self, size_t source_id)
{
    const struct waker *waker = &self->wakers[source_id];

    pthread_mutex_lock(&self->lock);
    if (waker->parker) {
        lesson_logf("Event of source %zu - wake task %zu", source_id,
                    waker->task_id);
        wake(waker);
    }
    pthread_mutex_unlock(&self->lock);
}
/*@end 6.2*/
