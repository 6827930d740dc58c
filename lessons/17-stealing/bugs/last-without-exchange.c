/*@answer
cause: DOUBLE CALL
found: case last
en: "bottom says that it is mine": takes the last task without asking whether a
en: thief is just taking it.
fr: « bottom dit qu'elle est à moi » : prend la dernière tâche sans demander si
fr: un voleur est en train de la prendre.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;

    atomic_store(&self->bottom, bottom);
    if (atomic_load(&self->top) <= bottom)
        return atomic_load(&self->slots[bottom % SLOTS]);
    atomic_store(&self->bottom, bottom + 1);
    return NULL;
}
/*@end 17.1*/
