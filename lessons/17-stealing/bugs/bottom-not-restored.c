/*@answer
cause: FORGOTTEN TASK
found: case pops
en: Leaves `bottom` one lower when the deque was empty: each such pop pushes it
en: further below `top`, and the next tasks fall into that hole.
fr: Laisse `bottom` un cran plus bas quand la deque était vide : chaque retrait
fr: le pousse plus loin sous `top`, et les tâches suivantes tombent dans ce
fr: trou.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task;
    long top;

    atomic_store(&self->bottom, bottom);
    top = atomic_load(&self->top);
    if (top > bottom)
        return NULL;
    task = atomic_load(&self->slots[bottom % SLOTS]);
    if (top == bottom) {
        if (!atomic_compare_exchange_strong(&self->top, &top, top + 1))
            task = NULL;
        atomic_store(&self->bottom, bottom + 1);
    }
    return task;
}
/*@end 17.1*/
