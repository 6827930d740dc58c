/*@answer
cause: NOT DRAINED
found: plain
en: Reads all, and does not say so: the next time the same ones are there
en: again, and the ring fills up.
fr: Lit tout, et ne le dit pas : la fois suivante les mêmes sont encore là, et
fr: le ring se remplit.
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
            continue; /* of somebody who did not wait for it */
        slot->result = entry->res;
        slot->done = true;
        rv_waker_wake(&slot->waker);
    }
}
/*@end 13.3*/
