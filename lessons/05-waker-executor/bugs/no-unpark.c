/*@answer
cause: LOST WAKE
kind: queued, not unparked
found: plain
en: "The executor looks into its queue anyway." It would, if it did not sleep:
en: the task id waits there, and nobody wakes the thread.
fr: « L'exécuteur regarde bien sa file. » Oui, s'il ne dormait pas : le numéro
fr: de tâche y attend, et personne ne réveille le thread.
*/

/*@region 5.2*/
static void wake(const struct waker *self)
{
    push_ready(self->ready_queue, self->task_id);
    (void)unpark;
}
/*@end 5.2*/
