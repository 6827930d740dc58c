/*@answer
en: A fence before a relaxed store of the tail.
fr: Une barrière avant une écriture relaxed du tail.
*/
/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count = self->filled - *self->sq_tail;

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELAXED);
    return ring_enter(self, count);
}
/*@end 13.2*/
