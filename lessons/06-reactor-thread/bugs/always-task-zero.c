/*@answer
cause: WRONG OWNER
kind: another task
found: case bells
en: Wakes task 0, whose waker may be anybody's: two GETs are one task, so the
en: plain run ends well.
fr: Réveille la tâche 0, quel que soit le waker : deux GET sont une seule
fr: tâche, donc l'exécution simple finit bien.
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
    pthread_mutex_unlock(&self->lock);
    if (!waker.parker)
        return; /* a late event: harmless */
    lesson_logf("Event of source %zu - wake task %zu", source_id,
                waker.task_id);
    waker.task_id = 0;
    wake(&waker);
}
/*@end 6.2*/
