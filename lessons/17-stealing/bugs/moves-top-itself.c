/*@answer
cause: DOUBLE CALL
found: case last
en: Takes the last task and moves `top` past it by a plain store. A thief may
en: have moved it in between, with that task in its hands.
fr: Prend la dernière tâche et pousse `top` au-delà par une simple écriture. Un
fr: voleur a pu le pousser entre-temps, cette tâche en main.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task;

    atomic_store(&self->bottom, bottom);
    if (atomic_load(&self->top) > bottom) {
        atomic_store(&self->bottom, bottom + 1);
        return NULL;
    }
    task = atomic_load(&self->slots[bottom % SLOTS]);
    if (atomic_load(&self->top) == bottom) {
        atomic_store(&self->top, bottom + 1);
        atomic_store(&self->bottom, bottom + 1);
    }
    return task;
}
/*@end 17.1*/
