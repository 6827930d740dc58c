/*@answer
cause: READ TOO EARLY
found: plain
en: The same on the other side: woken, so there is a value.
fr: La même chose de l'autre côté : réveillé, donc il y a une valeur.
*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    if (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
