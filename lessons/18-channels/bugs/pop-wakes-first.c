/*@answer
cause: LOST WAKE
kind: woken too early
found: sweep
en: Wakes the producer, and makes room after that. In between it has looked and
en: sleeps again.
fr: Réveille le producteur, et fait de la place ensuite. Entre les deux, il a
fr: regardé et s'est rendormi.
*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    door_unpark(&self->room);
    atomic_store(&self->head, head + 1);
    return value;
}
/*@end 18.2*/
