/*@answer
en: Takes the waker out of the reactor when its event comes: each poll leaves
en: it again.
fr: Retire le waker du réacteur quand son évènement arrive : chaque sondage le
fr: laisse de nouveau.
*/

/*@region 6.2*/
/*
 * The waker is copied with the lock held and called without it: the executor
 * that it wakes takes this lock at once, in reactor_set_waker().
 */
static void reactor_wake(struct reactor *self, size_t source_id)
{
    struct waker waker;

    pthread_mutex_lock(&self->lock);
    waker = self->wakers[source_id];
    self->wakers[source_id] = (struct waker){0};
    pthread_mutex_unlock(&self->lock);
    if (!waker.parker)
        return; /* a late event: harmless */
    lesson_logf("Event of source %zu - wake task %zu", source_id,
                waker.task_id);
    wake(&waker);
}
/*@end 6.2*/
