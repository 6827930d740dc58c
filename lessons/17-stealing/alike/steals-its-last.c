/*@answer
en: For the last task the owner gives bottom back first, and then takes the
en: task as a thief does.
fr: Pour la dernière tâche, le propriétaire remet d'abord bottom, puis prend la
fr: tâche comme le fait un voleur.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;

    if (atomic_load(&self->top) > bottom)
        return NULL;
    atomic_store(&self->bottom, bottom);
    if (atomic_load(&self->top) < bottom)
        return atomic_load(&self->slots[bottom % SLOTS]);
    atomic_store(&self->bottom, bottom + 1);
    return deque_steal(self);
}
/*@end 17.1*/
