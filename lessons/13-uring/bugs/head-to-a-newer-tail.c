/*@answer
cause: ENTRY LOST
found: case counters
en: Gives back all places up to the tail as it is now. What has come meanwhile
en: was not read.
fr: Rend toutes les places jusqu'au tail tel qu'il est maintenant. Ce qui est
fr: venu entre-temps n'a pas été lu.
*/

/*@region 13.3*/
static void ring_reap(struct ring *self)
{
    const unsigned tail = __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE);
    unsigned head = *self->cq_head;

    for (; head != tail; head++) {
        const struct io_uring_cqe *entry = &self->cqes[head & self->cq_mask];
        struct slot *slot = ring_slot(self, entry->user_data);

        if (!slot->taken || slot->generation != entry->user_data >> 32)
            continue;
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
    __atomic_store_n(self->cq_head,
                     __atomic_load_n(self->cq_tail, __ATOMIC_ACQUIRE),
                     __ATOMIC_RELEASE);
}
/*@end 13.3*/
