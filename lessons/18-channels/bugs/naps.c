/*@answer
cause: SLEEPS INSTEAD OF WAITING
found: plain
en: Sleeps five milliseconds and looks again, instead of sleeping at the door.
fr: Dort cinq millisecondes et regarde de nouveau, au lieu de dormir à la porte.
*/

/*@region 18.2*/
static int spsc_pop(struct spsc *self)
{
    const unsigned long head = atomic_load(&self->head);
    int value;

    while (atomic_load(&self->tail) == head)
        rv_coro_sleep_until(rv_after_ms(5));
    value = self->slots[head % self->capacity];
    atomic_store(&self->head, head + 1);
    door_unpark(&self->room);
    return value;
}
/*@end 18.2*/
