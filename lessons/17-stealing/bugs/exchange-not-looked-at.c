/*@answer
cause: DOUBLE CALL
found: case last
en: Makes the compare-exchange, and returns the task whether it succeeded or
en: not.
fr: Fait l'échange comparé, et renvoie la tâche, qu'il ait réussi ou non.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task = NULL;
    long top;

    atomic_store(&self->bottom, bottom);
    top = atomic_load(&self->top);
    if (top <= bottom)
        task = atomic_load(&self->slots[bottom % SLOTS]);
    if (top < bottom)
        return task;
    if (task)
        atomic_compare_exchange_strong(&self->top, &top, top + 1);
    atomic_store(&self->bottom, bottom + 1);
    return task;
}
/*@end 17.1*/
