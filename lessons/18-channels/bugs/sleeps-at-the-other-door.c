/*@answer
cause: DEADLOCK
kind: another door
found: plain
en: Sleeps at the producer's door, where it knocks itself.
fr: Dort à la porte du producteur, à laquelle il frappe lui-même.
*/

/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->room);
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
