/*@answer
cause: DEADLOCK
kind: pop wakes nobody
found: plain
en: Takes the value and goes on. That the producer sleeps is no concern of the
en: consumer's, until it waits itself.
fr: Prend la valeur et continue. Que le producteur dorme ne regarde pas le
fr: consommateur, jusqu'à ce qu'il attende lui-même.
*/
/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    return value;
}
/*@end 18.2*/
