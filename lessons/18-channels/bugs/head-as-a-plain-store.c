/*@answer
cause: OVERWRITTEN
kind: room too early
found: sweep
en: `head = n` instead of atomic_store(), and before the value is read.
fr: `head = n` au lieu de atomic_store(), et avant que la valeur soit lue.
*/

/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    self->head = head + 1;
    value = self->slots[head % self->capacity];
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
