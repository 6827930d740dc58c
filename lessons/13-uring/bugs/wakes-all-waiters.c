/*@answer
cause: POLLS EVERYBODY
found: plain
en: Wakes all that wait, at each event: each of them is polled, and most for
en: nothing.
fr: Réveille tous ceux qui attendent, à chaque évènement : chacun est sondé, et
fr: presque toujours pour rien.
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
    for (unsigned i = 0; i < MAX_SLOTS; i++)
        if (self->slots[i].taken)
            rv_waker_wake(&self->slots[i].waker);
    __atomic_store_n(self->cq_head, tail, __ATOMIC_RELEASE);
}
/*@end 13.3*/
