/*@answer
cause: OVERWRITTEN
kind: room too early
found: sweep
en: Moves `head` first, and reads the value then. On another thread the producer
en: writes the next one into the slot in between.
fr: Avance d'abord `head`, et lit la valeur ensuite. Sur un autre thread, le
fr: producteur écrit la suivante dans l'emplacement entre les deux.
*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    atomic_store(&self->head, head + 1);
    value = self->slots[head % self->capacity];
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
