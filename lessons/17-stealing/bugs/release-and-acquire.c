/*@answer
cause: DOUBLE CALL
kind: no order
found: case last
en: Release for the claim, acquire for the look, as in a queue. A store and a
en: load behind it need more: seq_cst.
fr: Release pour la réservation, acquire pour le regard, comme dans une file.
fr: Une écriture puis une lecture demandent plus : seq_cst.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task = NULL;
    long top;

    atomic_store_explicit(&self->bottom, bottom,
                          memory_order_release); /* thieves: this one is mine */
    top = atomic_load_explicit(&self->top, memory_order_acquire);
    if (top <= bottom)
        task = atomic_load(&self->slots[bottom % SLOTS]);
    if (top < bottom)
        return task;
    if (task && !atomic_compare_exchange_strong(&self->top, &top, top + 1))
        task = NULL;
    atomic_store(&self->bottom, bottom + 1);
    return task;
}
/*@end 17.1*/
