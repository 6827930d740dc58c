/*@answer
en: Gives each entry back before it wakes, and looks at the tail again each
en: time.
fr: Rend chaque entrée avant de réveiller, et regarde le tail de nouveau à
fr: chaque fois.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    unsigned head = *self->cq_head;

    while (head != __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE)) {
        const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken || slot->generation != entry->user_data >> 32)
            slot = NULL; /* of somebody who did not wait for it */
        else
            slot->result = entry->res;
        __atomic_store_n(self->cq_head, ++head, __ATOMIC_RELEASE);
        if (!slot)
            continue;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
}
/*@end 13.3*/

/*@region 13.2*/
static int ring_submit(struct ring *self)
{
    const unsigned count =
        self->filled - __atomic_load_n(self->sq_tail, __ATOMIC_RELAXED);

    if (count == 0)
        return 0;
    /* release: what is in the entries comes before; the kernel's acquire of
     * the tail sees it. */
    __atomic_store_n(self->sq_tail, self->filled, __ATOMIC_RELEASE);
    return ring_enter(self, count);
}
/*@end 13.2*/
