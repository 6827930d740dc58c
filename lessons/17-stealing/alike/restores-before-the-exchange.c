/*@answer
en: Restores `bottom` before the exchange: a thief may come then, and one of
en: the two wins all the same.
fr: Rétablit `bottom` avant l'échange : un voleur peut alors venir, et l'un des
fr: deux gagne quand même.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom = atomic_load(&self->bottom) - 1;
    struct task *task = NULL;
    long top;

    atomic_store(&self->bottom, bottom); /* thieves: this one is mine */
    top = atomic_load(&self->top);
    if (top <= bottom)
        task = atomic_load(&self->slots[bottom % SLOTS]);
    if (top < bottom)
        return task;
    atomic_store(&self->bottom, bottom + 1);
    if (task && !atomic_compare_exchange_strong(&self->top, &top, top + 1))
        task = NULL;
    return task;
}
/*@end 17.1*/
