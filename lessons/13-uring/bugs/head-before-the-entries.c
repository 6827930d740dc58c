/*@answer
cause: ENTRY LOST
found: plain
en: Gives the entries back first, and reads them after that.
fr: Rend d'abord les entrées, et les lit ensuite.
*/
/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    __atomic_store_n(self->cq_head, tail, __ATOMIC_RELEASE);
    for (; head != tail; head++) {
        const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken || slot->generation != entry->user_data >> 32)
            continue; /* of somebody who did not wait for it */
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
}
/*@end 13.3*/
