/*@answer
cause: DOUBLE CALL
found: case last
en: Looks at `top` first, and says only then, by `bottom`, that the task is
en: taken. In between thieves have come down to it.
fr: Regarde d'abord `top`, et ne dit qu'ensuite, par `bottom`, que la tâche est
fr: prise. Entre les deux, des voleurs sont descendus jusqu'à elle.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task;

    if (atomic_load(&self->top) > bottom)
        return NULL;
    task = atomic_load(&self->slots[bottom % SLOTS]);
    atomic_store(&self->bottom, bottom);
    return task;
}
/*@end 17.1*/
