/*@answer
cause: DEADLOCK
kind: pop wakes nobody
found: sweep
en: Knocks only if the channel was full, and looks before its store: the
en: producer may have filled it in between, and gone to sleep.
fr: Ne frappe que si le canal était plein, et regarde avant son écriture : entre
fr: les deux, le producteur a pu le remplir et s'endormir.
*/

/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    unsigned long tail;
    int value;

    while ((tail = atomic_load(&self->tail)) == head)
        door_park(&self->filled);
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    if (tail - head == self->capacity)
        door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
