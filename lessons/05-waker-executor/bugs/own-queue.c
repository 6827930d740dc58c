/*@answer
cause: LOST WAKE
kind: wrong queue
found: plain
en: wake() keeps a queue of its own. The id is in it, and the executor never
    looks there.
fr: wake() a sa propre file. Le numéro y est, et l'exécuteur n'y regarde
    jamais.
*/

/*@region 5.2*/
static void wake(const struct waker *self)
{
    static struct ready_queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

    push_ready(&queue, self->task_id);
    unpark(self->parker);
}
/*@end 5.2*/
