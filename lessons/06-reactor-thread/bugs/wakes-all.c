/*@answer
cause: POLLS EVERYBODY
found: case bells
en: An event wakes all tasks that wait: "one of them will find something".
fr: Un évènement réveille toutes les tâches qui attendent : « l'une d'elles
fr: trouvera bien quelque chose ».
*/

/*@region 6.2*/
static void reactor_wake(struct reactor *self, size_t source_id)
{
    (void)source_id;
    for (size_t i = 0; i < MAX_SOURCES; i++) {
        struct waker waker;

        pthread_mutex_lock(&self->lock);
        waker = self->wakers[i];
        pthread_mutex_unlock(&self->lock);
        if (waker.parker)
            wake(&waker);
    }
}
/*@end 6.2*/
