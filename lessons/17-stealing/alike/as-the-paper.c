/*@answer
en: The memory orders of the paper (Lê and others, 2013): relaxed, with a fence
en: between the store of bottom and the load of top.
fr: Les ordres mémoire de l'article (Lê et autres, 2013) : relaxed, avec une
fr: barrière entre l'écriture de bottom et la lecture de top.
*/
/*@region 17.1*/
static struct task *deque_pop(struct deque *self)
{
    const long bottom =
        atomic_load_explicit(&self->bottom, memory_order_relaxed) - 1;
    struct task *task = NULL;
    long top;

    atomic_store_explicit(&self->bottom, bottom, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    top = atomic_load_explicit(&self->top, memory_order_seq_cst);
    if (top <= bottom) {
        task = atomic_load_explicit(&self->slots[bottom % SLOTS],
                                    memory_order_acquire);
        if (top == bottom) {
            if (!atomic_compare_exchange_strong_explicit(
                    &self->top, &top, top + 1, memory_order_seq_cst,
                    memory_order_relaxed))
                task = NULL;
            atomic_store_explicit(&self->bottom, bottom + 1,
                                  memory_order_release);
        }
    } else {
        atomic_store_explicit(&self->bottom, bottom + 1, memory_order_release);
    }
    return task;
}
/*@end 17.1*/
