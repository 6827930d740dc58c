/*@answer
cause: LOST WAKE
kind: order of the two
found: sweep
en: Wakes first, queues after that. Nearly always fast enough: the push is over
en: before the other thread runs. Not if it has to wait just there.
fr: Réveille d'abord, met dans la file ensuite. Presque toujours assez rapide :
fr: l'ajout est fait avant que l'autre thread tourne. Sauf s'il attend juste là.
*/

/*@region 5.2*/
static void wake(const struct waker *self)
{
    unpark(self->parker);
    push_ready(self->ready_queue, self->task_id);
}
/*@end 5.2*/
